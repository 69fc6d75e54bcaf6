import { normalizePath } from '../base/paths.ts';
import type { WatchListener } from '../base/states.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireClient, requireWaiting } from './arguments.ts';
import { Attempt } from './attempt.ts';
import { bounded } from './bounded.ts';
import { nullIfMissing } from './missing.ts';
import { observe } from './observe.ts';
import { removeNode } from './removal.ts';

/**
 * Blocks all waiters while its node exists (Kazoo BA-1). The node is persistent: a barrier outlives its creator.
 *
 * @example
 * await client.barrier('/maintenance').wait();
 */
export class Barrier {
  readonly path: string;
  readonly #client: RecipeClient;

  /** @throws TypeError or RangeError for a bad argument */
  constructor(client: RecipeClient, path: string) {
    this.#client = requireClient(client);
    this.path = normalizePath(path);
  }

  /** Creates the barrier; harmless if it exists. */
  async create(options?: WaitOptions): Promise<void> {
    await bounded(this.#client, options, this.path, 'barrier', (attempt) =>
      attempt.retry(this.#client, () => this.#client.ensurePath(this.path, attempt.limits)),
    );
  }

  /** Removes the barrier. @returns whether it existed */
  remove(options?: WaitOptions): Promise<boolean> {
    return bounded(this.#client, options, this.path, 'barrier', (attempt) => removeNode(this.#client, this.path, attempt));
  }

  /**
   * Waits until the barrier is removed, across disconnections and lost sessions.
   *
   * @returns true once it is removed, false after `timeout` milliseconds
   * @throws `signal.reason`; ConnectionClosedError when the client stops
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const { timeout, signal } = requireWaiting(options);
    const outOfTime = new Error('out of time');
    const attempt = new Attempt(this.#client.clock, { timeout, signal }, () => outOfTime);
    try {
      let up = true;
      while (up) up = await attempt.persist(() => this.#untilChanged(attempt));
      return true;
    } catch (error) {
      if (error === outOfTime) return false;
      throw attempt.shown(error);
    } finally {
      attempt.close();
    }
  }

  /** False if there is no barrier; true after something may have changed. Unlike `exists`, `get` leaves no watch on a missing node. */
  async #untilChanged(attempt: Attempt): Promise<boolean> {
    const read = (watch: WatchListener): Promise<unknown> => this.#client.get(this.path, { watch });
    return (await nullIfMissing(observe(this.#client, attempt, this.path, read, () => false))) !== null;
  }
}
