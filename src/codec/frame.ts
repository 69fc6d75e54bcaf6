/** Receives whole frames, and frames that were too long to keep. */
export interface FrameSink {
  /** A frame's bytes are `buffer[start, end)`: a part of the current chunk or, if `whole`, the frame alone in a buffer that nothing else will use. */
  frame(buffer: Buffer, start: number, end: number, whole: boolean): void;
  /** A frame of `length` bytes exceeds the limit; `head` has its first bytes, and the rest is skipped as it arrives. */
  oversized(head: Buffer, length: number): void;
  /** The stream does not consist of frames: a length is negative or absurd. Nothing more will be delivered. */
  broken(length: number): void;
}

/** A frame of which only a part has arrived. */
export interface UnfinishedFrame {
  /** Counts the frames that arrived in parts. */
  readonly number: number;
  /** The announced length, bytes. */
  readonly length: number;
  /** How many of these bytes have arrived. */
  readonly come: number;
}

const HEAD = 16;
const FIRST_ALLOCATION = 64 * 1024;
/** Growth factor of a buffer that is too small for a frame: memory is never more than so many times the bytes received. */
const GROWTH = 4;

/**
 * Cuts a byte stream into frames: 4 bytes of length, then that many (docs/protocol.md, "Frames").
 * A frame that is completely in one chunk is not copied; the bytes of any other are, 1.4 times on average. No chunk is kept.
 * Memory follows the bytes received, never the length announced.
 */
export class FrameSplitter {
  readonly #sink: FrameSink;
  readonly #limit: number;
  readonly #head: number;
  #partial: Buffer = Buffer.alloc(0);
  #filled = 0;
  #wanted = 0;
  #skip = 0;
  /** The length of the frame being skipped. */
  #skipped = 0;
  /** The number of frames that arrived in parts. */
  #torn = 0;
  #stopped = false;

  /**
   * @param limit longest frame to keep, bytes
   * @param head how many bytes of a longer frame to collect before reporting it
   */
  constructor(sink: FrameSink, limit: number, head = HEAD) {
    this.#sink = sink;
    this.#limit = limit;
    this.#head = head;
  }

  /** Nothing more is delivered, not even from the current chunk. */
  stop(): void {
    this.#stopped = true;
  }

  /** Undefined between two frames, and before the length of the next has arrived. */
  get unfinished(): UnfinishedFrame | undefined {
    const number = this.#torn;
    if (this.#skip > 0) return { number, length: this.#skipped, come: this.#skipped - this.#skip };
    if (this.#filled < 4) return undefined;
    return { number, length: this.#partial.readInt32BE(0), come: this.#filled - 4 };
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#filled > 0) {
        at = this.#continue(chunk, at);
      } else {
        at = this.#begin(chunk, at);
      }
    }
  }

  /** A frame starts at `at`. */
  #begin(chunk: Buffer, at: number): number {
    this.#wanted = 4;
    if (chunk.length - at >= 4) {
      const length = (chunk[at]! << 24) | (chunk[at + 1]! << 16) | (chunk[at + 2]! << 8) | chunk[at + 3]!;
      if (length >= 0 && length <= this.#limit) {
        const end = at + 4 + length;
        if (end <= chunk.length) {
          this.#sink.frame(chunk, at + 4, end, false);
          return end;
        }
        this.#wanted = 4 + length;
      }
    }
    return this.#continue(chunk, at);
  }

  /** The frame in `#partial` continues at `at`. */
  #continue(chunk: Buffer, at: number): number {
    if (this.#filled === 0) this.#torn++;
    const taken = Math.min(this.#wanted - this.#filled, chunk.length - at);
    this.#append(chunk, at, taken);
    if (this.#filled === this.#wanted) this.#complete();
    return at + taken;
  }

  #complete(): void {
    const length = this.#partial.readInt32BE(0);
    if (length < 0) {
      this.#stopped = true;
      return this.#sink.broken(length);
    }
    const kept = length > this.#limit ? Math.min(length, this.#head) : length;
    if (this.#wanted < 4 + kept) {
      this.#wanted = 4 + kept;
      return;
    }
    const whole = this.#partial;
    this.#partial = Buffer.alloc(0);
    this.#filled = 0;
    if (length > this.#limit) {
      this.#skip = length - kept;
      this.#skipped = length;
      this.#sink.oversized(whole.subarray(4, 4 + kept), length);
    } else {
      this.#sink.frame(whole, 4, 4 + length, true);
    }
  }

  #append(chunk: Buffer, at: number, bytes: number): void {
    const needed = this.#filled + bytes;
    if (needed > this.#partial.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(this.#wanted, Math.max(needed, GROWTH * this.#partial.length, Math.min(FIRST_ALLOCATION, this.#wanted))),
      );
      this.#partial.copy(grown, 0, 0, this.#filled);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#filled, at, at + bytes);
    this.#filled = needed;
  }
}
