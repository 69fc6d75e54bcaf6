import type { Limits } from '../base/arguments.ts';
import { BadVersionError, NoNodeError } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { WaitOptions, ZnodeData } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { ownData, requireClient, requireWaiting } from './arguments.ts';
import { type Attempt, attempting, isTransient } from './attempt.ts';
import { Backlog, type Item } from './backlog.ts';
import { ensuring } from './ensuring.ts';
import { persist } from './outage.ts';
import { entryPrefix, type PutOptions, requirePut } from './queue-entry.ts';
import { waitTimedOut } from './wait-timed-out.ts';
import { Wakeup } from './wakeup.ts';

/**
 * A priority queue, shared by any number of producers and consumers (Kazoo QU-1 to QU-6).
 *
 * Each item goes to one consumer, and is then gone: if the consumer fails to process it, it is lost (see LockingQueue). No item is lost in transit:
 * if the connection drops before the server has confirmed an item's removal, the item is returned once it is known to be gone. If another consumer removed it
 * at that very moment, both get it: the two cases cannot be told apart.
 *
 * A `get` called in the event-loop turn in which the previous one resolved reads its item together with the previous item's removal: the first as of that moment.
 *
 * ZooKeeper is a poor choice for long queues (Curator tech note 4): thousands of entries are slow to list.
 *
 * @example
 * const queue = new Queue(client, '/jobs');
 * await queue.put('urgent', { priority: 1 });
 * const item = await queue.get({ timeout: 5_000 }); // null if there is none within 5 s
 */
export class Queue {
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #backlog: Backlog;
  /** An item was returned in this turn: a caller who asks now takes items one right after the other. */
  #hasJustGiven = false;

  /** @throws TypeError or RangeError for an invalid path or client */
  constructor(client: RecipeClient, path: string) {
    requireClient(client);
    this.path = normalizePath(path);
    this.#client = client;
    this.#backlog = new Backlog(client, this.path);
  }

  /**
   * Adds an item, without retry: after a ConnectionLoss it may or may not be in the queue.
   *
   * @throws TypeError or RangeError for an invalid value or priority
   */
  async put(value: ZnodeData, options?: PutOptions): Promise<void> {
    const item = ownData('an item', value);
    const put = requirePut(options);
    const path = joinPath(this.path, entryPrefix(put.priority));
    this.#backlog.withdrawAhead();
    await this.#attempt(put, 'put', (attempt) =>
      ensuring(this.#client, attempt, [this.path], () =>
        this.#client.create(path, item, { sequence: true, signal: attempt.bound }),
      ),
    );
  }

  /**
   * Removes the first item and returns it; null if there is none. Without a `timeout` it does not wait; with one it waits for an item, with `Infinity` for ever.
   * A null item is returned as an empty Buffer. An abort never loses an item: once its removal has begun, that is finished and the item returned.
   *
   * @throws `signal.reason` after an abort
   */
  async get(options?: WaitOptions): Promise<Buffer | null> {
    const { timeout, signal } = requireWaiting(options);
    const waits = timeout !== undefined && timeout > 0;
    const inARow = this.#hasJustGiven;
    return this.#attempt({ timeout: waits ? timeout : undefined, signal }, 'get', async (attempt) => {
      try {
        return await (waits ? this.#waitForFirst(attempt, inARow) : this.#takeFirst(attempt, inARow));
      } catch (error) {
        if (signal?.aborted !== true && attempt.endedBy(error)) return null;
        throw error;
      }
    });
  }

  /** The number of items; children that are not entries do not count. */
  async size(options?: WaitOptions): Promise<number> {
    const entries = await this.#attempt(requireWaiting(options), 'size', (attempt) =>
      attempt.retry(this.#client, () => this.#backlog.list(attempt)),
    );
    return entries.length;
  }

  async #waitForFirst(attempt: Attempt, inARow: boolean): Promise<Buffer | null> {
    const { wake, wait } = new Wakeup();
    this.#backlog.waiting.add(wake);
    try {
      for (;;) {
        const item = await this.#takeFirst(attempt, inARow);
        if (item !== null) return item;
        await attempt.retry(this.#client, () => this.#backlog.list(attempt, wake));
        if (this.#backlog.next === undefined) await attempt.guard(wait());
      }
    } finally {
      this.#backlog.waiting.delete(wake);
      void this.#client.unwatch(this.path, wake);
    }
  }

  async #takeFirst(attempt: Attempt, inARow: boolean): Promise<Buffer | null> {
    for (;;) {
      const first = await this.#claimFirst(attempt, inARow);
      if (first === null) return null;
      try {
        attempt.check();
        // From here on the item may be gone from the server: ignore aborts and timeouts.
        const removing = this.#remove(first);
        if (inARow) this.#backlog.readAhead();
        if (await removing) return this.#give(first);
      } finally {
        this.#backlog.release(first.name);
      }
    }
  }

  #give({ data }: Item): Buffer {
    this.#hasJustGiven = true;
    // After the current microtasks, in which the caller who waited for this item asks for the next.
    process.nextTick(() => (this.#hasJustGiven = false));
    return data ?? Buffer.alloc(0);
  }

  async #claimFirst(attempt: Attempt, inARow: boolean): Promise<Item | null> {
    const claiming = attempt.retry(this.#client, () => this.#backlog.claimFirst(attempt, inARow));
    try {
      return await attempt.guard(claiming);
    } catch (error) {
      claiming.then((item) => item !== null && this.#backlog.release(item.name)).catch(() => undefined);
      throw error;
    }
  }

  /** True if the item is ours; false if another consumer was first, or the item has changed. */
  async #remove(first: Item): Promise<boolean> {
    const { path } = first;
    try {
      await this.#client.delete(path, { version: first.stat.version });
      this.#backlog.forget(first.name);
      return true;
    } catch (error) {
      if (error instanceof NoNodeError) {
        // Another consumer was first: no reason to list all entries again.
        this.#backlog.forget(first.name);
        return false;
      }
      this.#backlog.expire();
      if (error instanceof BadVersionError) return false;
      if (!isTransient(error)) throw error;
      return this.#wasRemoved(path, first.stat);
    }
  }

  /** After an unanswered delete. If the outcome cannot be determined, the item is returned: better twice than never. */
  async #wasRemoved(path: string, before: ZnodeStat): Promise<boolean> {
    const look = (): Promise<ZnodeStat | null> =>
      Promise.all([this.#client.sync(path), this.#client.exists(path)]).then(([, stat]) => stat);
    const now = await persist(this.#client.clock, look).catch(() => null);
    return now?.czxid !== before.czxid;
  }

  #attempt<T>(waiting: Limits, operation: string, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    return attempting(this.#client.clock, waiting, () => waitTimedOut(this.path, `queue ${operation}`), work);
  }
}
