import { randomUUID } from 'node:crypto';
import { formatHost } from '../base/hosts.ts';
import { expectOptions, type Expectation, text } from '../base/expectations.ts';
import { DROP } from '../client/internals.ts';
import type { KazooClientOptions } from '../client/options.ts';
import type { ClientId } from '../client/recipe-client.ts';
import { KazooClient } from '../kazoo-client.ts';
import type { KazooState } from '../base/states.ts';
import { Turnstile } from '../base/turnstile.ts';
import { EmbeddedZooKeeper } from '../server/embedded-zookeeper.ts';
import { HarnessError } from './harness-error.ts';
import { ManagedZooKeeper } from './managed-zookeeper.ts';

/** Options of a {@link KazooTestHarness}. */
export interface KazooTestHarnessOptions {
  /**
   * `embedded` (default) or `real`: the harness starts its own server; or the connect string of a running server.
   * The environment variable ZK_HOSTS, if set, replaces the default.
   */
  server?: string | undefined;
}

const EXPECTED = { server: text } as const satisfies Record<keyof KazooTestHarnessOptions, Expectation>;

interface TestServer {
  readonly connectString: string;
  readonly isOurs: boolean;
  close(): Promise<void>;
}

const STATE_TIMEOUT = 30_000;

/**
 * A server, and clients in a separate chroot, for one test (Kazoo's `KazooTestHarness`).
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
  readonly #turnstile = new Turnstile();
  #server: TestServer | undefined;
  #chroot = '';
  #client: KazooClient | undefined;
  /** The clients, with their options. */
  readonly #clients = new Map<KazooClient, KazooClientOptions>();

  /** @throws ConfigurationError naming an option that is unknown or has the wrong type */
  constructor(options: KazooTestHarnessOptions = {}) {
    expectOptions('KazooTestHarness', options, EXPECTED);
    this.#options = options;
  }

  /** The first client, connected. @throws HarnessError before `setupZookeeper` */
  get client(): KazooClient {
    if (this.#client === undefined) throw new HarnessError('there is no client yet: call setupZookeeper() first');
    return this.#client;
  }

  /** The connect string, with this test's chroot. */
  get hosts(): string {
    if (this.#server === undefined) throw new HarnessError('there is no server yet: call setupZookeeper() first');
    return this.#server.connectString + this.#chroot;
  }

  /** Starts the server, creates the chroot, and connects `client` with these options. Leaves nothing behind if it fails. */
  setupZookeeper(options: KazooClientOptions = {}): Promise<void> {
    return this.#turnstile.pass(async () => {
      await this.#teardown();
      try {
        this.#server = await this.#startServer();
        this.#chroot = `/kazootests${randomUUID().replaceAll('-', '')}`;
        this.#client = this.getClient(options);
        await this.#client.start();
        await this.#client.ensurePath('/');
      } catch (error) {
        await this.#teardown();
        throw error;
      }
    });
  }

  /** Stops all clients created here, and the server if it was started here; on another server, deletes the chroot as far as `client` may. */
  teardownZookeeper(): Promise<void> {
    return this.#turnstile.pass(() => this.#teardown());
  }

  async #teardown(): Promise<void> {
    const client = this.#client;
    const others = [...this.#clients.keys()].filter((each) => each !== client);
    await Promise.all(others.map((each) => each.stop()));
    if (this.#server?.isOurs === false && client?.connected === true)
      await client.delete('/', { recursive: true, timeout: STATE_TIMEOUT }).catch(() => undefined);
    await client?.stop();
    this.#clients.clear();
    this.#client = undefined;
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Creates another client for the same server and chroot, not started; it is stopped with the others. */
  getClient(options: KazooClientOptions = {}): KazooClient {
    const { hosts } = this;
    const client = new KazooClient({ ...options, hosts: options.hosts ?? hosts });
    this.#clients.set(client, options);
    return client;
  }

  /** Drops the connection of a client (default: `client`), and waits until it is connected again in the same session. */
  async loseConnection(client: KazooClient = this.client): Promise<void> {
    const suspended = waitForState(client, ['SUSPENDED']);
    client[DROP]('dropped for a test');
    await suspended;
    if (client.state !== 'CONNECTED') await waitForState(client, ['CONNECTED']);
  }

  /** Ends the session of a client (default: `client`) on the server, and waits until it has a new one. Its ephemeral nodes are deleted. */
  async expireSession(client: KazooClient = this.client): Promise<void> {
    const { clientId } = client;
    if (clientId === null) throw new HarnessError('the client has no session to expire');
    let lost = false;
    const onLost = (): void => void (lost = true);
    client.on('lost', onLost);
    const deadline = performance.now() + STATE_TIMEOUT;
    try {
      while (!lost) {
        if (performance.now() > deadline)
          throw new HarnessError(`the client's session could not be taken over within ${STATE_TIMEOUT} ms`);
        await this.#takeSession(client, clientId);
      }
    } finally {
      client.off('lost', onLost);
    }
    if (client.state !== 'CONNECTED') await waitForState(client, ['CONNECTED']);
  }

  /** The documented way to end another client's session: take it over, and close it. Its owner may be quicker and take it back first. */
  async #takeSession(client: KazooClient, clientId: ClientId): Promise<void> {
    // Without a chroot, whose lookup would give the owner time to come back.
    const hosts = client.hosts.map(formatHost);
    const other = new KazooClient({ ...this.#clients.get(client), hosts, clientId });
    const failed = new AbortController();
    const moved = waitForState(client, ['LOST', 'CONNECTED'], failed.signal);
    try {
      await other.start({ timeout: STATE_TIMEOUT });
    } catch (error) {
      failed.abort(error);
    }
    await Promise.all([moved, other.stop()]);
  }

  async #startServer(): Promise<TestServer> {
    const wanted = this.#options.server ?? (process.env['ZK_HOSTS'] || 'embedded');
    if (wanted !== 'embedded' && wanted !== 'real')
      return { connectString: wanted, isOurs: false, close: () => Promise.resolve() };
    const server = await (wanted === 'real' ? ManagedZooKeeper : EmbeddedZooKeeper).start();
    return { connectString: server.connectString, isOurs: true, close: () => server[Symbol.asyncDispose]() };
  }
}

/** Waits until the client reaches one of these states. @throws the signal's reason, once aborted */
function waitForState(client: KazooClient, wanted: KazooState[], signal?: AbortSignal): Promise<void> {
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
    signal?.addEventListener('abort', () => end(() => reject(signal.reason as Error)));
    client.on('state', listen);
  });
}
