// The global `Buffer` is a getter, which costs a little on every access.
import { Buffer } from 'node:buffer';
import { ZnodeStat } from '../base/znode-stat.ts';
import { HALVES, HIGH, LOW, viewOf, WHOLE } from './memory.ts';

/** Bytes that do not follow the protocol. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/**
 * Reads jute values from one frame; no read ever leaves it (docs/protocol.md, "Frames").
 *
 * @throws DecodeError from every method, if the frame ends too soon or a length makes no sense
 */
export class Reader {
  #buffer: Buffer;
  #view: DataView;
  #position: number;
  #end: number;
  #mayKeep = false;

  constructor(buffer: Buffer, start = 0, end: number = buffer.length) {
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
    this.#position = start;
    this.#end = end;
  }

  /** Continues with another frame, so that one reader serves a connection. `mayKeep`: nothing else will use that buffer. */
  reset(buffer: Buffer, start: number, end: number, mayKeep = false): this {
    if (buffer !== this.#buffer) {
      this.#buffer = buffer;
      this.#view = viewOf(buffer);
    }
    this.#position = start;
    this.#end = end;
    this.#mayKeep = mayKeep;
    return this;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  boolean(): boolean {
    const at = this.#advance(1);
    return this.#buffer[at] !== 0;
  }

  int(): number {
    return this.#view.getInt32(this.#advance(4));
  }

  long(): bigint {
    return longAt(this.#view, this.#advance(8));
  }

  /** A long as a number; exact up to 53 bits. */
  longNumber(): number {
    return numberAt(this.#view, this.#advance(8));
  }

  /** A Stat: nearly every reply has one, so it is read in one go. A bigint is an object, so equal ids share one. */
  stat(): ZnodeStat {
    const at = this.#advance(STAT_BYTES);
    const view = this.#view;
    const czxid = longAt(view, at);
    const mzxid = isSame(view, at + 8, at) ? czxid : longAt(view, at + 8);
    const pzxid = isSame(view, at + 60, at) ? czxid : isSame(view, at + 60, at + 8) ? mzxid : longAt(view, at + 60);
    const ctime = numberAt(view, at + 16);
    const mtime = numberAt(view, at + 24);
    const version = view.getInt32(at + 32);
    const cversion = view.getInt32(at + 36);
    const aversion = view.getInt32(at + 40);
    const owner = view.getInt32(at + 44) === 0 && view.getInt32(at + 48) === 0 ? 0n : longAt(view, at + 44);
    const dataLength = view.getInt32(at + 52);
    const numChildren = view.getInt32(at + 56);
    return new ZnodeStat(czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, dataLength, numChildren, pzxid);
  }

  /** A copy, because chunks are reused; only a large value that fills its own buffer is returned without copying. */
  buffer(): Buffer | null {
    const length = this.#length();
    if (length < 0) return null;
    const at = this.#advance(length);
    const source = this.#buffer;
    if (this.#mayKeep && length > OWN_BUFFER && length * 2 > source.buffer.byteLength) return source.subarray(at, at + length);
    const copy = Buffer.allocUnsafe(length);
    if (length > FEW) source.copy(copy, 0, at, at + length);
    else copyFew(source, at, copy);
    return copy;
  }

  string(): string | null {
    const length = this.#length();
    if (length < 0) return null;
    const at = this.#advance(length);
    const buffer = this.#buffer;
    const isLatin = length <= LONG && isAscii(this.#view, at, at + length);
    return isLatin ? buffer.toString('latin1', at, at + length) : decodeText(buffer, at, at + length);
  }

  /** A string; null means empty. */
  text(): string {
    return this.string() ?? '';
  }

  /** `count` strings; null means empty. */
  texts(count: number): string[] {
    const values = new Array<string>(count);
    for (let i = 0; i < count;) {
      const next = this.#run(values, i);
      if (next === i) values[i++] = this.text();
      else i = next;
    }
    return values;
  }

  /** A run of short ASCII strings is decoded in one go and then cut: a call of the native decoder costs more than most of them. */
  #run(values: string[], first: number): number {
    const view = this.#view;
    const start = this.#position;
    const limit = Math.min(this.#end, start + RUN);
    let next = first;
    let end = start;
    while (next < values.length && end + 4 <= limit) {
      const length = view.getInt32(end);
      if (length < 0 || length > limit - end - 4 || !isAscii(view, end + 4, end + 4 + length)) break;
      end += 4 + length;
      next++;
    }
    if (next === first) return first;
    const run = this.#buffer.toString('latin1', start, end);
    for (let i = first, at = 0; i < next; i++) {
      const from = at + 4;
      at = from + view.getInt32(start + at);
      values[i] = run.substring(from, at);
    }
    this.#position = end;
    return next;
  }

  /** The count of a vector; each element takes at least `least` bytes, so no count can promise more than the frame holds. */
  count(least: number): number {
    const count = this.int();
    if (count < -1 || count * least > this.remaining)
      throw new DecodeError(`a vector of ${count} does not fit in the ${this.remaining} bytes left of its frame`);
    return count;
  }

  #length(): number {
    const length = this.int();
    if (length < -1) throw new DecodeError(`invalid length ${length}`);
    return length;
  }

  #advance(bytes: number): number {
    const at = this.#position;
    if (bytes > this.#end - at) throw new DecodeError(`${bytes} bytes needed, but the frame has ${this.#end - at} left`);
    this.#position = at + bytes;
    return at;
  }
}

const STAT_BYTES = 68;
const OWN_BUFFER = 32 * 1024;
/** Up to so many bytes a loop is faster than `Buffer.copy`, which creates a view of the source. */
const FEW = 128;
/** Beyond this length the native decoder alone is faster than checking each byte first. */
const LONG = 256;
/** Bytes of strings decoded together: the most that a kept string, cut from the others, can keep in memory. */
const RUN = 2048;
function longAt(view: DataView, at: number): bigint {
  HALVES[HIGH] = view.getInt32(at);
  HALVES[LOW] = view.getInt32(at + 4);
  return WHOLE[0]!;
}

function numberAt(view: DataView, at: number): number {
  return view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}

/** Whether two longs are equal. */
function isSame(view: DataView, one: number, other: number): boolean {
  return view.getInt32(one) === view.getInt32(other) && view.getInt32(one + 4) === view.getInt32(other + 4);
}

function copyFew(source: Buffer, from: number, copy: Buffer): void {
  const length = copy.length;
  let i = 0;
  for (let at = from; i + 3 < length; i += 4, at += 4) {
    copy[i] = source[at]!;
    copy[i + 1] = source[at + 1]!;
    copy[i + 2] = source[at + 2]!;
    copy[i + 3] = source[at + 3]!;
  }
  for (; i < length; i++) copy[i] = source[from + i]!;
}

function isAscii(view: DataView, start: number, end: number): boolean {
  let bits = 0;
  let i = start;
  for (; i + 3 < end; i += 4) bits |= view.getInt32(i);
  for (; i < end; i++) bits |= view.getUint8(i);
  return (bits & 0x80808080) === 0;
}

/**
 * UTF-8, and Java's encoding of each half of a surrogate pair as three separate bytes (CESU-8), which a strict decoder
 * would turn into replacement characters.
 */
function decodeText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end);
  return text.includes('\ufffd') ? decodeCesu8(buffer, start, end) : text;
}

function decodeCesu8(buffer: Buffer, start: number, end: number): string {
  const bytes = buffer.toString('latin1', start, end);
  const pair = /\xed([\xa0-\xaf])([\x80-\xbf])\xed([\xb0-\xbf])([\x80-\xbf])/g;
  let text = '';
  let last = 0;
  for (const match of bytes.matchAll(pair)) {
    const [high, low] = [surrogate(match[1]!, match[2]!), surrogate(match[3]!, match[4]!)];
    text += buffer.toString('utf8', start + last, start + match.index) + String.fromCharCode(high, low);
    last = match.index + match[0].length;
  }
  return text + buffer.toString('utf8', start + last, end);
}

function surrogate(second: string, third: string): number {
  return 0xd000 | ((second.charCodeAt(0) & 0x3f) << 6) | (third.charCodeAt(0) & 0x3f);
}
