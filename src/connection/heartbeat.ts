import type { Clock, Timer } from '../base/clock.ts';
import { ConnectionDropped } from '../base/exceptions.ts';

interface HeartbeatSink {
  ping(): void;
  dead(error: ConnectionDropped): void;
}

/**
 * Keeps one session alive and detects a silent server, whether the client is busy or idle (Kazoo HB-2 to HB-4, corrected by D-1).
 *
 *   0 ········ T/3 ········ 2T/3 ········ T          T: negotiated session timeout, counted from the last byte received
 *              ping         dead: dropped            a gap this long can only be a stalled event loop
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #sink: HeartbeatSink;
  readonly #timeout: number;
  #lastReceived: number;
  #lastSent: number;
  #timer: Timer | undefined;
  #due = 0;
  #stalled = false;

  constructor(clock: Clock, sessionTimeout: number, sink: HeartbeatSink) {
    this.#clock = clock;
    this.#sink = sink;
    this.#timeout = sessionTimeout;
    this.#lastReceived = this.#lastSent = clock.now();
    this.#schedule();
  }

  get lastReceived(): number {
    return this.#lastReceived;
  }

  /** Bytes arrived. False if the gap before them shows that this process stalled for a whole session timeout: trust nothing. */
  received(): boolean {
    const now = this.#clock.now();
    if (this.#hasSlept(now)) return false;
    this.#lastReceived = now;
    return true;
  }

  /** Bytes were sent; returns the time. */
  sent(): number {
    return (this.#lastSent = this.#clock.now());
  }

  /** Detects a stall now, if the timer has not run yet. */
  look(): void {
    if (this.#timer !== undefined) this.#hasSlept(this.#clock.now());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Whether a whole session timeout has passed without a byte: then the connection is reported dead. */
  #hasSlept(now: number): boolean {
    const silence = now - this.#lastReceived;
    if (silence < this.#timeout) return false;
    this.#sink.dead(stalled(silence));
    return true;
  }

  /** A little less than two thirds, which is an upper bound: timers may fire late. */
  get #patience(): number {
    return (2 * this.#timeout) / 3 - Math.min(MARGIN, this.#timeout / 50);
  }

  #schedule(): void {
    const third = this.#timeout / 3;
    const now = this.#clock.now();
    // A ping is due a third after the last send; and a third after the last byte, unless something was just sent.
    const nextPing = Math.min(this.#lastSent + third, Math.max(this.#lastReceived + third, this.#lastSent + third / 4));
    this.#due = Math.min(Math.max(nextPing, now), this.#lastReceived + this.#patience);
    this.#timer = this.#clock.timer(Math.max(0, this.#due - now), () => this.#check());
  }

  #check(): void {
    const now = this.#clock.now();
    if (this.#hasSlept(now)) return;
    const silence = now - this.#lastReceived;
    if (silence >= this.#patience - 1) {
      // A late timer means that the loop was busy: bytes may be waiting unread. One turn of the loop shows.
      if (!this.#stalled && now - this.#due > GRACE) {
        this.#stalled = true;
        this.#timer = this.#clock.timer(GRACE, () => this.#check());
        return;
      }
      return this.#sink.dead(
        new ConnectionDropped(
          `the server has been silent for ${Math.round(silence)} ms, two thirds of the session timeout of ${this.#timeout} ms`,
        ),
      );
    }
    this.#stalled = false;
    if (now - this.#lastSent >= this.#timeout / 3 - 1 || silence >= this.#timeout / 3 - 1) {
      this.#sink.ping();
      // The ping is sent in a moment; until then another one would be due at once.
      this.#lastSent = now;
    }
    this.#schedule();
  }
}

const GRACE = 5;
const MARGIN = 20;

export function stalled(gap: number): ConnectionDropped {
  return new ConnectionDropped(
    `event-loop-stall: nothing was read for ${Math.round(gap)} ms, a whole session timeout; the session may have expired`,
    { code: 'event-loop-stall' },
  );
}
