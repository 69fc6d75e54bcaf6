import { requireFunction, requireOptions } from '../base/arguments.ts';
import { CancelledError } from '../base/errors.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Held } from './acquirable.ts';
import { requireWaiting } from './arguments.ts';
import { type ErrorPolicy, withCaller } from './hold.ts';
import { Lock } from './lock.ts';

/** Options of an {@link Election}. */
export interface ElectionOptions {
  /** Stored in the contender's node; {@link Election.contenders} shows it to others. Default: empty. */
  identifier?: string | undefined;
  /** When the leader's signal aborts. Default `standard`. */
  errorPolicy?: ErrorPolicy | undefined;
}

/**
 * Runs a function on one of many processes at a time: the leader. Uses a {@link Lock}, so Python Kazoo's elections can take part (EL-1).
 *
 * @example
 * await client.election('/leader', { identifier: 'worker-1' }).run(async (signal) => lead({ signal }));
 */
export class Election {
  /** The lock that the candidates compete for. */
  readonly lock: Lock;

  /** @throws TypeError, RangeError or ConfigurationError for a bad argument */
  constructor(client: RecipeClient, path: string, options?: ElectionOptions) {
    const { identifier, errorPolicy } = requireOptions(options, ['identifier', 'errorPolicy']);
    this.lock = new Lock(client, path, { identifier, errorPolicy });
  }

  /**
   * Waits for leadership, runs `fn` once, and gives leadership up. Resolves once `fn` has ended, or if {@link cancel} ended the wait; rejects if `fn` does.
   * The signal given to `fn` aborts when leadership is, or may be, lost, and when `options.signal` aborts: `fn` must then stop, since nothing can stop it from outside.
   *
   * @param options.timeout milliseconds for the wait; then LockTimeout. The time that `fn` takes does not count
   * @throws `signal.reason` if `options.signal` aborted, after `fn` has ended and leadership was given up
   */
  async run(fn: (signal: AbortSignal) => unknown, options?: WaitOptions): Promise<void> {
    requireFunction('fn', fn);
    const { signal, timeout } = requireWaiting(options);
    const held = await this.#win(signal, timeout);
    if (held === null) return;
    try {
      await fn(withCaller(held.signal, signal));
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      await held[Symbol.asyncDispose]();
    }
    signal?.throwIfAborted();
  }

  /** Ends all current waits of {@link run}, which then resolve; a current leader and later runs are not affected (Kazoo EL-4, corrected). */
  cancel(): void {
    this.lock.cancel();
  }

  /** The identifiers of the leader and of all waiters, in order. */
  contenders(options?: WaitOptions): Promise<string[]> {
    return this.lock.contenders(options);
  }

  async #win(signal: AbortSignal | undefined, timeout: number | undefined): Promise<Held | null> {
    try {
      return await this.lock.hold({ signal, timeout });
    } catch (error) {
      if (error instanceof CancelledError && error !== signal?.reason) return null;
      throw error;
    }
  }
}
