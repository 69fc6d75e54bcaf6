import { onTestFinished } from 'vitest';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { eventually, stateOf } from './workbench.ts';

/** A server of the test's own, closed after it, and clients of it. */
export class Lab {
  readonly server: EmbeddedZooKeeper;

  private constructor(server: EmbeddedZooKeeper) {
    this.server = server;
  }

  static async open(): Promise<Lab> {
    const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    onTestFinished(() => server.close());
    return new Lab(server);
  }

  /** A connected client, closed after the test. */
  async client(options: KazooClientOptions = {}): Promise<KazooClient> {
    const client = new KazooClient({
      hosts: this.server.connectString,
      timeout: 2_000,
      connectionRetry: { maxTries: -1, delay: 20, maxDelay: 100 },
      ...options,
    });
    onTestFinished(() => client.close());
    await client.start();
    return client;
  }

  /** Ends a client's session behind its back, and waits until it knows and has another. */
  async expire(client: KazooClient): Promise<void> {
    const lost = stateOf(client, 'LOST');
    this.server.expireSession(client.clientId!.sessionId);
    this.server.dropConnections();
    await lost;
    await untilConnected(client);
  }
}

export { stateOf as once };

export async function untilConnected(client: KazooClient): Promise<void> {
  if (client.state !== 'CONNECTED') await stateOf(client, 'CONNECTED');
}

/** Looks again and again until what it sees is so; a look that fails counts as no. */
export async function until(what: string, seen: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(seen).catch((cause: unknown) => {
    throw new Error(`waited in vain until ${what}`, { cause });
  });
}
