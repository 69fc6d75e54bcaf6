import type { Limits } from '../base/arguments.ts';
import { NoNodeError, TransactionError } from '../base/errors.ts';
import { describeValue, joinPath, normalizePath } from '../base/paths.ts';
import { Turnstile } from '../base/turnstile.ts';
import type { WaitOptions, ZnodeData } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { ownData, requireClient, requireWaiting } from './arguments.ts';
import { type Attempt, attempting } from './attempt.ts';
import { ensuring } from './ensuring.ts';
import { EntryLock } from './entry-lock.ts';
import { FreeEntries } from './free-entries.ts';
import { uniqueName } from './identifier.ts';
import { afterLatecomers } from '../client/latecomers.ts';
import { entryPrefix, type PutOptions, requirePut, sortEntries } from './queue-entry.ts';
import { waitTimedOut } from './wait-timed-out.ts';
import { Wakeup } from './wakeup.ts';

/** The entry a consumer is processing. */
export interface LockedEntry {
  readonly name: string;
  readonly value: Buffer;
}

/**
 * A queue whose items stay until they have been processed: `get()` locks the first free item, `consume()` removes it, `release()` puts it back,
 * as does the end of the session (Kazoo LQ-1 to LQ-8). Each item is processed at least once. One object holds one item at a time.
 *
 * @example
 * const queue = new LockingQueue(client, '/jobs');
 * const job = await queue.get({ timeout: 10_000 });
 * if (job !== null && (await process(job))) await queue.consume();
 */
export class LockingQueue {
  readonly path: string;
  /** Marks the locks of this object: 32 hexadecimal digits. */
  readonly id = uniqueName();
  readonly #client: RecipeClient;
  readonly #entries: string;
  readonly #taken: string;
  readonly #free: FreeEntries;
  readonly #turnstile = new Turnstile();
  /** Resolves when the lock begun by an aborted call has been removed. */
  #tidied: Promise<unknown> = Promise.resolve();
  #element: LockedEntry | null = null;

  /** @throws TypeError or RangeError for an invalid path or client */
  constructor(client: RecipeClient, path: string) {
    requireClient(client);
    this.path = normalizePath(path);
    this.#client = client;
    this.#entries = joinPath(this.path, 'entries');
    this.#taken = joinPath(this.path, 'taken');
    this.#free = new FreeEntries(client, this.#entries, this.#taken);
  }

  /** The item last returned by `get()`, unless it was consumed, released or found to be lost. */
  get processingElement(): LockedEntry | null {
    return this.#element;
  }

  /**
   * Adds an item, without retry: after a ConnectionLoss it may or may not be in the queue.
   *
   * @throws TypeError or RangeError for an invalid value or priority
   */
  async put(value: ZnodeData, options?: PutOptions): Promise<void> {
    const item = ownData('an item', value);
    const put = requirePut(options);
    await this.#attempt(put, 'put', (attempt) =>
      this.#ensuring(attempt, () =>
        this.#client.create(this.#entry(entryPrefix(put.priority)), item, { sequence: true, signal: attempt.bound }),
      ),
    );
  }

  /**
   * Adds several items with one priority, all or none.
   *
   * @throws TypeError or RangeError for invalid values or an invalid priority; TransactionError when the server refuses (Kazoo D-7)
   */
  async putAll(values: readonly ZnodeData[], options?: PutOptions): Promise<void> {
    const put = requirePut(options);
    if (!Array.isArray(values)) throw new TypeError(`values must be an array of items, not ${describeValue(values)}`);
    const items = Array.from(values, (value) => ownData('an item', value as ZnodeData));
    if (items.length === 0) return;
    await this.#attempt(put, 'putAll', (attempt) =>
      this.#ensuring(attempt, () => this.#createAll(items, put.priority, attempt.bound)),
    );
  }

  /**
   * Locks the first free item and returns it; null if there is none. Without a `timeout` it does not wait; with one it waits for an item, with `Infinity` for ever.
   * If an item is being processed, that one is returned again, once it is known to be still ours; if it is not, the next.
   *
   * @throws `signal.reason` after an abort; then no item stays locked
   */
  async get(options?: WaitOptions): Promise<Buffer | null> {
    const { timeout, signal } = requireWaiting(options);
    const waits = timeout !== undefined && timeout > 0;
    return this.#attempt({ timeout: waits ? timeout : undefined, signal }, 'get', async (attempt) => {
      try {
        return await (waits ? this.#waitForItem(attempt) : this.#currentOrNext(attempt));
      } catch (error) {
        if (signal?.aborted !== true && attempt.endedBy(error)) return null;
        throw error;
      }
    });
  }

  /** Whether the item being processed is still locked by this object, in the current session. */
  async holdsLock(options?: WaitOptions): Promise<boolean> {
    return this.#attempt(requireWaiting(options), 'holdsLock', (attempt) => this.#stillHeld(attempt));
  }

  /**
   * Removes the item being processed. False if there is none, or if it is gone or no longer ours: then it is dropped, and another consumer may process it.
   *
   * @throws NoAuthError, NotEmptyError for an item with children, ConnectionClosedError and the like; then the item is still held
   */
  async consume(options?: WaitOptions): Promise<boolean> {
    return this.#finish(options, 'consume', (lock, attempt) => this.#consumed(lock, attempt));
  }

  /** Puts the item being processed back. False if there is none, or if it is no longer ours; it is dropped in any case. */
  async release(options?: WaitOptions): Promise<boolean> {
    return this.#finish(options, 'release', (lock, attempt) => lock.release(attempt));
  }

  /** The number of items, including locked ones; children that are not entries do not count. */
  async size(options?: WaitOptions): Promise<number> {
    return this.#attempt(requireWaiting(options), 'size', async (attempt) => {
      const children = await attempt.retry(this.#client, () =>
        this.#ensuring(attempt, () => this.#client.getChildren(this.#entries, attempt.limits)),
      );
      return sortEntries(children).length;
    });
  }

  /** While there is no item, other calls on this object get their turns. */
  async #waitForItem(attempt: Attempt): Promise<Buffer> {
    const { wake, wait } = new Wakeup();
    try {
      for (;;) {
        const item = await this.#currentOrNext(attempt, wake);
        if (item !== null) return item;
        // After any event, and the loss of the session, look again (Kazoo D-8).
        await attempt.guard(wait());
      }
    } finally {
      void this.#client.unwatch(this.#entries, wake);
      void this.#client.unwatch(this.#taken, wake);
    }
  }

  /** @param wake if there is no item, called when there may be one */
  async #currentOrNext(attempt: Attempt, wake?: () => void): Promise<Buffer | null> {
    return this.#inTurn(attempt, async () => {
      if (!(await this.#stillHeld(attempt))) this.#element = null;
      this.#element ??= await this.#lockFirst(attempt, wake);
      return this.#element?.value ?? null;
    });
  }

  async #lockFirst(attempt: Attempt, wake?: () => void): Promise<LockedEntry | null> {
    for (;;) {
      const free = await this.#free.next(attempt);
      if (free.length === 0 && (wake === undefined || (await this.#free.list(attempt, wake)).length === 0)) return null;
      for (const name of free) {
        const value = await this.#lockAndRead(name, attempt);
        if (value !== null) return { name, value };
      }
    }
  }

  /** If aborted while the lock is being created, removes it as soon as it exists. */
  async #lockAndRead(name: string, attempt: Attempt): Promise<Buffer | null> {
    const lock = this.#lock(name);
    const locking = lock.acquire(() => this.#removeLater(name, lock));
    try {
      return await attempt.guard(locking);
    } catch (error) {
      this.#tidied = locking.then((value) => (value === null ? undefined : lock.discard())).catch(() => undefined);
      throw error;
    }
  }

  #removeLater(name: string, lock: EntryLock): void {
    afterLatecomers(this.#client, this.path, () =>
      this.#turnstile.pass(async () => {
        if (this.#element?.name !== name) await lock.discard();
      }),
    );
  }

  async #stillHeld(attempt: Attempt): Promise<boolean> {
    const element = this.#element;
    return element !== null && this.#isHeld(this.#lock(element.name), attempt);
  }

  #isHeld(lock: EntryLock, attempt: Attempt): Promise<boolean> {
    return attempt.retry(this.#client, () => lock.isHeld(attempt));
  }

  async #finish(
    options: WaitOptions | undefined,
    operation: string,
    work: (lock: EntryLock, attempt: Attempt) => Promise<boolean>,
  ): Promise<boolean> {
    return this.#attempt(requireWaiting(options), operation, async (attempt) => {
      const element = this.#element;
      if (element === null) return false;
      return this.#inTurn(attempt, async () => {
        if (this.#element !== element) return false;
        const lock = this.#lock(element.name);
        const done = (await this.#isHeld(lock, attempt)) && (await attempt.guard(work(lock, attempt)));
        this.#element = null;
        return done;
      });
    });
  }

  /** Creates or removes one lock of this object at a time, because they all look alike. */
  #inTurn<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    return this.#turnstile.pass(work, async (ready) => {
      await attempt.guard(ready);
      await attempt.guard(this.#tidied);
    });
  }

  async #consumed(lock: EntryLock, attempt: Attempt): Promise<boolean> {
    try {
      return await lock.consume(attempt);
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
      if (!(error.cause instanceof NoNodeError)) throw error.cause;
      // The entry vanished while locked; the lock must not stay behind (Kazoo D-7).
      await lock.discard();
      return false;
    }
  }

  async #createAll(values: readonly ZnodeData[], priority: number, signal: AbortSignal | undefined): Promise<void> {
    const transaction = this.#client.transaction();
    for (const value of values) transaction.create(this.#entry(entryPrefix(priority)), value, { sequence: true });
    await transaction.commitOrThrow({ signal });
  }

  #entry(name: string): string {
    return joinPath(this.#entries, name);
  }

  #lock(name: string): EntryLock {
    return new EntryLock(this.#client, this.#entry(name), joinPath(this.#taken, name), this.id);
  }

  #ensuring<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    return ensuring(this.#client, attempt, [this.#entries, this.#taken], work);
  }

  #attempt<T>(waiting: Limits, operation: string, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    return attempting(this.#client.clock, waiting, () => waitTimedOut(this.path, `queue ${operation}`), work);
  }
}
