import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe } from 'vitest';
import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { compileJava, curatorClasspath, type JavaProgram } from './java.ts';

/** A running CuratorPeer. Orders are obeyed, and answered, in the order in which they were given. */
export class CuratorPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(program: JavaProgram, hosts: string) {
    this.#child = spawn(program.command, [...program.arguments, hosts], { stdio: 'pipe' });
    this.#child.stderr.resume();
    this.#child.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(order: string): Promise<string> {
    this.#child.stdin.write(`${order}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the Curator process has ended');
    return value;
  }

  /** As `kill -9`: its session is left to time out. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** A server, a client of ours, and Curator. */
export interface CuratorWorld {
  readonly hosts: string;
  readonly client: KazooClient;
  readonly curator: CuratorPeer;
  /** Another client of ours, closed when the tests are done. */
  connect(): Promise<KazooClient>;
  /** Another Curator process, to be killed. */
  newPeer(): CuratorPeer;
}

/** Describes what is so beside Curator, on each kind of server. */
export function besideCurator(title: string, body: (world: CuratorWorld) => void): void {
  describe.skipIf(typeof jars === 'string')(title, () => {
    let program: JavaProgram;
    beforeAll(async () => {
      if (typeof jars !== 'string') program = await compileJava('CuratorPeer', jars.classpath);
    });
    for (const kind of ['embedded', 'real'] as const)
      describe.skipIf(kind === 'real' && noServer !== null)(`on the ${kind} server`, () => body(openWorld(kind, () => program)));
  });
}

const jars = await curatorClasspath();
const noServer = await whyNoRealZooKeeper();

function openWorld(kind: 'embedded' | 'real', program: () => JavaProgram): CuratorWorld {
  const clients: KazooClient[] = [];
  const peers: CuratorPeer[] = [];
  let server: EmbeddedZooKeeper | ManagedZooKeeper;
  const connect = async (): Promise<KazooClient> => {
    const client = new KazooClient({ hosts: server.connectString, connectionRetry: { maxTries: -1, delay: 20, maxDelay: 200 } });
    clients.push(client);
    return client.start();
  };
  const newPeer = (): CuratorPeer => {
    const peer = new CuratorPeer(program(), server.connectString);
    peers.push(peer);
    return peer;
  };
  beforeAll(async () => {
    const options = { tickTime: 500 };
    server = kind === 'real' ? await ManagedZooKeeper.start(options) : await EmbeddedZooKeeper.start(options);
    await connect();
    newPeer();
  });
  afterAll(async () => {
    for (const peer of peers) peer.kill();
    await Promise.all(clients.map((client) => client.close()));
    await (server instanceof ManagedZooKeeper ? server.destroy() : server?.close());
  });
  return {
    get hosts() {
      return server.connectString;
    },
    get client() {
      return clients[0]!;
    },
    get curator() {
      return peers[0]!;
    },
    connect,
    newPeer,
  };
}
