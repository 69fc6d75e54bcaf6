/** With fewer requests in flight than this, replies are read as they arrive. */
const MANY = 64;
/** A chunk that answers more than this fraction of them was worth its read, */
const FEW = 1 / 16;
/** and so was one of this many bytes. */
const SHORT = 8 * 1024;
/** So many consecutive chunks that were not lead to a rest. */
const IN_A_ROW = 4;
/** Milliseconds that requests must be queueing at the server: several times the length of a rest, so that it never runs out of work meanwhile. */
const QUEUEING = 3;

/**
 * Decides when to stop reading for a moment. A server under load sends its replies one or two at a time, each of which costs both sides a wake-up, a read and a write.
 * Collected replies are read at once, and the requests that follow them are sent in one write, which the server also reads at once.
 *
 *   replies  · · · · ·|      rest      |:::::::| · · · · ·|      rest      |:::::::|
 *
 * This costs nothing if requests queue at the server, and only then; hence the samples of response times: the shortest is the round-trip time,
 * and anything above it is spent in the queue.
 */
export class ReadPace {
  /** Requests up to and including the timed one; 0 while none is timed. */
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
