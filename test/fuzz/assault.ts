import { KazooException } from '../../src/base/errors.ts';
import { OPEN_ACL_UNSAFE } from '../../src/base/security.ts';
import type { WaitOptions } from '../../src/client/call-options.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { Dice } from '../ensemble/lock-model.ts';
import type { OwnTime } from './own-time.ts';

const NODES = 8;
/** They retry what a lost connection left open; a server that always breaks off may keep them at it. */
const TRYING_AGAIN = [
  'create protected',
  'counter',
  'queue',
  'lock',
  'semaphore',
  'treeCache',
  'dataWatch',
  'childrenWatch',
  'watchData',
];
const GIVEN_UP: ReadonlySet<string> = new Set(['AUTH_FAILED', 'CLOSED']);

/** One client that calls everything there is, for as long as it is told to, and knows which of its calls are unsettled. */
export class Assailant {
  readonly client: KazooClient;
  readonly #dice: Dice;
  readonly #time: OwnTime;
  readonly #recipes: number;
  readonly #pending = new Map<Promise<unknown>, { name: string; since: number }>();
  calls = 0;
  succeeded = 0;
  restarts = 0;
  /** Rejections that are no proper errors. */
  readonly strange: string[] = [];
  /** What callbacks were found to have thrown: none of ours does. */
  readonly errors: unknown[] = [];

  /** @param recipes how often a recipe is used; a server that makes no sense at all cannot serve any */
  constructor(client: KazooClient, dice: Dice, time: OwnTime, recipes: number) {
    this.#time = time;
    this.client = client;
    this.#recipes = recipes;
    this.#dice = dice;
    client.on('error', (error) => this.errors.push(error));
  }

  /**
   * What has not been settled for this long, milliseconds of our own time.
   *
   * @param patient whether those count that try again for as long as the server talks nonsense
   */
  overdue(limit: number, patient: boolean): string[] {
    return [...this.#pending.values()]
      .filter(({ name }) => patient || !TRYING_AGAIN.some((call) => name.startsWith(call)))
      .filter(({ since }) => this.#time.since(since) > limit)
      .map(({ name, since }) => `${name}, for ${Math.round(this.#time.since(since))} ms`);
  }

  async run(running: () => boolean): Promise<void> {
    await this.client.start().catch(() => undefined);
    while (running()) {
      const burst = Array.from({ length: 1 + this.#dice.below(12) }, () => this.#call());
      await Promise.all(burst);
      await new Promise((resolve) => void setImmediate(resolve));
      if (GIVEN_UP.has(this.client.clientState)) await this.#again();
    }
  }

  /** A server that refuses a credential ends the session for good: the client waits to be started. */
  async #again(): Promise<void> {
    this.restarts += 1;
    await this.client.start().catch(() => undefined);
  }

  async #call(): Promise<void> {
    const [name, call] = this.#dice.chance(this.#recipes) ? this.#pick(RECIPES) : this.#pick(CALLS);
    const abort = new AbortController();
    const timer = this.#dice.chance(0.2)
      ? setTimeout(() => abort.abort(new KazooException('given up')), this.#dice.between(0, 300))
      : undefined;
    const options: WaitOptions = {
      ...(timer !== undefined && { signal: abort.signal }),
      ...(this.#dice.chance(0.2) && { timeout: 1 + this.#dice.below(500) }),
    };
    const path = `/fuzz/${this.#dice.below(NODES)}`;
    const promise = (async () => call(this.client, path, options, this.#dice))();
    this.calls += 1;
    this.#pending.set(promise, {
      name: `${name} ${path} ${JSON.stringify({ ...options, signal: timer !== undefined })}`,
      since: this.#time.now(),
    });
    try {
      await promise;
      this.succeeded += 1;
    } catch (error) {
      if (!isProper(error) && this.strange.length < 20)
        this.strange.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(promise);
    }
  }

  #pick<T>(table: Readonly<Record<string, T>>): [string, T] {
    const entries = Object.entries(table);
    return entries[this.#dice.below(entries.length)]!;
  }
}

/** An error that a user may meet and can tell apart: the library's own, or one about an argument. */
function isProper(error: unknown): boolean {
  return error instanceof KazooException || error instanceof RangeError;
}

type CallOf = (client: KazooClient, path: string, options: WaitOptions, dice: Dice) => unknown;

let seen: unknown;

/** A user's callback: takes what it is given. */
const ignore = (given: unknown): void => {
  seen = given ?? seen;
};

const CALLS: Readonly<Record<string, CallOf>> = {
  get: (client, path, options) => client.get(path, options),
  'get, watching': (client, path, options) => client.get(path, { ...options, watch: ignore }),
  exists: (client, path, options) => client.exists(path, { ...options, watch: ignore }),
  getChildren: (client, _, options) => client.getChildren('/fuzz', { ...options, watch: ignore }),
  'getChildren with stat': (client, _, options) => client.getChildren('/fuzz', { ...options, includeData: true }),
  set: (client, path, options, dice) => client.set(path, 'x'.repeat(dice.below(100)), options),
  create: (client, path, options) => client.create(path, 'made', options),
  'create with stat': (client, path, options) => client.create(path, null, { ...options, includeData: true, ephemeral: true }),
  'create protected': (client, path, options) =>
    client.create(path, 'p', { ...options, ephemeral: true, sequence: true, protected: true }),
  'create with parents': (client, path, options) => client.create(`${path}/a/b`, '', { ...options, makepath: true }),
  ensurePath: (client, path, options) => client.ensurePath(path, options),
  delete: (client, path, options) => client.delete(path, options),
  'delete recursively': (client, path, options) => client.delete(path, { ...options, recursive: true }),
  getAcls: (client, path, options) => client.getAcls(path, options),
  setAcls: (client, path, options) => client.setAcls(path, OPEN_ACL_UNSAFE, options),
  sync: (client, path, options) => client.sync(path, options),
  transaction: (client, path, options) =>
    client.transaction().create(path, 'x').setData(path, 'y').check(path, 1).delete(path).commit(options),
  commitOrThrow: (client, path, options) => client.transaction().setData(path, 'y').commitOrThrow(options),
  multiRead: (client, path, options) =>
    client.multiRead([{ get: path }, { getChildren: '/fuzz' }, { get: `${path}/none` }], options),
  whoAmI: (client, _, options) => client.whoAmI(options),
  getEphemerals: (client, _, options) => client.getEphemerals('/fuzz', options),
  getAllChildrenNumber: (client, _, options) => client.getAllChildrenNumber('/fuzz', options),
  getConfig: (client, _, options) => client.getConfig(options),
  addAuth: (client) => client.addAuth('digest', 'user:password'),
  walk: async (client) => {
    for await (const found of client.walk('/fuzz')) ignore(found);
  },
  addWatch: async (client, path, options, dice) => {
    const handle = await client.addWatch(path, ignore, {
      recursive: dice.chance(0.5),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    await handle.remove();
  },
};

/** Each bounded by its own options or by the health of the server. */
const RECIPES: Readonly<Record<string, CallOf>> = {
  lock: (client, path) => client.lock(`${path}-lock`).withLock(() => Promise.resolve(), { timeout: 500 }),
  semaphore: async (client, path) => {
    const semaphore = client.semaphore(`${path}-semaphore`, { maxLeases: 2 });
    await semaphore.acquire({ timeout: 500 });
    await semaphore.release();
  },
  counter: (client, path) => client.counter(`${path}-counter`).add(1),
  queue: async (client, path) => {
    const queue = client.queue(`${path}-queue`);
    await queue.put('item');
    await queue.get({ timeout: 200 });
  },
  dataWatch: async (client, path) => {
    const watch = client.dataWatch(path, ignore);
    await watch.ready.finally(() => watch.stop());
  },
  childrenWatch: async (client) => {
    const watch = client.childrenWatch('/fuzz', ignore);
    await watch.ready.finally(() => watch.stop());
  },
  treeCache: async (client, path) => {
    const cache = client.treeCache(path);
    await cache.start();
    await cache.close();
  },
  watchData: async (client, path, { signal }) => {
    for await (const change of client.watchData(path, { signal })) return ignore(change);
  },
};
