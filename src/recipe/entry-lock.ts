import { ConnectionClosedError, NodeExistsError, NoNodeError, TransactionError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { type Attempt, isTransient } from './attempt.ts';
import { persist } from './outage.ts';
import { presentSession } from './present-session.ts';

/**
 * The lock on one entry of a LockingQueue: an ephemeral node of the entry's name, with the consumer's id for its data.
 * It is ours only while it has our id and belongs to the present session: a node of a session that is over is about to go.
 */
export class EntryLock {
  readonly #client: RecipeClient;
  readonly #entry: string;
  readonly #lock: string;
  readonly #id: string;
  /** That in which it was seen to be ours. */
  #session: bigint | undefined;

  constructor(client: RecipeClient, entry: string, lock: string, id: string) {
    this.#client = client;
    this.#entry = entry;
    this.#lock = lock;
    this.#id = id;
  }

  /**
   * The entry's data (empty for null) once it is locked; null if another has locked it, or it is gone. Across outages, and with nothing left behind on failure.
   *
   * @param inDoubt called for each create whose outcome is not known: it may be carried out after all, when the lock is no longer wanted
   */
  async acquire(inDoubt: () => void = () => undefined): Promise<Buffer | null> {
    const progress: Progress = { unsure: false, inDoubt };
    try {
      return await persist(this.#client.clock, () => this.#tryAcquire(progress));
    } catch (error) {
      if (progress.unsure) await this.discard();
      throw error;
    }
  }

  /** @throws ConnectionLoss and the like */
  async isHeld(attempt?: Attempt): Promise<boolean> {
    const limits = attempt?.limits;
    try {
      const [, [data, stat]] = await Promise.all([this.#client.sync(this.#lock, limits), this.#client.get(this.#lock, limits)]);
      const isOurs = data?.toString('latin1') === this.#id && stat.ephemeralOwner === presentSession(this.#client);
      if (isOurs) this.#session = stat.ephemeralOwner;
      return isOurs;
    } catch (error) {
      if (error instanceof NoNodeError) return false;
      throw error;
    }
  }

  /** Removes the entry together with the lock. True if that was done. @throws TransactionError when the entry or the lock was gone */
  async consume(attempt: Attempt): Promise<boolean> {
    return this.#untilKnown(
      attempt,
      async () => {
        await this.#client.transaction().delete(this.#entry).delete(this.#lock).commitOrThrow();
        return true;
      },
      // In a later session it was another's to remove.
      async () => (await this.#client.exists(this.#entry)) === null && this.#isSameSession,
    );
  }

  /** Removes the lock. True if that was done. */
  async release(attempt: Attempt): Promise<boolean> {
    return this.#untilKnown(
      attempt,
      () => this.#deleteLock(),
      () => Promise.resolve(this.#isSameSession),
    );
  }

  /** Removes the lock for certain, or leaves it to go with its session. Never rejects. */
  async discard(): Promise<void> {
    try {
      await persist(this.#client.clock, async () => ((await this.isHeld()) ? this.#deleteLock() : false));
    } catch (error) {
      if (error instanceof ConnectionClosedError) return;
      this.#client.logger.warn(`${this.#lock}: the lock could not be removed: ${String(error)}`);
    }
  }

  get #isSameSession(): boolean {
    return this.#session === presentSession(this.#client);
  }

  /** Both requests leave together: the entry is read after the lock is there. An entry that another has consumed meanwhile is not locked. */
  async #tryAcquire(progress: Progress): Promise<Buffer | null> {
    const locking = this.#client.transaction().check(this.#entry, -1).create(this.#lock, this.#id, { ephemeral: true });
    const [locked, read] = await Promise.allSettled([locking.commitOrThrow(), this.#client.get(this.#entry)]);
    if (locked.status === 'rejected' && !(await this.#isOursAfter(locked.reason, progress))) return null;
    progress.unsure = true;
    if (read.status === 'fulfilled') return read.value[0] ?? Buffer.alloc(0);
    if (!(read.reason instanceof NoNodeError)) throw read.reason as Error;
    await this.discard();
    return null;
  }

  /** Whether a lock whose making failed is there all the same, from an earlier try of which the answer was lost. */
  async #isOursAfter(failure: unknown, progress: Progress): Promise<boolean> {
    const error = failure instanceof TransactionError ? failure.cause : failure;
    if (isTransient(error)) {
      progress.unsure = true;
      progress.inDoubt();
    }
    if (error instanceof NoNodeError) {
      // Where the parent has vanished, it is made before the next look at the queue.
      if (progress.unsure) await this.discard();
      return false;
    }
    if (!(error instanceof NodeExistsError)) throw error;
    return progress.unsure && this.isHeld();
  }

  async #deleteLock(): Promise<boolean> {
    try {
      return await this.#client.delete(this.#lock);
    } catch (error) {
      if (error instanceof NoNodeError) return false;
      throw error;
    }
  }

  /** Where the answer to `work` was lost: done again while the lock is still ours; else `wasDone` says what became of it. */
  async #untilKnown(attempt: Attempt, work: () => Promise<boolean>, wasDone: () => Promise<boolean>): Promise<boolean> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      if (!(await attempt.persist(() => this.isHeld()))) return attempt.persist(wasDone);
    }
  }
}

/** `unsure`: the lock may be ours already. */
interface Progress {
  unsure: boolean;
  readonly inDoubt: () => void;
}
