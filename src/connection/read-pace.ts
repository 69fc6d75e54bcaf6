/** With fewer requests in flight than this, replies are read as they come. */
const MANY = 64;
/** A chunk that answers more than this part of them was worth its read, */
const FEW = 1 / 16;
/** and so was one of this many bytes. */
const SHORT = 8 * 1024;
/** So many in a row that were not make a rest. */
const IN_A_ROW = 4;
/** How long requests must be queueing at the server, milliseconds: several times what a rest takes, so that it never runs out of work meanwhile. */
const QUEUEING = 3;

/**
 * When to read nothing for a moment. A server under load sends its replies one or two at a time, and each then costs both sides a wake-up, a read and a write.
 * Replies that have gathered are read at once, and the requests that follow them leave in one write, which the server reads at once, too.
 *
 *   replies  · · · · ·|      rest      |:::::::| · · · · ·|      rest      |:::::::|
 *
 * Nothing is lost by it where requests queue at the server, and only there, hence the samples of how long an answer takes: the shortest is the way there and back,
 * and what another takes longer is spent in the queue.
 */
export class ReadPace {
  /** Requests up to the one that is timed, itself included; 0 while none is. */
  #ahead = 0;
  #sentAt = 0;
  #shortest = Infinity;
  #latest = 0;
  #small = 0;

  /** Requests were written, the newest in flight among them. @param now milliseconds */
  sent(now: number, inFlight: number): void {
    if (this.#ahead > 0) return;
    this.#ahead = inFlight;
    this.#sentAt = now;
  }

  /** A chunk was read. True if a rest is due. @param waiting requests that have no reply yet */
  received(now: number, bytes: number, replies: number, waiting: number): boolean {
    if (this.#ahead > 0) {
      this.#ahead -= replies;
      if (this.#ahead <= 0) this.#measure(now);
    }
    if (waiting < MANY || replies > waiting * FEW || bytes > SHORT) this.#small = 0;
    else if (++this.#small >= IN_A_ROW && this.#latest - this.#shortest >= QUEUEING) {
      this.#small = 0;
      return true;
    }
    return false;
  }

  #measure(now: number): void {
    this.#ahead = 0;
    this.#latest = now - this.#sentAt;
    this.#shortest = Math.min(this.#shortest, this.#latest);
  }
}
