import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type Beacon, LoadedClient, SharedCounter } from './load.ts';
import { Dice, eventually, History, pause, Referee, within } from './lock-model.ts';

const CLIENTS = 20;
const BEACONS = 3;
const TIMEOUTS = [4_000, 6_000] as const;
/** No promise stays open longer than this once the service is there. */
const PATIENCE = 30_000;

/** Three real servers, a network before each of them, twenty clients under load, four of them with connections in threads of their own, and one that looks after them. */
export class Stage {
  readonly cluster: ZooKeeperCluster;
  readonly proxies: readonly TcpProxy[];
  readonly history = new History();
  readonly clients: LoadedClient[] = [];
  readonly #keeper: KazooClient;
  readonly #counter = new SharedCounter(this.history);
  readonly #referee = new Referee(this.history, 'lock', 1);
  readonly #seed: number;
  readonly #folder: string;

  private constructor(cluster: ZooKeeperCluster, proxies: readonly TcpProxy[], seed: number, folder: string) {
    this.#folder = folder;
    this.cluster = cluster;
    this.proxies = proxies;
    this.#seed = seed;
    this.#keeper = new KazooClient({ hosts: cluster.connectString, timeout: 8_000 });
  }

  static async set(seed: number): Promise<Stage> {
    const cluster = await ZooKeeperCluster.start({ size: 3, tickTime: 400 });
    const proxies = await Promise.all([...cluster].map((server) => TcpProxy.open(server.connectString)));
    const stage = new Stage(cluster, proxies, seed, await mkdtemp(join(tmpdir(), 'kazoo-worker-')));
    await stage.#populate();
    return stage;
  }

  async #populate(): Promise<void> {
    const keeper = await this.#keeper.start({ timeout: 60_000 });
    await keeper.create('/load', '');
    await keeper.create(this.#counter.path, '0');
    const hosts = this.proxies.map((proxy) => proxy.connectString);
    const outfile = join(this.#folder, 'connection-worker.mjs');
    const entry = fileURLToPath(new URL('../../src/connection-worker.ts', import.meta.url));
    await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' });
    const shared = {
      hosts,
      history: this.history,
      counter: this.#counter,
      referee: this.#referee,
      workerUrl: pathToFileURL(outfile),
    };
    for (let index = 0; index < CLIENTS; index++) {
      for (let beacon = 0; beacon < BEACONS; beacon++) await keeper.create(beaconPath(index, beacon), '');
      const dice = new Dice(this.#seed + index);
      const timeout = TIMEOUTS[index % TIMEOUTS.length]!;
      this.clients.push(new LoadedClient({ ...shared, index, timeout, dice }));
    }
    await Promise.all(this.clients.map((client) => client.begin()));
  }

  /**
   * One fault and all that must hold in spite of it.
   *
   * @param fault resolves at the instant at which the service is there again
   * @param after what remains to be put in order before the next
   */
  async endure(name: string, fault: () => Promise<void>, after: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const { history } = this;
    try {
      await this.allRecovered(performance.now());
      const beacons = await Promise.all(this.clients.map((client, index) => this.#light(client, index)));
      history.note(`FAULT ${name}`);
      // Applied as soon as there is a leader: for some in the midst of the fault, while they are away.
      const changed = this.#changeBeacons('during');
      await fault();
      const back = performance.now();
      history.note(`THE SERVICE IS BACK after ${name}`);
      const slowest = await this.allRecovered(back);
      await after();
      await within('the beacons are changed', PATIENCE, changed);
      await within('the beacons are changed again', PATIENCE, this.#changeBeacons('after'));
      await this.#checkBeacons(beacons);
      await eventually('one connection a client is left', PATIENCE, () => this.#oneConnectionEach());
      this.#nothingOverdue();
      if (history.violations.length > 0) throw new Error(history.violations[0]);
      process.stderr.write(`${name}: the slowest client recovered within ${slowest.toFixed(2)} session timeouts\n`);
    } catch (error) {
      throw new Error(`KAZOO_SEED=${this.#seed}: ${name}: ${(error as Error).message}\n${history.tail}`, { cause: error });
    }
  }

  /** @returns the longest time a client took, as a part of its session timeout. @throws if one took more than twice that */
  async allRecovered(since: number): Promise<number> {
    const parts = await Promise.all(
      this.clients.map(async (client, index) => {
        const limit = 2 * client.timeout;
        await eventually(`client ${index} (${client.timeout} ms) recovers`, limit, () => client.lastSuccess > since);
        return (client.lastSuccess - since) / client.timeout;
      }),
    );
    return Math.max(...parts);
  }

  /** The load ends, and everything is compared with what was promised; then all clients leave, and nothing of them stays. */
  async finish(): Promise<string> {
    const keeper = this.#keeper;
    try {
      await within('everything is settled', PATIENCE, Promise.all(this.clients.map((client) => client.end())));
      await keeper.retry(() => keeper.sync('/load'));
      for (const client of this.clients) client.check(Number((await keeper.get(client.own))[0]!.toString() || 0));
      const [data, { version }] = await keeper.get(this.#counter.path);
      if (Number(data!.toString()) !== version || version < this.#counter.highest || version < this.#counter.count)
        this.history.violation(
          `the counter is ${data!.toString()} at version ${version}, ${this.#counter.count} increments up to ${this.#counter.highest} were acknowledged`,
        );
      for (const [index, { client }] of this.clients.entries())
        if (client.listenerCount('state') !== 1)
          this.history.violation(`client ${index} has ${client.listenerCount('state')} listeners left`);
      await within('every client leaves', PATIENCE, Promise.all(this.clients.map(({ client }) => client.close())));
      await eventually('no ephemeral node is left', PATIENCE, async () => (await this.#ephemerals()).length === 0);
      if (this.history.violations.length > 0) throw new Error(this.history.violations[0]);
    } catch (error) {
      throw new Error(`KAZOO_SEED=${this.#seed}: ${(error as Error).message}\n${this.history.tail}`, { cause: error });
    }
    const calls = this.clients.reduce((sum, client) => sum + client.calls, 0);
    return `${calls} calls, ${this.#counter.count} increments acknowledged, ${this.#referee.served} holds of the lock`;
  }

  async strike(): Promise<void> {
    for (const client of this.clients) await client.client.close();
    await this.#keeper.close();
    for (const proxy of this.proxies) await proxy.close();
    await this.cluster.destroy();
    await rm(this.#folder, { recursive: true });
  }

  /** Resolves once a leader and its followers serve. */
  async untilServed(): Promise<void> {
    await eventually(
      'there is a leader',
      60_000,
      async () => (await this.cluster.leader()) !== null && (await this.cluster.followers()).length > 0,
    );
  }

  #light(client: LoadedClient, index: number): Promise<Beacon[]> {
    return Promise.all(
      Array.from({ length: BEACONS }, (_, beacon) => client.client.retry(() => client.watch(beaconPath(index, beacon)))),
    );
  }

  async #changeBeacons(value: string): Promise<void> {
    const paths = this.clients.flatMap((_, index) => Array.from({ length: BEACONS }, (_, beacon) => beaconPath(index, beacon)));
    await Promise.all(paths.map((path) => this.#keeper.retry(() => this.#keeper.set(path, value))));
  }

  /** Each watch has been told once, of the change or of the end of its session. */
  async #checkBeacons(beacons: readonly (readonly Beacon[])[]): Promise<void> {
    await eventually('every watch has been told', PATIENCE, () => beacons.flat().every(({ events }) => events.length > 0));
    await pause(300);
    for (const [index, own] of beacons.entries())
      for (const beacon of own) {
        const types = beacon.events.map(({ type }) => type);
        const isWell =
          types.length === 1 && (types[0] === 'CHANGED' || (types[0] === 'NONE' && this.clients[index]!.hasLost(beacon)));
        if (!isWell) this.history.violation(`client ${index}: the watch of ${beacon.path} was told ${types.join(', ')}`);
      }
  }

  async #oneConnectionEach(): Promise<boolean> {
    const answers = await Promise.all([...this.cluster].map((server) => server.command('cons')));
    const connected = answers.flatMap((answer) =>
      [...(answer ?? '').matchAll(/sid=0x([0-9a-f]+)/g)].map(([, id]) => BigInt(`0x${id}`)),
    );
    const expected = [...this.clients.map(({ client }) => client), this.#keeper].map(({ clientId }) => clientId?.sessionId);
    const sorted = (ids: readonly (bigint | undefined)[]): string =>
      ids
        .map((id) => BigInt.asUintN(64, id ?? 0n).toString(16))
        .sort()
        .join(' ');
    return sorted(connected) === sorted(expected);
  }

  #nothingOverdue(): void {
    const overdue = this.clients.flatMap((client) => client.overdue(PATIENCE));
    if (overdue.length > 0) this.history.violation(`unsettled: ${overdue.join('; ')}`);
  }

  async #ephemerals(): Promise<string[]> {
    const keeper = this.#keeper;
    await keeper.sync('/load');
    return keeper.getEphemerals('/load').then(async () => {
      const found: string[] = [];
      for await (const path of keeper.walk('/load')) if ((await keeper.exists(path))?.ephemeralOwner) found.push(path);
      return found;
    });
  }
}

function beaconPath(client: number, beacon: number): string {
  return `/load/beacon-${client}-${beacon}`;
}
