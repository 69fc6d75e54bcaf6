import type { Clock, Timer } from '../base/clock.ts';

/** Milliseconds. A timer may fire late, and 4/3 is an upper bound: aim a little earlier. */
const MARGIN = 20;

/**
 * Presumes a session lost at 4/3 of its timeout after the last byte (ZOOKEEPER-4508): no server can have kept it longer, even if none can be reached to confirm it.
 *
 *   last byte ········ T: servers may expire it ········ 4T/3: presumed lost
 */
export class LossPresumption {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #due = 0;
  #presume: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param lastReceived time of the last byte, by the clock; `sessionTimeout` in milliseconds */
  arm(lastReceived: number, sessionTimeout: number, presume: () => void): void {
    this.cancel();
    const after = Math.max(sessionTimeout, (sessionTimeout * 4) / 3 - MARGIN);
    this.#due = lastReceived + after;
    this.#presume = presume;
    this.#timer = this.#clock.timer(Math.max(0, this.#due - this.#clock.now()), presume);
  }

  /** Presumes the loss now, if it is due and the timer has not run yet. */
  look(): void {
    if (this.#timer === undefined || this.#clock.now() < this.#due) return;
    this.cancel();
    this.#presume();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
