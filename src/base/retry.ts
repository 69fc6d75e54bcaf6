import { type Clock, systemClock } from './clock.ts';
import {
  ConnectionClosedError,
  ConnectionLoss,
  keepNames,
  KazooException,
  OperationTimeoutError,
  SessionExpiredError,
} from './errors.ts';
import { boolean, callable, clock, isObject, isWhole, type Expectation } from './expectations.ts';
import { describeValue } from './paths.ts';

/** A retried function throws this to be called again, whatever the reason (Kazoo `ForceRetryError`). */
export class ForceRetryError extends Error {
  override readonly name = 'ForceRetryError';
}
/** The attempts or the time ran out; `cause` is the last error (Kazoo RE-3, corrected). */
export class RetryFailedError extends KazooException {}
/** The `interrupt` option said to give up during a pause. */
export class InterruptedError extends RetryFailedError {}

keepNames({ RetryFailedError, InterruptedError });

/** Decides whether, and when, a failed call is repeated. Implement it for a policy of your own. */
export interface RetryPolicy {
  /** Calls `fn` until it succeeds, fails for good, or the policy gives up. */
  call<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** Resets the count of attempts. */
  reset(): void;
  /** An independent policy with the same settings and no attempts so far. */
  copy(): RetryPolicy;
}

/** Options of a {@link KazooRetry}. Durations are milliseconds. */
export interface KazooRetryOptions {
  /** Total number of calls: 1 means no retry; -1 or Infinity means no limit. Default 1. */
  maxTries?: number | undefined;
  /** First pause, milliseconds. Default 100. */
  delay?: number | undefined;
  /** Factor from each pause to the next. Default 2. */
  backoff?: number | undefined;
  /** Random part of each pause, 0 to 1: a pause p becomes p x (1 - j … 1 + j). Default 0.4. */
  maxJitter?: number | undefined;
  /** Longest pause after the first, milliseconds, before jitter. Default 60 000. */
  maxDelay?: number | undefined;
  /** Whether to retry a call that failed because the session expired. Default true. */
  ignoreExpire?: boolean | undefined;
  /** No further call is made this many milliseconds after the first. */
  deadline?: number | undefined;
  /** Called at least every 100 ms during a pause; returning true ends it with {@link InterruptedError}. */
  interrupt?: (() => boolean) | undefined;
  /** The source of time. Default: the machine's clock. */
  clock?: Clock | undefined;
  /** The source of jitter: returns a number in [0, 1). Default Math.random. */
  random?: (() => number) | undefined;
}

/**
 * Kazoo's retry policy: exponential backoff with jitter (Kazoo RE-1 to RE-6).
 * Retries ConnectionLoss, OperationTimeoutError, ForceRetryError and, with `ignoreExpire`, SessionExpiredError; never ConnectionClosedError.
 * The pause doubles before jitter is applied, so jitter does not compound.
 *
 * @example
 * const retry = new KazooRetry({ maxTries: 5, delay: 50 });
 * await retry.call(() => client.set('/config', 'value'));
 */
export class KazooRetry implements RetryPolicy {
  /** Total number of calls; Infinity for no limit. */
  readonly maxTries: number;
  /** First pause, milliseconds. */
  readonly delay: number;
  readonly backoff: number;
  readonly maxJitter: number;
  /** Longest pause after the first, milliseconds. */
  readonly maxDelay: number;
  readonly ignoreExpire: boolean;
  /** Milliseconds from the first call. */
  readonly deadline: number | undefined;
  /** The source of time. */
  clock: Clock;
  readonly #options: KazooRetryOptions;
  readonly #random: () => number;
  #attempts = 0;
  #currentDelay: number;
  #stopAt: number | undefined;

  /** @throws TypeError or RangeError naming the invalid option */
  constructor(options: KazooRetryOptions = {}) {
    this.#options = CHECKED.has(options) ? options : checkOptions(options);
    this.maxTries = options.maxTries === undefined ? 1 : options.maxTries === -1 ? Infinity : options.maxTries;
    this.delay = options.delay ?? 100;
    this.backoff = options.backoff ?? 2;
    this.maxJitter = options.maxJitter ?? 0.4;
    this.maxDelay = options.maxDelay ?? 60_000;
    this.ignoreExpire = options.ignoreExpire ?? true;
    this.deadline = options.deadline;
    this.clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#currentDelay = this.delay;
  }

  /** Failed calls since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  reset(): void {
    this.#attempts = 0;
    this.#currentDelay = this.delay;
    this.#stopAt = undefined;
  }

  /** A derived class is copied as itself: its constructor gets the options (Kazoo D-14). */
  copy(): KazooRetry {
    return this.#like(this.#options);
  }

  /** A copy that uses another clock. */
  withClock(clock: Clock): KazooRetry {
    return this.#like({ ...this.#options, clock });
  }

  /** @throws RetryFailedError when the attempts or the time run out; InterruptedError; any error of `fn` that is not retried */
  async call<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    this.reset();
    if (this.deadline !== undefined) this.#stopAt = this.clock.now() + this.deadline;
    for (;;) {
      try {
        return await fn(...args);
      } catch (error) {
        if (!this.#retries(error)) throw error;
        await this.#pause(this.#nextPause(error));
      }
    }
  }

  #like(options: KazooRetryOptions): KazooRetry {
    return new (this.constructor as new (options: KazooRetryOptions) => KazooRetry)(options);
  }

  #retries(error: unknown): boolean {
    if (error instanceof ConnectionClosedError) return false;
    if (error instanceof SessionExpiredError) return this.ignoreExpire;
    return error instanceof ConnectionLoss || error instanceof OperationTimeoutError || error instanceof ForceRetryError;
  }

  #nextPause(cause: unknown): number {
    this.#attempts += 1;
    if (this.#attempts >= this.maxTries)
      throw new RetryFailedError(
        `gave up after ${this.#attempts} ${this.#attempts === 1 ? 'try' : 'tries'}: ${messageOf(cause)}`,
        { cause },
      );
    const pause = this.#currentDelay * (1 + (2 * this.#random() - 1) * this.maxJitter);
    if (this.#stopAt !== undefined && this.clock.now() + pause >= this.#stopAt)
      throw new RetryFailedError(`gave up after ${this.deadline} ms: ${messageOf(cause)}`, { cause });
    this.#currentDelay = Math.min(this.#currentDelay * this.backoff, this.maxDelay);
    return pause;
  }

  async #pause(total: number): Promise<void> {
    const { interrupt } = this.#options;
    let left = total;
    while (left > 0) {
      if (interrupt?.() === true) throw new InterruptedError('the retry was interrupted');
      const slice = interrupt === undefined ? left : Math.min(left, INTERRUPT_SLICE);
      await new Promise<void>((resolve) => void this.clock.timer(slice, resolve));
      left -= slice;
    }
    if (interrupt?.() === true) throw new InterruptedError('the retry was interrupted');
  }
}

const INTERRUPT_SLICE = 100;

/** Retries for ever: the default for connecting and for commands. */
export const UNLIMITED_RETRY: KazooRetryOptions = { maxTries: -1, delay: 100, backoff: 2, maxDelay: 10_000 };

/** A policy from what a user gave: a copy of their policy, which is not changed; or one made from options, or from nothing. */
export function toRetryPolicy(given: RetryPolicy | KazooRetryOptions | undefined, defaults: KazooRetryOptions): RetryPolicy {
  if (given === undefined) return new KazooRetry(defaults);
  if (!isObject(given)) throw new TypeError(`a retry policy must be a RetryPolicy or its options, not ${describeValue(given)}`);
  const missing = ['call', 'reset', 'copy'].filter((name) => typeof given[name] !== 'function');
  if (missing.length === 0) return (given as unknown as RetryPolicy).copy();
  if (missing.length < 3) throw new TypeError('a retry policy must have the functions call, reset and copy');
  const options: Record<string, unknown> = { ...given };
  for (const [name, value] of Object.entries(defaults)) if (options[name] === undefined) options[name] = value;
  return new KazooRetry(options);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const within = (least: number, most: number, expected: string): Expectation => [
  expected,
  (value) => typeof value === 'number' && value >= least && value <= most,
];
const duration = within(0, Infinity, 'milliseconds, 0 or more');
const EXPECTED = {
  maxTries: [
    'a whole number from 1, or -1 or Infinity for no limit',
    (value) => value === -1 || value === Infinity || isWhole(value, 1),
  ],
  delay: duration,
  backoff: within(1, Infinity, 'a factor of 1 or more'),
  maxJitter: within(0, 1, 'a fraction from 0 to 1'),
  maxDelay: duration,
  ignoreExpire: boolean,
  deadline: duration,
  interrupt: callable,
  clock,
  random: callable,
} as const satisfies Record<keyof KazooRetryOptions, Expectation>;

/** Options already checked, which a policy keeps: its copies need not check them again. */
const CHECKED = new WeakSet<KazooRetryOptions>();

/** A checked copy of the options. */
function checkOptions(options: KazooRetryOptions): KazooRetryOptions {
  if (!isObject(options)) throw new TypeError(`retry options must be an object, not ${describeValue(options)}`);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(EXPECTED, name)) throw new TypeError(`unknown retry option "${name}"`);
    const [expected, check] = EXPECTED[name as keyof KazooRetryOptions];
    if (value === undefined || check(value)) continue;
    const Kind = typeof value === 'number' && !Number.isNaN(value) ? RangeError : TypeError;
    throw new Kind(`retry option "${name}" must be ${expected}, not ${describeValue(value)}`);
  }
  const kept = { ...options };
  CHECKED.add(kept);
  return kept;
}
