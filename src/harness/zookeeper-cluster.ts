import createDebug from 'debug';
import { count, expectOptions, type Expectation, isWhole } from '../base/expectations.ts';
import { freePorts } from './free-ports.ts';
import { HarnessError } from './harness-error.ts';
import { ManagedZooKeeper, SERVER_EXPECTED, START_EXPECTED } from './managed-zookeeper.ts';
import type { ManagedZooKeeperOptions, StartOptions } from './managed-zookeeper.ts';
import { memberLine } from './server-files.ts';
import type { EnsembleMember } from './server-files.ts';

const log = createDebug('kazoo:harness');

/** Options of an ensemble; the other options apply to each of its servers. */
export interface ZooKeeperClusterOptions extends Omit<ManagedZooKeeperOptions, 'workingPath' | 'ensemble'> {
  /** Number of voting servers. Default 3; 1 without observers is a standalone server. */
  size?: number | undefined;
  /** Number of additional non-voting servers. Default 0. */
  observers?: number | undefined;
}

const EXPECTED = {
  ...SERVER_EXPECTED,
  size: ['a whole number of voting servers, at least 1', (value) => isWhole(value, 1)],
  observers: count,
} as const satisfies Record<keyof ZooKeeperClusterOptions, Expectation>;

const ADDED_EXPECTED: Readonly<Record<string, Expectation>> = {
  ...START_EXPECTED,
  role: ['"participant" or "observer"', (value) => value === 'participant' || value === 'observer'],
};

/**
 * An ensemble of real ZooKeeper servers on this machine; each is a {@link ManagedZooKeeper}. Like Kazoo's
 * `kazoo.testing.common.ZookeeperCluster`; in addition, servers can be added if `reconfig` is on.
 *
 * @example
 * await using cluster = await ZooKeeperCluster.start({ size: 3 });
 * const leader = await cluster.leader();
 * await leader?.kill();
 */
export class ZooKeeperCluster {
  /** The options of each server. */
  readonly #options: ManagedZooKeeperOptions;
  readonly #voters: number;
  readonly #observers: number;
  readonly #servers: ManagedZooKeeper[] = [];
  readonly #members: EnsembleMember[] = [];
  #choosing: Promise<void> | null = null;

  /**
   * An ensemble that is not started yet. It has its servers once it has started; {@link ZooKeeperCluster.create} chooses them at once.
   *
   * @throws ConfigurationError naming an option that is unknown or has the wrong type
   */
  constructor(options: ZooKeeperClusterOptions = {}) {
    expectOptions('ZooKeeperCluster', options, EXPECTED);
    const { size = 3, observers = 0, ...each } = options;
    this.#options = each;
    this.#voters = size;
    this.#observers = observers;
  }

  /** Chooses ports and folders of all servers, without starting them. Rejects with {@link HarnessError} if no server can run. */
  static async create(options: ZooKeeperClusterOptions = {}): Promise<ZooKeeperCluster> {
    const cluster = new ZooKeeperCluster(options);
    await cluster.#choose();
    return cluster;
  }

  /** {@link create} and {@link ZooKeeperCluster.start} in one; leaves nothing behind if the ensemble does not come up. */
  static async start(options: ZooKeeperClusterOptions = {}, start: StartOptions = {}): Promise<ZooKeeperCluster> {
    const cluster = await ZooKeeperCluster.create(options);
    try {
      await cluster.start(start);
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
    return cluster;
  }

  /** Voting servers first, then observers, then added servers. The id of the server at index `i` is `i + 1`. */
  get servers(): readonly ManagedZooKeeper[] {
    if (this.#servers.length === 0) {
      throw new HarnessError('the cluster has no servers before it is started: await start(), or make it with create()');
    }
    return this.#servers;
  }

  get size(): number {
    return this.#servers.length || this.#voters + this.#observers;
  }

  /** All servers, for a client's `hosts`. */
  get connectString(): string {
    return this.servers.map((server) => server.connectString).join(',');
  }

  /** The TLS ports of all servers; `null` without `tls`. */
  get secureConnectString(): string | null {
    const secure = this.servers.map((server) => server.secureConnectString).filter((address) => address !== null);
    return secure.length === 0 ? null : secure.join(',');
  }

  [Symbol.iterator](): IterableIterator<ManagedZooKeeper> {
    return this.servers[Symbol.iterator]();
  }

  /** The server at `index`; a negative index counts from the end. Throws `RangeError` if there is none. */
  at(index: number): ManagedZooKeeper {
    const server = this.servers.at(index);
    if (server === undefined) throw new RangeError(`the cluster has ${this.size} servers, none at ${index}`);
    return server;
  }

  /** Starts all servers that are not running, and waits until each of them serves clients. */
  async start(options: StartOptions = {}): Promise<void> {
    await this.#choose();
    log('starting an ensemble of %d: %s', this.size, this.connectString);
    await together(this.#servers.map((server) => server.start(options)));
  }

  /** Stops all servers, keeping their data. */
  async stop(): Promise<void> {
    await together(this.#servers.map((server) => server.stop()));
  }

  /** Kills all servers at once, keeping their data. */
  async kill(): Promise<void> {
    await together(this.#servers.map((server) => server.kill()));
  }

  /** {@link stop}, then {@link ZooKeeperCluster.start}. */
  async restart(options: StartOptions = {}): Promise<void> {
    await this.stop();
    await this.start(options);
  }

  /** Kills all servers and deletes their data. */
  async reset(): Promise<void> {
    await together(this.#servers.map((server) => server.reset()));
  }

  /** Kills all servers and removes everything from the disk. Idempotent. Kazoo's `terminate`. */
  async destroy(): Promise<void> {
    await this.#choosing?.catch(() => undefined);
    await together(this.#servers.map((server) => server.destroy()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** The current leader (a standalone server counts as one); `null` if there is none. */
  async leader(): Promise<ManagedZooKeeper | null> {
    const modes = await this.#modes();
    return this.#servers.find((_, index) => modes[index] === 'leader' || modes[index] === 'standalone') ?? null;
  }

  /** The current followers, without observers. */
  async followers(): Promise<ManagedZooKeeper[]> {
    const modes = await this.#modes();
    return this.#servers.filter((_, index) => modes[index] === 'follower');
  }

  /** `server.N=…` of the server at `index`, as `reconfig` expects it for a joining member. */
  memberLine(index: number): string {
    const member = this.#members.at(index);
    if (member === undefined) throw new RangeError(`the cluster has ${this.size} servers, none at ${index}`);
    return memberLine(member);
  }

  /**
   * Starts another server, which knows the ensemble but is not yet a member. Needs `reconfig`. It waits, listening, until a
   * client's `reconfig({ joining })` with {@link memberLine}`(-1)` adds it.
   */
  async addServer(options: StartOptions & { role?: 'participant' | 'observer' | undefined } = {}): Promise<ManagedZooKeeper> {
    await this.#choose();
    if (this.#options.reconfig !== true || this.#members.length === 1) {
      throw new HarnessError('a server can be added only to an ensemble with the option reconfig: true');
    }
    expectOptions('addServer', options, ADDED_EXPECTED);
    const { role, until = 'listening', ...start } = options;
    const observers = role === 'observer' ? 1 : 0;
    const [added] = await chooseMembers(this.#members.length + 1, 1 - observers, observers);
    // ZooKeeper accepts an unknown server as a non-voting follower; the joiner lists itself so that it knows its own ports.
    const server = await ManagedZooKeeper.create(inEnsemble(this.#options, added!.id, [...this.#members, added!]));
    this.#servers.push(server);
    this.#members.push(added!);
    await server.start({ until, ...start });
    return server;
  }

  /** The last lines of each server's log, preceded by its address. */
  async logs(lines = 100): Promise<string> {
    const logs = await Promise.all(
      this.#servers.map(async (server) => `== ${server.connectString}\n${await server.logs(lines)}`),
    );
    return logs.join('\n');
  }

  /** All calls share one choice; only a failed one is repeated. */
  #choose(): Promise<void> {
    this.#choosing ??= this.#chooseServers().catch((error: unknown) => {
      this.#choosing = null;
      throw error;
    });
    return this.#choosing;
  }

  async #chooseServers(): Promise<void> {
    const members = await chooseMembers(1, this.#voters, this.#observers);
    const alone = members.length === 1;
    const servers = await Promise.all(
      members.map(({ id }) => ManagedZooKeeper.create(alone ? this.#options : inEnsemble(this.#options, id, members))),
    );
    this.#servers.push(...servers);
    this.#members.push(...members);
  }

  #modes(): Promise<Array<string | null>> {
    return Promise.all(this.#servers.map((server) => server.mode()));
  }
}

async function chooseMembers(firstId: number, participants: number, observers: number): Promise<EnsembleMember[]> {
  const host = '127.0.0.1';
  const count = participants + observers;
  const ports = await freePorts(count * 3, host);
  return Array.from({ length: count }, (_, index) => ({
    id: firstId + index,
    host,
    clientPort: ports[index * 3]!,
    quorumPort: ports[index * 3 + 1]!,
    electionPort: ports[index * 3 + 2]!,
    role: index < participants ? 'participant' : 'observer',
  }));
}

function inEnsemble(options: ManagedZooKeeperOptions, id: number, members: readonly EnsembleMember[]): ManagedZooKeeperOptions {
  return { ...options, ensemble: { id, members } };
}

/** Waits for all, even after one has failed, so that nothing continues in the background; then throws the first failure. */
async function together(work: ReadonlyArray<Promise<void>>): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
