import type { Clock, Timer } from '../base/clock.ts';

/** A clock whose timers end together: those of one run of a client. */
export class ScopedClock implements Clock {
  readonly #clock: Clock;
  readonly #running = new Set<() => void>();
  #ended: (() => unknown) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  /** @throws the reason of the end, of this clock or of that which it takes its time from */
  check(): void {
    if (this.#ended !== undefined) throw this.#ended();
    if (this.#clock instanceof ScopedClock) this.#clock.check();
  }

  /** @throws the reason of the end */
  timer(delay: number, callback: () => void): Timer {
    this.check();
    const fire = (): void => {
      timer.cancel();
      this.#running.delete(fire);
      callback();
    };
    const timer = this.#clock.timer(delay, fire);
    this.#running.add(fire);
    return {
      cancel: () => {
        timer.cancel();
        this.#running.delete(fire);
      },
    };
  }

  /** Whatever waits has waited long enough. */
  fireAll(): void {
    for (const fire of [...this.#running]) fire();
  }

  /** The same, and nothing waits any more. */
  end(reason: () => unknown): void {
    this.#ended = reason;
    this.fireAll();
  }
}
