import { HALVES, HIGH, LOW, viewOf, WHOLE } from './memory.ts';

const FIRST_SLAB = 1024;
const SLAB = 64 * 1024;

/**
 * Appends jute values to an outgoing buffer (docs/protocol.md, "Frames").
 *
 * The bytes that `take` returns are never written again, so they can go to a socket directly: the writer continues in the rest of its slab, or in a new one.
 *
 *   slab  [ taken, with the socket | start … position: being written | free ]
 */
export class Writer {
  #slab: Buffer;
  #view: DataView;
  #start = 0;
  #position = 0;

  constructor(size = FIRST_SLAB) {
    this.#slab = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.#slab);
  }

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#position - this.#start;
  }

  /** Returns everything written, and starts again. */
  take(): Buffer {
    const taken = this.#slab.subarray(this.#start, this.#position);
    this.#start = this.#position;
    return taken;
  }

  /** Discards everything written beyond `length`. */
  truncate(length: number): void {
    this.#position = this.#start + length;
  }

  boolean(value: boolean): void {
    this.#reserve(1);
    this.#slab[this.#position++] = value ? 1 : 0;
  }

  int(value: number): void {
    this.#reserve(4);
    this.#position = this.#put(this.#position, value);
  }

  /** Overwrites the int at `offset` from the last `take`. */
  intAt(offset: number, value: number): void {
    this.#put(this.#start + offset, value);
  }

  long(value: bigint): void {
    this.#reserve(8);
    WHOLE[0] = value;
    this.#position = this.#put(this.#put(this.#position, HALVES[HIGH]!), HALVES[LOW]!);
  }

  /** A long given as a whole number of at most 53 bits. */
  longNumber(value: number): void {
    this.#reserve(8);
    this.#put(this.#position, Math.floor(value / 0x1_0000_0000));
    this.#position = this.#put(this.#position + 4, value | 0);
  }

  buffer(value: Uint8Array | null): void {
    if (value === null) return this.int(-1);
    const length = value.length;
    this.#reserve(4 + length);
    this.#position = this.#put(this.#position, length);
    this.#slab.set(value, this.#position);
    this.#position += length;
  }

  string(value: string | null): void {
    if (value === null) return this.int(-1);
    const length = value.length;
    // At most three bytes for each UTF-16 unit.
    this.#reserve(4 + 3 * length);
    const slab = this.#slab;
    const from = this.#position + 4;
    if (length < SHORT) {
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 0x7f) break;
        slab[from + i] = code;
      }
      if (i === length) return this.#closeString(length);
    }
    this.#closeString(slab.write(value, from, 'utf8'));
  }

  #closeString(bytes: number): void {
    this.#put(this.#position, bytes);
    this.#position += 4 + bytes;
  }

  #put(at: number, value: number): number {
    this.#view.setInt32(at, value);
    return at + 4;
  }

  #reserve(bytes: number): void {
    if (this.#position + bytes > this.#slab.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const kept = this.#slab.subarray(this.#start, this.#position);
    const size = Math.max(SLAB, 2 * (kept.length + bytes));
    this.#slab = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.#slab);
    this.#slab.set(kept);
    this.#start = 0;
    this.#position = kept.length;
  }
}

/** Below this many characters a loop is faster than a call of the native encoder. */
const SHORT = 64;
