import { ConnectionLoss, NoNodeError, NodeExistsError, NotEmptyError, SessionExpiredError } from '../../src/base/errors.ts';
import type { WatchedEvent } from '../../src/base/states.ts';
import type { ZnodeStat } from '../../src/base/znode-stat.ts';
import type { WatchHandle } from '../../src/client/recipe-client.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { DataWatch } from '../../src/recipe/data-watch.ts';
import { type Dice, type History, pause } from './lock-model.ts';

/** Where it happens: nodes with nodes below, so that creates, changes and deletes are about as frequent. */
export const ROOT = '/watched';
const PARENTS = ['a', 'b'].map((name) => `${ROOT}/${name}`);
const PATHS = [...PARENTS, ...PARENTS.flatMap((parent) => ['x', 'y', 'z'].map((name) => `${parent}/${name}`))];

/** What may become of a request where others are at work and connections break. Nothing else may. */
const EXPECTED = [ConnectionLoss, SessionExpiredError, NoNodeError, NodeExistsError, NotEmptyError];

type Kind = 'get' | 'exists' | 'getChildren';

/** A one-shot watch: what was read as it was left, and what it has heard. */
interface OneShot {
  readonly name: string;
  readonly kind: Kind;
  readonly path: string;
  readonly heard: WatchedEvent[];
  /** Undefined where the read failed. */
  seen?: ZnodeStat | null;
  /** The session, by its number. */
  session?: number;
}

/** Which events a watch may hear of, by what was read as it was left: nothing, a node's data, its children. */
const MAY_HEAR = { nothing: ['CREATED', 'NONE'], data: ['CHANGED', 'DELETED', 'NONE'], children: ['CHILD', 'DELETED', 'NONE'] };

/** A client that writes, reads and watches at random, and holds what it is told against the promises about order. */
export class Witness {
  readonly client: KazooClient;
  readonly #name: string;
  readonly #dice: Dice;
  readonly #history: History;
  readonly #watches: OneShot[] = [];
  readonly #told = new Map<string, bigint | null>();
  /** The highest mzxid read of each node in this session. */
  readonly #highest = new Map<string, bigint>();
  #session = 0;
  #asked = 0;
  #answered = 0;
  done = 0;

  constructor(name: string, client: KazooClient, dice: Dice, history: History) {
    this.#name = name;
    this.client = client;
    this.#dice = dice;
    this.#history = history;
    client.on('lost', () => {
      this.#session += 1;
      this.#highest.clear();
    });
  }

  /** DataWatches on all nodes, as long as the client runs. */
  follow(): void {
    for (const path of PATHS)
      new DataWatch(this.client, path, (_, stat) => void this.#told.set(path, stat === null ? null : stat.mzxid));
  }

  /** Requests, often several in one turn, until told to stop. */
  async work(running: () => boolean): Promise<void> {
    while (running()) {
      await Promise.all(Array.from({ length: this.#dice.chance(0.3) ? 4 : 1 }, () => this.#step()));
      await pause(this.#dice.between(0, 15));
    }
  }

  /** Watches that stay come and go: what they stood for is left anew each time. */
  async churn(running: () => boolean): Promise<void> {
    while (running()) {
      let handle: WatchHandle | undefined;
      try {
        handle = await this.client.addWatch(this.#anywhere(), () => undefined, { recursive: this.#dice.chance(0.5) });
      } catch (error) {
        this.#expect('addWatch', error);
      }
      await pause(this.#dice.between(0, 60));
      await handle?.remove();
    }
  }

  /** Once nobody writes any more, and what was written has come here. */
  async check(): Promise<void> {
    for (const path of PATHS) {
      const now = await this.client.exists(path);
      if (this.#told.get(path) !== (now?.mzxid ?? null))
        this.#violation(`a DataWatch of ${path} was last told ${this.#told.get(path)}, not ${now?.mzxid}`);
      for (const watch of this.#watches) if (watch.path === path) this.#checkOne(watch, now);
    }
  }

  /** Once the client has stopped: each has heard of something, at last of that. */
  checkEnd(): void {
    for (const { name, seen, heard } of this.#watches)
      if (seen !== undefined && heard.length !== 1) this.#violation(`${name} has heard of ${heard.length} events after the stop`);
  }

  #checkOne(watch: OneShot, now: ZnodeStat | null): void {
    const { name, kind, seen, heard, session } = watch;
    const types = heard.map(({ type }) => type).join();
    if (seen === undefined) return heard.length > 0 ? this.#violation(`${name} failed, and has heard of ${types}`) : undefined;
    const allowed = MAY_HEAR[seen === null ? 'nothing' : kind === 'getChildren' ? 'children' : 'data'];
    if (heard.length > 1 || !heard.every(({ type }) => allowed.includes(type))) this.#violation(`${name} has heard of ${types}`);
    const changed = kind === 'getChildren' ? now?.pzxid !== seen?.pzxid : now?.mzxid !== seen?.mzxid;
    if (heard.length === 0 && (changed || session !== this.#session)) this.#violation(`${name} has heard of nothing`);
  }

  async #step(): Promise<void> {
    const [path, dice, client] = [this.#anywhere(), this.#dice, this.client];
    const choice = dice.next();
    if (choice < 0.2) return this.#ask(`set ${path}`, client.set(path, this.#name));
    if (choice < 0.35)
      return this.#ask(`create ${path}`, client.create(path, this.#name, { ephemeral: path.length > 10 && dice.chance(0.3) }));
    if (choice < 0.5) return this.#ask(`delete ${path}`, client.delete(path));
    return this.#read((['get', 'exists', 'getChildren'] as const)[dice.below(3)]!, path);
  }

  async #read(kind: Kind, path: string): Promise<void> {
    const name = `${kind} ${path} (request ${this.#asked})`;
    const watch: OneShot = { name, kind, path, heard: [] };
    const options = this.#dice.chance(0.5) ? { watch: (event: WatchedEvent) => void watch.heard.push(event) } : {};
    if (options.watch !== undefined) this.#watches.push(watch);
    const note = (stat: ZnodeStat | null): void => {
      Object.assign(watch, { seen: stat, session: this.#session });
      if (stat === null) return;
      const highest = this.#highest.get(path) ?? 0n;
      if (stat.mzxid < highest) this.#violation(`${name} gave mzxid ${stat.mzxid} after ${highest}`);
      this.#highest.set(path, stat.mzxid);
    };
    if (kind === 'exists') return this.#ask(name, this.client.exists(path, options), note);
    if (kind === 'get') return this.#ask(name, this.client.get(path, options), ([, stat]) => note(stat));
    return this.#ask(name, this.client.getChildren(path, { ...options, includeData: true }), ([, stat]) => note(stat));
  }

  /** Plain requests settle in the order of the calls. */
  async #ask<T>(what: string, answer: Promise<T>, note: (value: T) => void = () => undefined): Promise<void> {
    const turn = this.#asked++;
    const settled = (): void => {
      if (turn !== this.#answered++) this.#violation(`${what} was answered out of turn`);
      this.done += 1;
    };
    await answer.then(
      (value) => {
        settled();
        note(value);
      },
      (error: unknown) => {
        settled();
        this.#expect(what, error);
      },
    );
  }

  #expect(what: string, error: unknown): void {
    if (!EXPECTED.some((type) => error instanceof type)) this.#violation(`${what}: ${String(error)}`);
  }

  #anywhere(): string {
    return PATHS[this.#dice.below(PATHS.length)]!;
  }

  #violation(line: string): void {
    this.#history.violation(`${this.#name}: ${line}`);
  }
}
