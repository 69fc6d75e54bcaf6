import type { Clock, Timer } from '../base/clock.ts';

/** A clock whose timers can be ended together, for example those of one run of a client. */
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

  /** @throws the reason if this clock, or the one it is based on, has ended */
  check(): void {
    if (this.#ended !== undefined) throw this.#ended();
    if (this.#clock instanceof ScopedClock) this.#clock.check();
  }

  /** @throws the reason if the clock has ended */
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

  /** Fires all running timers now. */
  fireAll(): void {
    for (const fire of [...this.#running]) fire();
  }

  /** Fires all running timers, and refuses new ones. */
  end(reason: () => unknown): void {
    this.#ended = reason;
    this.fireAll();
  }
}
