/** A running timer. */
export interface Timer {
  cancel(): void;
}

/** The source of time: a monotonic clock in milliseconds, and its timers. */
export interface Clock {
  /** Milliseconds since some fixed instant; never goes backwards. */
  now(): number;
  /** Milliseconds since the epoch, for stored times. */
  wallTime(): number;
  /** @param options.background true for a timer that must not keep the process alive */
  timer(delay: number, callback: () => void, options?: { background?: boolean | undefined }): Timer;
}

/**
 * Cached, because the global is a getter that costs more than reading the clock; and fetched only on first use.
 * Node's own: the global may be a test runner's fake, which stands still for ever once uninstalled.
 */
let source: typeof performance | undefined;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => (source ??= process.getBuiltinModule('node:perf_hooks').performance).now(),
  wallTime: () => Date.now(),
  timer(delay, callback, options) {
    // Node turns a delay beyond 2^31-1 into 1 ms, so such a timer must never start.
    if (delay > MAX_DELAY) return { cancel: () => undefined };
    const handle = setTimeout(callback, Math.max(0, delay));
    if (options?.background === true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

const MAX_DELAY = 2 ** 31 - 1;

/** A clock that moves only when told to, for tests of code that waits. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #epoch: number;
  #timers: { due: number; order: number; callback: () => void }[] = [];
  #order = 0;

  /** @param epoch the wall time at `now() === 0`, in milliseconds since 1970 */
  constructor(epoch = Date.UTC(2020, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  timer(delay: number, callback: () => void): Timer {
    const entry = { due: this.#now + Math.max(0, delay), order: this.#order++, callback };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== entry);
      },
    };
  }

  /** How many timers are running. */
  get pending(): number {
    return this.#timers.length;
  }

  /**
   * Advances by `milliseconds`, firing each timer at its time, in order.
   * @throws RangeError for a negative number, or for anything but a number
   */
  advance(milliseconds: number): void {
    if (!(milliseconds >= 0)) throw new RangeError(`milliseconds must be a number, 0 or more, not ${String(milliseconds)}`);
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((entry) => entry !== next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = end;
  }
}
