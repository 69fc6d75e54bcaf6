import type { Clock, Timer } from '../base/clock.ts';
import { ConnectionDropped } from '../base/exceptions.ts';
import type { FrameSplitter, UnfinishedFrame } from '../codec/frame.ts';

/**
 * Notices a frame that never ends: its length was a mistake, and it swallows the replies behind it, those to pings too, by which the server passes for alive.
 * A frame is given up when next to nothing of it has come in two thirds of the session timeout; that this process reads late is no reason.
 */
export class FrameWatch {
  readonly #clock: Clock;
  readonly #splitter: Pick<FrameSplitter, 'unfinished'>;
  readonly #timeout: number;
  readonly #patience: number;
  readonly #enough: number;
  readonly #dead: (error: ConnectionDropped) => void;
  /** As it was when last enough of it had come. */
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
    // Half a byte a millisecond, which the slowest link has; and the replies to all the pings there may be.
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
          `the server announced a frame of ${frame.length} bytes, of which ${frame.come} have come, only ${come} of them in ${Math.round(now - this.#since)} ms: next to nothing, two thirds of the session timeout of ${this.#timeout} ms long`,
        ),
      );
    // What has come may wait unread, when this process was busy: a turn of the loop shows.
    this.#looksAgain = isOver;
    this.#timer = this.#next();
  }
}

const GRACE = 5;
/** How often it is looked at within the patience. */
const LOOKS = 6;
