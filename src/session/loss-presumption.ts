import type { Clock, Timer } from '../base/clock.ts';

/** A timer may fire late, and the promise is an upper bound: aim a little before. */
const MARGIN = 20;

/**
 * Presumes a session lost at 4/3 of its timeout after the last byte (ZOOKEEPER-4508): no server can have kept it longer, and none need be reachable to say so.
 *
 *   last byte ········ T: servers may expire it ········ 4T/3: presumed lost
 */
export class LossPresumption {
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param lastReceived by the clock; `sessionTimeout` in milliseconds */
  arm(lastReceived: number, sessionTimeout: number, presume: () => void): void {
    this.cancel();
    const after = Math.max(sessionTimeout, (sessionTimeout * 4) / 3 - MARGIN);
    this.#timer = this.#clock.timer(Math.max(0, lastReceived + after - this.#clock.now()), presume);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
