import { requireFunction } from '../base/arguments.ts';
import { CancelledError, LockTimeout } from '../base/errors.ts';
import { type Ticket, Turnstile } from '../base/turnstile.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalBoolean, optionalErrorPolicy, requireWaiting } from './arguments.ts';
import { Attempt } from './attempt.ts';
import { type Claim, type ErrorPolicy, Hold, withCaller } from './hold.ts';

/** How to wait for a lock or a lease. */
export interface AcquireOptions {
  /** Wait for it (default); false: take it only if it is free at once. */
  blocking?: boolean | undefined;
  /** Milliseconds for the whole call; then LockTimeout. Not with `blocking: false`. */
  timeout?: number | undefined;
  /** Aborts the wait, with `signal.reason`. */
  signal?: AbortSignal | undefined;
}

/** A hold for `await using`: it is released at the end of the block. */
export interface Held extends AsyncDisposable {
  /** Aborts when the hold ends or may have ended. */
  readonly signal: AbortSignal;
  /** Zxid of the held node's creation: it grows with each new holder. */
  readonly fencingToken: bigint;
}

export interface Request {
  readonly blocking: boolean;
  readonly ephemeral: boolean;
}

// Symbols instead of names: the type declarations do not show them, and a user's derived class might use such names.
export const OBTAIN: unique symbol = Symbol('obtain');
export const SUBJECT: unique symbol = Symbol('subject');
export const OPTIONS: unique symbol = Symbol('options');

/** The common part of a lock and a semaphore: waiting, holding and releasing. */
export abstract class Acquirable {
  readonly client: RecipeClient;
  /** The path, in normal form. */
  readonly path: string;
  readonly #errorPolicy: ErrorPolicy;
  readonly #turnstile = new Turnstile();
  readonly #attempts = new Set<Attempt>();
  #present: { readonly hold: Hold; readonly ticket: Ticket; releasing: boolean } | null = null;
  #last: Pick<Hold, 'signal'> | undefined;

  protected constructor(client: RecipeClient, path: string, errorPolicy: ErrorPolicy | undefined) {
    this.client = client;
    this.path = path;
    this.#errorPolicy = optionalErrorPolicy(errorPolicy);
  }

  /** Acquires it; null if that would mean waiting. Leaves nothing behind if it throws. @internal */
  protected abstract [OBTAIN](attempt: Attempt, request: Request): Promise<Claim | null>;
  /** The name of this object in messages. @internal */
  protected abstract readonly [SUBJECT]: string;
  /** The names of the options of an acquire. @internal */
  protected get [OPTIONS](): readonly string[] {
    return ACQUIRE_OPTIONS;
  }

  /** Whether it is held, as far as known: true while suspended, false once the session is lost (Kazoo D-15). */
  get isAcquired(): boolean {
    this.#held?.look();
    return this.#held !== null;
  }

  /** The signal of the current hold; while nothing is held, an aborted one. See {@link ErrorPolicy}. */
  get signal(): AbortSignal {
    this.#last ??= { signal: AbortSignal.abort(new CancelledError('nothing is held yet')) };
    return this.#last.signal;
  }

  /** Zxid of the held node's creation: it grows with each new holder, so that storage can reject a late one. Null while nothing is held. */
  get fencingToken(): bigint | null {
    return this.#held?.claim.fencingToken ?? null;
  }

  /**
   * Releases it; the signal aborts at once. While disconnected, this waits for the connection, or for the loss of the session, which frees it too.
   *
   * @returns false if it is not held, for example because the session was lost meanwhile
   * @throws the error that prevents the node's removal, such as NoAuthError: it is still held then, and can be released again
   */
  async release(): Promise<boolean> {
    return this.#held === null ? false : this.#release(this.#held);
  }

  /** Ends all current waits with a CancelledError; the current hold and later calls are not affected (Kazoo D-17). */
  cancel(): void {
    for (const attempt of this.#attempts) attempt.end(new CancelledError(`waiting for ${this[SUBJECT]} was cancelled`));
  }

  /** Acquires it and returns the hold, for `await using`. @throws LockTimeout also when `blocking: false` and it is taken */
  async hold(options?: AcquireOptions): Promise<Held> {
    const hold = await this.#enter(options);
    if (hold === null) throw new LockTimeout(`${this[SUBJECT]} could not be acquired without waiting`);
    return {
      signal: hold.signal,
      fencingToken: hold.claim.fencingToken,
      [Symbol.asyncDispose]: async () => {
        if (!(await this.#release(hold)) && hold.leavesNode) await this.#clearAway(hold);
      },
    };
  }

  /**
   * Waits for it. If this object already holds it, the call queues, in this process, for the release.
   *
   * @returns false only with `blocking: false`, if it is taken
   * @throws LockTimeout; CancelledError after `cancel()`; `signal.reason`; ConnectionClosedError when the client stops. None of them leaves a node behind.
   */
  async acquire(options?: AcquireOptions): Promise<boolean> {
    return (await this.#enter(options)) !== null;
  }

  /** Runs `fn` while holding it, with the hold's signal, and always releases it. */
  protected async within<T>(fn: (signal: AbortSignal) => Promise<T> | T, options?: AcquireOptions): Promise<T> {
    requireFunction('fn', fn);
    const held = await this.hold(options);
    try {
      return await fn(withCaller(held.signal, options?.signal));
    } finally {
      await held[Symbol.asyncDispose]();
    }
  }

  async #enter(options: AcquireOptions | undefined): Promise<Hold | null> {
    const { request, timeout, signal } = checkAcquire(options, this[OPTIONS]);
    signal?.throwIfAborted();
    if (!request.blocking && (this.#turnstile.taken || this.#present !== null)) return null;
    const timedOut = (): Error => new LockTimeout(`${this[SUBJECT]} could not be acquired within ${timeout} ms`);
    const attempt = new Attempt(this.client.clock, { timeout, signal }, timedOut);
    const ticket = this.#turnstile.take();
    this.#attempts.add(attempt);
    try {
      await attempt.guard(ticket.ready);
      // A refused release left the node: nobody else might ever try again to release it.
      if (this.#present !== null) await attempt.guard(this.#release(this.#present.hold));
      return await this.#acquire(attempt, request, ticket);
    } catch (error) {
      ticket.leave();
      throw attempt.shown(error);
    } finally {
      this.#attempts.delete(attempt);
      attempt.close();
    }
  }

  async #acquire(attempt: Attempt, request: Request, ticket: Ticket): Promise<Hold | null> {
    for (;;) {
      const claim = await this[OBTAIN](attempt, request);
      if (claim === null) {
        ticket.leave();
        return null;
      }
      if (claim.isOurs()) return this.#begin(claim, ticket);
      void claim.discard();
    }
  }

  #begin(claim: Claim, ticket: Ticket): Hold {
    const lost = (): void => {
      if (this.#present?.hold !== hold) return;
      const { releasing } = this.#present;
      this.#present = null;
      if (!releasing) ticket.leave();
    };
    const hold = new Hold(this.client, claim, { subject: this[SUBJECT], errorPolicy: this.#errorPolicy, lost });
    this.#present = { hold, ticket, releasing: false };
    this.#last = hold;
    return hold;
  }

  /** Removes the node that a hold has left, unless the object, and so the node, is in use again. */
  async #clearAway(hold: Hold): Promise<void> {
    if (this.#turnstile.taken) return;
    const ticket = this.#turnstile.take();
    await hold.claim.remove().finally(() => ticket.leave());
  }

  async #release(hold: Hold): Promise<boolean> {
    const present = this.#present;
    if (present === null || this.#held !== hold) return false;
    present.releasing = true;
    hold.abort(() => new CancelledError(`${this[SUBJECT]} was released`));
    try {
      await hold.claim.remove();
    } catch (error) {
      // The node still exists, so it is still held (Kazoo LK-20), unless the session was lost meanwhile.
      present.releasing = false;
      present.ticket.leave();
      throw error;
    }
    hold.end();
    if (this.#present === present) this.#present = null;
    present.ticket.leave();
    return true;
  }

  get #held(): Hold | null {
    return this.#present === null || this.#present.releasing ? null : this.#present.hold;
  }
}

const ACQUIRE_OPTIONS = ['blocking', 'timeout', 'signal'] as const;

function checkAcquire(options: (AcquireOptions & { ephemeral?: boolean | undefined }) | undefined, known: readonly string[]) {
  const { timeout, signal } = requireWaiting(options, known);
  const blocking = optionalBoolean('blocking', options?.blocking, true);
  const ephemeral = optionalBoolean('ephemeral', options?.ephemeral, true);
  if (!blocking && timeout !== undefined)
    throw new TypeError(`timeout (${timeout}) cannot be given with blocking: false, which does not wait`);
  return { request: { blocking, ephemeral }, timeout, signal };
}
