import type { Dice } from '../ensemble/lock-model.ts';

/** What goes over the wire in place of a frame. */
export interface Mutant {
  readonly bytes: Buffer;
  /** The connection ends behind it. */
  readonly cut?: boolean;
}

/** @param frame with its four bytes of length in front */
type Mutation = (dice: Dice, frame: Buffer) => Mutant;

const ABSURD = [-1, -2, -(2 ** 31), 2 ** 31 - 1, 2 ** 31 - 5, 0x00ff_ffff, 0x0000_ffff, 0, 1, 4] as const;
const XIDS = [-1, -2, -4, -8, 0, 1, 2 ** 31 - 1, -(2 ** 31)] as const;
const CODES = [-1, -2, -4, -5, -6, -8, -100, -101, -110, -112, -115, -118, -127, 1, 7, 2 ** 31 - 1, -(2 ** 31)] as const;
const HEADER = 16;

/** Everything a broken server, or a broken network, may make of one of its frames. */
export const MUTATIONS = {
  flip: (dice, frame) => altered(frame, (bytes) => repeat(1 + dice.below(8), () => flipBit(dice, bytes))),
  byte: (dice, frame) =>
    altered(frame, (bytes) =>
      repeat(1 + dice.below(4), () => (bytes[within(dice, bytes)] = pick(dice, [0, 1, 0x7f, 0x80, 0xff]))),
    ),
  truncated: (dice, frame) => ({ bytes: framed(frame.subarray(4, 4 + dice.below(frame.length - 3))) }),
  extended: (dice, frame) => ({ bytes: framed(Buffer.concat([frame.subarray(4), noise(dice, dice.below(200))])) }),
  // From here on the stream is out of step.
  shortened: (dice, frame) => ({ bytes: frame.subarray(0, dice.below(frame.length)) }),
  length: (dice, frame) => altered(frame, (bytes) => bytes.writeInt32BE(wrongLength(dice, bytes.length - 4), 0)),
  half: (dice, frame) => ({ bytes: frame.subarray(0, dice.below(frame.length)), cut: true }),
  xid: (dice, frame) =>
    altered(frame, (bytes) => write(bytes, 4, dice.chance(0.5) ? pick(dice, XIDS) : bytes.readInt32BE(4) + dice.below(5) - 2)),
  zxid: (dice, frame) => altered(frame, (bytes) => write(bytes, dice.chance(0.5) ? 8 : 12, pick(dice, ABSURD))),
  code: (dice, frame) => altered(frame, (bytes) => write(bytes, HEADER, pick(dice, CODES))),
  count: (dice, frame) =>
    altered(frame, (bytes) => write(bytes, 4 + HEADER + dice.below(Math.max(1, bytes.length - 24)), pick(dice, ABSURD))),
  duplicate: (_, frame) => ({ bytes: Buffer.concat([frame, frame]) }),
  swallow: () => ({ bytes: Buffer.alloc(0) }),
  noise: (dice, frame) => ({ bytes: framed(noise(dice, frame.length)) }),
  garbage: (dice, frame) => ({ bytes: Buffer.concat([noise(dice, 1 + dice.below(64)), frame]) }),
  event: (dice, frame) => ({ bytes: Buffer.concat([strangeEvent(dice), frame]) }),
  nothing: (_, frame) => ({ bytes: Buffer.concat([Buffer.alloc(4), frame]) }),
} as const satisfies Record<string, Mutation>;

export type MutationName = keyof typeof MUTATIONS;
export const MUTATION_NAMES = Object.keys(MUTATIONS) as MutationName[];

const TIMEOUT_AT = 8;
const LONGEST = 20_000;

/** A greeting that is altered may lie about anything but a session timeout of days: no client can tell that from a server's setting. */
export function believable(greeting: Buffer): Buffer {
  if (greeting.length >= TIMEOUT_AT + 4 && greeting.readInt32BE(TIMEOUT_AT) > LONGEST) greeting.writeInt32BE(LONGEST, TIMEOUT_AT);
  return greeting;
}

export function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** For a record of what was done. */
export function brief(bytes: Buffer): string {
  return `${bytes.subarray(0, 64).toString('hex')}${bytes.length > 64 ? `… (${bytes.length} bytes)` : ''}`;
}

function altered(frame: Buffer, change: (bytes: Buffer) => void): Mutant {
  const bytes = Buffer.from(frame);
  if (bytes.length > 4) change(bytes);
  return { bytes };
}

function flipBit(dice: Dice, bytes: Buffer): void {
  bytes[within(dice, bytes)]! ^= 1 << dice.below(8);
}

/** An index behind the length. */
function within(dice: Dice, bytes: Buffer): number {
  return 4 + dice.below(bytes.length - 4);
}

function write(bytes: Buffer, at: number, value: number): void {
  if (at + 4 <= bytes.length) bytes.writeInt32BE(value | 0, at);
}

function wrongLength(dice: Dice, length: number): number {
  return dice.chance(0.5) ? pick(dice, ABSURD) : length + dice.below(41) - 20;
}

function noise(dice: Dice, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => dice.below(256)));
}

function strangeEvent(dice: Dice): Buffer {
  const path = pick(dice, ['', '/', '/fuzz', '/fuzz/0', 'no path', '/fuzz/0/1', '\0']);
  const body = Buffer.alloc(HEADER + 12 + path.length);
  body.writeInt32BE(-1, 0);
  body.writeInt32BE(pick(dice, [-1, 0, 1, 2, 3, 4, 5, 99]), HEADER);
  body.writeInt32BE(pick(dice, [3, 0, -112, 99]), HEADER + 4);
  body.writeInt32BE(path.length, HEADER + 8);
  body.write(path, HEADER + 12, 'latin1');
  return framed(body);
}

function pick<T>(dice: Dice, list: readonly T[]): T {
  return list[dice.below(list.length)]!;
}

function repeat(times: number, step: () => void): void {
  for (let i = 0; i < times; i++) step();
}
