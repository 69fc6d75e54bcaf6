import type { Limits } from '../base/arguments.ts';
import type { Clock } from '../base/clock.ts';
import {
  ConnectionClosedError,
  ConnectionLoss,
  OperationTimeoutError,
  RequestTimeoutError,
  SessionExpiredError,
  SessionMovedError,
  ThrottledOpError,
} from '../base/errors.ts';
import { seenByAwaiting } from '../base/seen-by.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { onAbort } from '../session/abort-listeners.ts';
import { LateSignal } from './late-signal.ts';

/**
 * One call that waits. It ends once, by its deadline, its caller's signal, or {@link Attempt.end}, and everything it waits for ends with it.
 * There is one deadline, set when the call is made, whatever happens in between (Kazoo D-16).
 */
export class Attempt {
  readonly #clock: Clock;
  readonly #release: () => void;
  readonly #callers: AbortSignal | undefined;
  readonly #isBounded: boolean;
  /** Seldom more than one, so an array: a Set reallocates each time its last member is removed. */
  #waiting: (() => void)[] = [];
  readonly #late = new LateSignal();
  #outcome: { readonly reason: unknown } | undefined;

  /** @param timedOut creates the error for a timeout */
  constructor(clock: Clock, { timeout, signal }: Limits, timedOut: () => Error) {
    this.#clock = clock;
    this.#callers = signal;
    const aborted = (): void => this.end(signal?.reason);
    const timer = timeout === undefined || timeout === Infinity ? undefined : clock.timer(timeout, () => this.end(timedOut()));
    this.#isBounded = timer !== undefined || signal !== undefined;
    const forget = signal && onAbort(signal, aborted);
    if (signal?.aborted === true) aborted();
    this.#release = () => {
      timer?.cancel();
      forget?.();
    };
  }

  /** Aborts, with the outcome as its reason, if the call ends before it is done. */
  get signal(): AbortSignal {
    return this.#late.signal;
  }

  /** The signal for requests made on its behalf; undefined if neither a deadline nor the caller can end it. */
  get bound(): AbortSignal | undefined {
    return this.#isBounded ? this.signal : undefined;
  }

  /** {@link Attempt.bound} as options for a client's calls. */
  get limits(): { readonly signal: AbortSignal | undefined } {
    return { signal: this.bound };
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  /** Whether the caller's signal ended it. */
  get givenUp(): boolean {
    return this.#callers?.aborted === true && this.endedBy(this.#callers.reason);
  }

  /** For the `catch` of the call: the error, its stack completed with the awaiting callers, unless it is the caller's own. */
  shown(error: unknown): unknown {
    return this.givenUp ? error : seenByAwaiting(error);
  }

  endedBy(reason: unknown): boolean {
    return this.#outcome !== undefined && this.#outcome.reason === reason;
  }

  end(reason: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = { reason };
    this.#late.abort(() => reason);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stop of waiting) stop();
  }

  /** Cancels the timer and removes the listener on the caller's signal. */
  close(): void {
    this.#release();
  }

  /** @throws the outcome, if the attempt has already ended */
  check(): void {
    if (this.#outcome !== undefined) throw this.#outcome.reason;
  }

  /** The outcome of `work`, or of this attempt if that comes first. `work` then continues unobserved. */
  guard<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const stop = (): void => reject(this.#outcome!.reason);
      if (this.#outcome === undefined) this.#waiting.push(stop);
      else stop();
      work.then(
        (value) => (this.#forget(stop), resolve(value)),
        (error: unknown) => (this.#forget(stop), reject(error)),
      );
    });
  }

  async pause(milliseconds: number): Promise<void> {
    const { promise, cancel } = sleep(this.#clock, milliseconds);
    try {
      await this.guard(promise);
    } finally {
      cancel();
    }
  }

  /** Repeats `step`, after a pause, each time it fails because of the connection or the session. */
  async persist<T>(step: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      this.check();
      try {
        return await step();
      } catch (error) {
        this.check();
        if (!isTransient(error)) throw error;
        await this.pause(pauseAfter(failures));
      }
    }
  }

  /** Like {@link Attempt.persist}, but uses the client's command retry if neither a deadline nor the caller can end the attempt. */
  retry<T>(client: RecipeClient, step: () => Promise<T>): Promise<T> {
    return this.#isBounded ? this.persist(step) : client.retry(step);
  }

  /** After a failure: waits briefly until a node of this attempt is removed; not if the caller's signal ended the attempt. */
  async settle(client: RecipeClient, removal: Promise<void>): Promise<void> {
    if (this.givenUp || !client.connected) return;
    const { promise, cancel } = sleep(this.#clock, CLEAN_UP_PATIENCE);
    await Promise.race([removal, promise]);
    cancel();
  }

  #forget(stop: () => void): void {
    const index = this.#waiting.lastIndexOf(stop);
    if (index >= 0) this.#waiting.splice(index, 1);
  }
}

/** Runs `work`, which must end with the attempt by itself. */
export async function attempting<T>(
  clock: Clock,
  waiting: Limits,
  timedOut: () => Error,
  work: (attempt: Attempt) => PromiseLike<T>,
): Promise<T> {
  const attempt = new Attempt(clock, waiting, timedOut);
  try {
    attempt.check();
    return await work(attempt);
  } catch (error) {
    throw attempt.shown(error);
  } finally {
    attempt.close();
  }
}

/** Whether a call failed for a transient reason: its effect is then unknown. */
export function isTransient(error: unknown): boolean {
  return !(error instanceof ConnectionClosedError) && TRANSIENT.some((type) => error instanceof type);
}

/** The pause after consecutive failures: a request made while disconnected waits by itself, so the first pauses are short. */
export function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE) * (0.6 + 0.8 * Math.random());
}

/** The pause after consecutive refusals, say by an ACL or a quota, which somebody may fix. */
export function pauseAfterRefusal(refusals: number): number {
  return pauseAfter(refusals + 5);
}

/** A pause that can be cancelled. */
export function sleep(clock: Clock, milliseconds: number): { promise: Promise<void>; cancel: () => void } {
  let cancel = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    const timer = clock.timer(milliseconds, resolve);
    cancel = () => timer.cancel();
  });
  return { promise, cancel: () => cancel() };
}

/** How long a failed attempt waits for its node's removal before it rejects; the removal continues after that. Milliseconds. */
const CLEAN_UP_PATIENCE = 300;
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 5_000;
const TRANSIENT = [
  ConnectionLoss,
  OperationTimeoutError,
  SessionExpiredError,
  SessionMovedError,
  RequestTimeoutError,
  ThrottledOpError,
];
