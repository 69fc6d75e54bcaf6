import { afterAll, beforeAll, describe } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { pythonKazoo } from '../support/python.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { PythonPeer, type PythonClient } from './python-peer.ts';

/** A server, a client of ours, and one of Python Kazoo's. */
export interface World {
  readonly hosts: string;
  readonly node: KazooClient;
  readonly python: PythonClient;
  /** Another client of ours, closed when the file is done. */
  connect(timeout?: number): Promise<KazooClient>;
  /** Another Python process, to be killed. */
  newPeer(): PythonPeer;
}

export type ServerKind = 'embedded' | 'real';

/** Describes what is so beside Python Kazoo, on each kind of server. One Python process serves a whole file. */
export function besidePython(title: string, servers: readonly ServerKind[], body: (world: World) => void): void {
  const peers: PythonPeer[] = [];
  const newPeer = (): PythonPeer => {
    if (typeof kazoo === 'string') throw new Error(kazoo);
    const peer = new PythonPeer(kazoo);
    peers.push(peer);
    return peer;
  };
  describe.skipIf(typeof kazoo === 'string')(title, () => {
    afterAll(() => Promise.all(peers.map((peer) => peer.kill())));
    for (const kind of servers) {
      describe.skipIf(kind === 'real' && noServer !== null)(`on the ${kind} server`, () => body(openWorld(kind, peers, newPeer)));
    }
  });
}

const kazoo = await pythonKazoo();
const noServer = await whyNoRealZooKeeper();

const RETRY = { maxTries: -1, delay: 20, maxDelay: 200 };

function openWorld(kind: ServerKind, peers: readonly PythonPeer[], newPeer: () => PythonPeer): World {
  const clients: KazooClient[] = [];
  let server: EmbeddedZooKeeper | ManagedZooKeeper;
  let python: PythonClient;
  const connect = async (timeout = 6_000): Promise<KazooClient> => {
    const client = new KazooClient({ hosts: server.connectString, timeout, connectionRetry: RETRY });
    clients.push(client);
    return client.start();
  };
  beforeAll(async () => {
    server = kind === 'real' ? await ManagedZooKeeper.start({ tickTime: 500 }) : await EmbeddedZooKeeper.start({ tickTime: 500 });
    await connect();
    python = await (peers[0] ?? newPeer()).connect(server.connectString);
  });
  afterAll(async () => {
    await python.call('stop');
    await Promise.all(clients.map((client) => client.close()));
    await (server instanceof ManagedZooKeeper ? server.destroy() : server.close());
  });
  return {
    get hosts() {
      return server.connectString;
    },
    get node() {
      return clients[0]!;
    },
    get python() {
      return python;
    },
    connect,
    newPeer,
  };
}
