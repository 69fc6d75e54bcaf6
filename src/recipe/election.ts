import { requireFunction, requireOptions } from '../base/arguments.ts';
import { CancelledError } from '../base/errors.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Held } from './acquirable.ts';
import { requireWaiting } from './arguments.ts';
import { type ErrorPolicy, withCaller } from './hold.ts';
import { Lock } from './lock.ts';

/** What an {@link Election} is made with. */
export interface ElectionOptions {
  /** Stored in the contender's node, for {@link Election.contenders} of others. Default: empty. */
  identifier?: string | undefined;
  /** When the leader's signal aborts. Default `standard`. */
  errorPolicy?: ErrorPolicy | undefined;
}

/**
 * Runs a function on one of many processes at a time: the leader. Over a {@link Lock}, so Python Kazoo's elections take part (EL-1).
 *
 * @example
 * await client.election('/leader', { identifier: 'worker-1' }).run(async (signal) => lead({ signal }));
 */
export class Election {
  /** What is fought for. */
  readonly lock: Lock;

  /** @throws TypeError, RangeError or ConfigurationError for a bad argument */
  constructor(client: RecipeClient, path: string, options?: ElectionOptions) {
    const { identifier, errorPolicy } = requireOptions(options, ['identifier', 'errorPolicy']);
    this.lock = new Lock(client, path, { identifier, errorPolicy });
  }

  /**
   * Waits to lead, runs `fn` once, and gives the lead back; settles as `fn` did, and quietly if {@link cancel} ended the wait.
   * The signal given to `fn` aborts when the lead is, or may be, lost, and when `options.signal` aborts: `fn` must then stop, since nothing can stop it from outside.
   *
   * @param options.timeout milliseconds for the wait; then LockTimeout. What `fn` takes does not count
   * @throws `signal.reason` if `options.signal` aborted, after `fn` has ended and the lead was given back
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

  /** Ends the present waits of {@link run}, which then resolve; who leads goes on, and later runs are not concerned (Kazoo EL-4, mended). */
  cancel(): void {
    this.lock.cancel();
  }

  /** The identifiers of the leader and of those who wait, in order. */
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
