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
 * Holds everybody back while its node exists (Kazoo BA-1). The node is persistent: a barrier outlives who put it up.
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

  /** Puts the barrier up; fine if it is up. */
  async create(options?: WaitOptions): Promise<void> {
    await bounded(this.#client, options, this.path, 'barrier', (attempt) =>
      attempt.retry(this.#client, () => this.#client.ensurePath(this.path, attempt.limits)),
    );
  }

  /** Takes the barrier down. @returns whether it was up */
  remove(options?: WaitOptions): Promise<boolean> {
    return bounded(this.#client, options, this.path, 'barrier', (attempt) => removeNode(this.#client, this.path, attempt));
  }

  /**
   * Waits until the barrier is down, through disconnections and lost sessions.
   *
   * @returns true when it is, false after `timeout` milliseconds
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

  /** False if the barrier is down; true after something may have changed. `get` leaves no watch on a missing node, as `exists` would. */
  async #untilChanged(attempt: Attempt): Promise<boolean> {
    const read = (watch: WatchListener): Promise<unknown> => this.#client.get(this.path, { watch });
    return (await nullIfMissing(observe(this.#client, attempt, this.path, read, () => false))) !== null;
  }
}
