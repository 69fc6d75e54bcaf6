import { BadVersionError, ConnectionLoss, NodeExistsError, NoNodeError, SessionExpiredError } from '../../src/base/errors.ts';
import type { WatchedEvent } from '../../src/base/states.ts';
import { WorkerThreadHandler } from '../../src/connection/worker-thread-handler.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { contend, type Dice, type History, pause, type Referee } from './lock-model.ts';

/** What happens to a request when a server goes away, and what others' doing makes of it. Nothing else may. */
const EXPECTED = [ConnectionLoss, SessionExpiredError, BadVersionError, NodeExistsError, NoNodeError] as const;

/** What all clients together have been promised of one counter, whose value is its version. */
export class SharedCounter {
  readonly path = '/load/counter';
  readonly #acknowledged = new Set<number>();
  readonly #history: History;
  highest = 0;

  constructor(history: History) {
    this.#history = history;
  }

  get count(): number {
    return this.#acknowledged.size;
  }

  acknowledge(version: number): void {
    if (this.#acknowledged.has(version)) this.#history.violation(`version ${version} of the counter was acknowledged twice`);
    this.#acknowledged.add(version);
    this.highest = Math.max(this.highest, version);
  }
}

/** A watch left before something happens: what it has been told. */
export interface Beacon {
  readonly path: string;
  readonly events: WatchedEvent[];
  /** Of the session in which it was left. */
  readonly epoch: number;
}

export interface LoadOptions {
  readonly index: number;
  readonly hosts: readonly string[];
  /** Session timeout, milliseconds. */
  readonly timeout: number;
  readonly dice: Dice;
  readonly history: History;
  readonly counter: SharedCounter;
  readonly referee: Referee;
  /** The module of a {@link WorkerThreadHandler}. */
  readonly workerUrl: URL;
}

/** One client that reads, writes, counts, keeps ephemeral nodes and waits for a lock, and checks each answer against what it was promised before. */
export class LoadedClient {
  readonly client: KazooClient;
  readonly timeout: number;
  readonly #options: LoadOptions;
  readonly #own: string;
  readonly #unsettled = new Map<symbol, { what: string; since: number }>();
  #running = true;
  #work: Promise<unknown> = Promise.resolve();
  #attempted = 0;
  #acknowledged = 0;
  #epoch = 0;
  /** By the clock of `performance`. */
  lastSuccess = 0;
  calls = 0;

  constructor(options: LoadOptions) {
    const { index, hosts, timeout, history, workerUrl } = options;
    this.#options = options;
    this.timeout = timeout;
    this.#own = `/load/own-${index}`;
    // A few have their connection in a thread of its own.
    const handler = index % 5 === 0 ? { handler: new WorkerThreadHandler({ workerUrl }) } : {};
    this.client = new KazooClient({ hosts: [...hosts], timeout, ...handler });
    this.client.on('state', (state) => {
      if (state === 'LOST') this.#epoch += 1;
      history.note(`client ${index}: ${state}`);
    });
    this.client.on('error', (error) => history.violation(`client ${index}: a callback threw ${String(error)}`));
  }

  async begin(): Promise<void> {
    await this.client.start({ timeout: 60_000 });
    await this.client.ensurePath(this.#own);
    const { dice } = this.#options;
    const loops = [
      this.#repeat(50, () => this.#write()),
      this.#repeat(90, () => this.#read()),
      this.#repeat(250, () => this.#count()),
      this.#repeat(500, () => this.#visit()),
    ];
    if (this.#options.index % 3 === 0) loops.push(this.#contend(dice));
    this.#work = Promise.all(loops);
    this.#work.catch((error: unknown) => this.#options.history.violation(`client ${this.#options.index}: ${String(error)}`));
  }

  /** Resolves when all that was under way has been settled. */
  async end(): Promise<void> {
    this.#running = false;
    await this.#work;
  }

  /** What has not been settled for longer than `limit` milliseconds. */
  overdue(limit: number): string[] {
    const now = performance.now();
    return [...this.#unsettled.values()]
      .filter(({ since }) => now - since > limit)
      .map(({ what, since }) => `client ${this.#options.index}: ${what}, for ${Math.round(now - since)} ms`);
  }

  /** Whether the session of that epoch is over. */
  hasLost({ epoch }: Beacon): boolean {
    return this.#epoch !== epoch;
  }

  /** Leaves a watch. */
  async watch(path: string): Promise<Beacon> {
    const beacon: Beacon = { path, events: [], epoch: this.#epoch };
    await this.client.get(path, {
      watch: (event) => {
        this.#options.history.note(`client ${this.#options.index}: ${event.type} of ${path}`);
        beacon.events.push(event);
      },
    });
    return beacon;
  }

  /** Compares the last value with what was promised. */
  check(value: number): void {
    if (value < this.#acknowledged || value > this.#attempted)
      this.#options.history.violation(
        `${this.#own} is ${value}, but ${this.#acknowledged} was acknowledged and ${this.#attempted} the last attempted`,
      );
  }

  get own(): string {
    return this.#own;
  }

  async #write(): Promise<void> {
    const value = (this.#attempted += 1);
    await this.#track(`set ${this.#own} to ${value}`, this.client.set(this.#own, String(value)));
    this.#acknowledged = value;
  }

  /** Behind a sync, a read shows all that was acknowledged before, whatever the server and the session. */
  async #read(): Promise<void> {
    const acknowledged = this.#acknowledged;
    const [, [data]] = await Promise.all([
      this.#track(`sync ${this.#own}`, this.client.sync(this.#own)),
      this.#track(`get ${this.#own}`, this.client.get(this.#own)),
    ]);
    const value = Number(data!.toString() || 0);
    if (value < acknowledged)
      this.#options.history.violation(`client ${this.#options.index} read ${value} after ${acknowledged} was acknowledged`);
  }

  async #count(): Promise<void> {
    const { counter } = this.#options;
    const [data, { version }] = await this.#track('get the counter', this.client.get(counter.path));
    if (Number(data!.toString()) !== version)
      this.#options.history.violation(`the counter is ${data!.toString()} at version ${version}`);
    const stat = await this.#track('count', this.client.set(counter.path, String(version + 1), { version }));
    counter.acknowledge(stat.version);
  }

  /** An ephemeral node stays for as long as its session. */
  async #visit(): Promise<void> {
    const epoch = this.#epoch;
    const path = await this.#track('create', this.client.create('/load/visit-', '', { ephemeral: true, sequence: true }));
    await pause(this.#options.dice.between(0, 500));
    const [, stat] = await Promise.all([
      this.#track('sync', this.client.sync(path)),
      this.#track('exists', this.client.exists(path)),
    ]);
    if (stat === null && epoch === this.#epoch) this.#options.history.violation(`${path} went before its session`);
    if (stat !== null) await this.#track('delete', this.client.delete(path));
  }

  #contend(dice: Dice): Promise<void> {
    const { referee, index } = this.#options;
    const lock = new Lock(this.client, '/load/lock');
    const share = { name: `client ${index}`, client: index, part: 1 };
    return contend({ dice, referee, share, target: () => lock, tokens: true }, () => this.#running);
  }

  async #repeat(interval: number, step: () => Promise<void>): Promise<void> {
    while (this.#running) {
      await step().catch((error: unknown) => {
        if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
      });
      await pause(this.#options.dice.between(0, 2 * interval));
    }
  }

  async #track<T>(what: string, call: Promise<T>): Promise<T> {
    const id = Symbol(what);
    this.calls += 1;
    this.#unsettled.set(id, { what, since: performance.now() });
    try {
      const result = await call;
      this.lastSuccess = performance.now();
      return result;
    } finally {
      this.#unsettled.delete(id);
    }
  }
}
