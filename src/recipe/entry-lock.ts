import { ConnectionClosedError, NodeExistsError, NoNodeError, TransactionError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { type Attempt, isTransient } from './attempt.ts';
import { persist } from './outage.ts';
import { presentSession } from './present-session.ts';

/**
 * The lock on one entry of a LockingQueue: an ephemeral node with the entry's name, and the consumer's id as data.
 * It is ours only while it has our id and belongs to the current session: a node of an ended session is about to disappear.
 */
export class EntryLock {
  readonly #client: RecipeClient;
  readonly #entry: string;
  readonly #lock: string;
  readonly #id: string;
  /** The session in which it was last seen to be ours. */
  #session: bigint | undefined;

  constructor(client: RecipeClient, entry: string, lock: string, id: string) {
    this.#client = client;
    this.#entry = entry;
    this.#lock = lock;
    this.#id = id;
  }

  /**
   * Locks the entry and returns its data (empty for null); null if it is gone, or locked by another consumer. Works across outages; leaves nothing behind on failure.
   *
   * @param inDoubt called for each create with an unknown outcome: it may take effect later, when the lock is no longer wanted
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

  /** Removes the entry together with the lock. True if that was done. @throws TransactionError if the entry or the lock is gone */
  async consume(attempt: Attempt): Promise<boolean> {
    return this.#untilKnown(
      attempt,
      async () => {
        await this.#client.transaction().delete(this.#entry).delete(this.#lock).commitOrThrow();
        return true;
      },
      // In a later session, another consumer may have removed it.
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

  /** Removes the lock reliably, or leaves it to end with its session. Never rejects. */
  async discard(): Promise<void> {
    try {
      await persist(this.#client.clock, async () => ((await this.isHeld()) ? this.#deleteLock() : false));
    } catch (error) {
      if (error instanceof ConnectionClosedError) return;
      this.#client.logger.warn(`${this.#lock}: could not remove the lock: ${String(error)}`);
    }
  }

  get #isSameSession(): boolean {
    return this.#session === presentSession(this.#client);
  }

  /** Both requests are sent together: the entry is read after the lock is created. An entry consumed by another meanwhile is not locked. */
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

  /** Whether a lock whose creation failed exists all the same, from an earlier attempt whose answer was lost. */
  async #isOursAfter(failure: unknown, progress: Progress): Promise<boolean> {
    const error = failure instanceof TransactionError ? failure.cause : failure;
    if (isTransient(error)) {
      progress.unsure = true;
      progress.inDoubt();
    }
    if (error instanceof NoNodeError) {
      // If the parent has vanished, it is created before the next look at the queue.
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

  /** If the answer to `work` is lost: repeats it while the lock is still ours; else `wasDone` determines the outcome. */
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

/** `unsure`: the lock may already be ours. */
interface Progress {
  unsure: boolean;
  readonly inDoubt: () => void;
}
