import { ExtendedClient } from './client/extended-client.ts';

/** A ZooKeeper client, with every recipe. */
export class KazooClient extends ExtendedClient {}
