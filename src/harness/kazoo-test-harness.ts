import { randomUUID } from 'node:crypto';
import type { KazooClientOptions } from '../client/options.ts';
import type { ClientId } from '../client/recipe-client.ts';
import { KazooClient } from '../kazoo-client.ts';
import type { KazooState } from '../base/states.ts';
import { EmbeddedZooKeeper } from '../server/embedded-zookeeper.ts';
import { HarnessError } from './harness-error.ts';
import { ManagedZooKeeper } from './managed-zookeeper.ts';

/** What tests run against. */
export interface KazooTestHarnessOptions {
  /**
   * `embedded` (default) or `real`: a server of the harness's own; or the connect string of one that runs already.
   * The environment variable ZK_HOSTS, where set, wins over the default.
   */
  server?: string;
}

interface TestServer {
  readonly connectString: string;
  close(): Promise<void>;
}

const STATE_TIMEOUT = 30_000;

/**
 * A server, and clients in a chroot of their own, for one test (Kazoo's `KazooTestHarness`).
 *
 * @example
 * const harness = new KazooTestHarness();
 * await harness.setupZookeeper();
 * await harness.client.create('/a', 'data');
 * await harness.expireSession();
 * await harness.teardownZookeeper();
 */
export class KazooTestHarness {
  readonly #options: KazooTestHarnessOptions;
  #server: TestServer | undefined;
  #chroot = '';
  #client: KazooClient | undefined;
  readonly #clients = new Set<KazooClient>();

  constructor(options: KazooTestHarnessOptions = {}) {
    this.#options = options;
  }

  /** The first client, connected. @throws HarnessError before `setupZookeeper` */
  get client(): KazooClient {
    if (this.#client === undefined) throw new HarnessError('no client yet: call setupZookeeper() first');
    return this.#client;
  }

  /** The connect string, with this test's chroot. */
  get hosts(): string {
    if (this.#server === undefined) throw new HarnessError('no server yet: call setupZookeeper() first');
    return this.#server.connectString + this.#chroot;
  }

  /** Starts the server, makes the chroot, and connects `client`, with these options. */
  async setupZookeeper(options: KazooClientOptions = {}): Promise<void> {
    await this.teardownZookeeper();
    this.#server = await this.#startServer();
    this.#chroot = `/kazootests${randomUUID().replaceAll('-', '')}`;
    this.#client = this.getClient(options);
    await this.#client.start();
    await this.#client.ensurePath('/');
  }

  /** Stops every client made here, and the server if it was started here. */
  async teardownZookeeper(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.stop()));
    this.#clients.clear();
    this.#client = undefined;
    await this.#server?.close();
    this.#server = undefined;
  }

  /** One more client of the same server and chroot, not started; it is stopped with the others. */
  getClient(options: KazooClientOptions = {}): KazooClient {
    const client = new KazooClient({ hosts: this.hosts, ...options });
    this.#clients.add(client);
    return client;
  }

  /** Cuts the connection of a client (default: `client`), and waits until it is back in the same session. */
  async loseConnection(client: KazooClient = this.client): Promise<void> {
    const suspended = waitForState(client, 'SUSPENDED');
    client.dropConnection();
    await suspended;
    if (client.state !== 'CONNECTED') await waitForState(client, 'CONNECTED');
  }

  /** Ends the session of a client (default: `client`) at the server, and waits until it has another. Its ephemeral nodes go. */
  async expireSession(client: KazooClient = this.client): Promise<void> {
    const { clientId } = client;
    if (clientId === null) throw new HarnessError('the client has no session to expire');
    let lost = false;
    const onLost = (): void => void (lost = true);
    client.on('lost', onLost);
    try {
      while (!lost) await this.#takeSession(client, clientId);
    } finally {
      client.off('lost', onLost);
    }
    if (client.state !== 'CONNECTED') await waitForState(client, 'CONNECTED');
  }

  /** The documented way to end somebody's session: take it over, and close it. Its owner may be quicker, and have it back before. */
  async #takeSession(client: KazooClient, clientId: ClientId): Promise<void> {
    const other = new KazooClient({ hosts: this.#server!.connectString, clientId });
    await Promise.all([waitForState(client, 'LOST', 'CONNECTED'), other.start().then(() => other.stop())]);
  }

  async #startServer(): Promise<TestServer> {
    const wanted = this.#options.server ?? process.env['ZK_HOSTS'] ?? 'embedded';
    if (wanted === 'embedded') return EmbeddedZooKeeper.start();
    if (wanted !== 'real') return { connectString: wanted, close: () => Promise.resolve() };
    const server = await ManagedZooKeeper.start();
    return { connectString: server.connectString, close: () => server.destroy() };
  }
}

/** The first of these states that the client comes to. */
function waitForState(client: KazooClient, ...wanted: KazooState[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      client.off('state', listen);
      settle();
    };
    const listen = (state: KazooState): void => {
      if (wanted.includes(state)) end(resolve);
    };
    const timer = setTimeout(
      () =>
        end(() =>
          reject(
            new HarnessError(`the client did not reach ${wanted.join(' or ')} within ${STATE_TIMEOUT} ms; it is ${client.state}`),
          ),
        ),
      STATE_TIMEOUT,
    );
    client.on('state', listen);
  });
}
