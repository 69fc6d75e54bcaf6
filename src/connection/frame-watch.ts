import type { Clock, Timer } from '../base/clock.ts';
import { ConnectionDropped } from '../base/exceptions.ts';
import type { FrameSplitter, UnfinishedFrame } from '../codec/frame.ts';

/**
 * Detects a frame that never ends: its length was wrong, and it swallows all later replies, even those to pings, so that the server seems alive.
 * A frame counts as stuck if almost nothing of it has arrived in two thirds of the session timeout, unless this process merely reads late.
 */
export class FrameWatch {
  readonly #clock: Clock;
  readonly #splitter: Pick<FrameSplitter, 'unfinished'>;
  readonly #timeout: number;
  readonly #patience: number;
  readonly #enough: number;
  readonly #dead: (error: ConnectionDropped) => void;
  /** The frame as it was when enough of it had last arrived. */
  #frame: UnfinishedFrame | undefined;
  #since = 0;
  #looksAgain = false;
  #timer: Timer;

  constructor(
    clock: Clock,
    sessionTimeout: number,
    splitter: Pick<FrameSplitter, 'unfinished'>,
    dead: (error: ConnectionDropped) => void,
  ) {
    this.#clock = clock;
    this.#splitter = splitter;
    this.#dead = dead;
    this.#timeout = sessionTimeout;
    this.#patience = (2 * sessionTimeout) / 3;
    // Half a byte per millisecond, which the slowest link can carry; plus the replies to all possible pings.
    this.#enough = 256 + this.#patience / 2;
    this.#timer = this.#next();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    return this.#clock.timer(this.#looksAgain ? GRACE : this.#patience / LOOKS, () => this.#check());
  }

  #check(): void {
    const frame = this.#splitter.unfinished;
    const now = this.#clock.now();
    const come = frame?.number === this.#frame?.number ? (frame?.come ?? 0) - (this.#frame?.come ?? 0) : Infinity;
    const isStuck = frame !== undefined && come < this.#enough;
    if (!isStuck) {
      this.#frame = frame;
      this.#since = now;
    }
    const isOver = isStuck && now - this.#since >= this.#patience - 1;
    if (isOver && this.#looksAgain)
      return this.#dead(
        new ConnectionDropped(
          `the server announced a frame of ${frame.length} bytes, of which ${frame.come} have arrived, only ${come} of them in the last ${Math.round(now - this.#since)} ms (two thirds of the session timeout of ${this.#timeout} ms)`,
        ),
      );
    // Data may be waiting unread if this process was busy: one turn of the loop shows.
    this.#looksAgain = isOver;
    this.#timer = this.#next();
  }
}

const GRACE = 5;
/** How often the frame is checked within the patience. */
const LOOKS = 6;
