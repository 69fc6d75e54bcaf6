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
 * One call that waits: it ends once, by its deadline, its caller's signal, or a word from inside, and everything it waits for ends with it.
 * There is one deadline, set when the call is made, whatever happens in between (Kazoo D-16).
 */
export class Attempt {
  readonly #clock: Clock;
  readonly #release: () => void;
  readonly #callers: AbortSignal | undefined;
  readonly #isBounded: boolean;
  /** Seldom more than one, so an array: a Set is made anew each time that its last member goes. */
  #waiting: (() => void)[] = [];
  readonly #late = new LateSignal();
  #outcome: { readonly reason: unknown } | undefined;

  /** @param timedOut makes the error of a timeout */
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

  /** Aborts, with the outcome for its reason, when the call is over before it is done. */
  get signal(): AbortSignal {
    return this.#late.signal;
  }

  /** The signal for a call made on its behalf; none where neither a deadline nor the caller can end it. */
  get bound(): AbortSignal | undefined {
    return this.#isBounded ? this.signal : undefined;
  }

  /** The same, as a client's calls take it. */
  get limits(): { readonly signal: AbortSignal | undefined } {
    return { signal: this.bound };
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  /** Whether it was the caller's signal that ended it. */
  get givenUp(): boolean {
    return this.#callers?.aborted === true && this.endedBy(this.#callers.reason);
  }

  /** For the `catch` of the call: its error, whose stack shows who awaits it unless it is the caller's own. */
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

  /** Lets go of the timer and of the caller's signal. */
  close(): void {
    this.#release();
  }

  /** @throws the outcome, if there is one already */
  check(): void {
    if (this.#outcome !== undefined) throw this.#outcome.reason;
  }

  /** The outcome of `work`, or of this attempt if that comes first. `work` then goes on unobserved. */
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

  /** Takes `step` again, after a pause, each time that the connection or the session fails it. */
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

  /** The same, but by the client's command retry where neither a deadline nor the caller can end it. */
  retry<T>(client: RecipeClient, step: () => Promise<T>): Promise<T> {
    return this.#isBounded ? this.persist(step) : client.retry(step);
  }

  /** After a failure: waits, shortly, for a node of this attempt to be gone; an abort by the caller's signal is answered without that. */
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

/** What `work` gives, which sees to it by itself that it ends with the attempt. */
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

/** Whether a call failed for a reason that passes: its effect is then unknown. */
export function isTransient(error: unknown): boolean {
  return !(error instanceof ConnectionClosedError) && TRANSIENT.some((type) => error instanceof type);
}

/** The pause before trying again after some failures in a row: a request made while disconnected waits by itself, so the first are short. */
export function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE) * (0.6 + 0.8 * Math.random());
}

/** The pause after refusals in a row: by an ACL or a quota, say, which somebody may put right. */
export function pauseAfterRefusal(refusals: number): number {
  return pauseAfter(refusals + 5);
}

/** A pause that can be given up. @param options.background true where it must not keep the process alive */
export function sleep(
  clock: Clock,
  milliseconds: number,
  options?: { background?: boolean },
): { promise: Promise<void>; cancel: () => void } {
  let cancel = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    const timer = clock.timer(milliseconds, resolve, options);
    cancel = () => timer.cancel();
  });
  return { promise, cancel: () => cancel() };
}

/** How long a failed attempt waits for its node to be gone before it tells the caller; the removal goes on after that. Milliseconds. */
const CLEAN_UP_PATIENCE = 1_000;
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
