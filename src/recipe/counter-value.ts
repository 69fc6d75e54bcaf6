import { describeValue } from '../base/paths.ts';
import { floatRepr, parseFloatText, parseIntText } from './python-number.ts';

/** The type of a counter's value: whole numbers up to 2^53 - 1, floats, or whole numbers without limit. */
export type CounterType = 'int' | 'float' | 'bigint';

/** How a counter's value is checked, changed, and stored in its node. */
export interface CounterFormat {
  /** @throws TypeError for a value of another type; RangeError for one beyond the type's limits */
  check(name: string, value: unknown): number | bigint;
  /** @throws RangeError for a sum beyond the type's limits */
  add(value: number | bigint, n: number | bigint): number | bigint;
  negate(n: number | bigint): number | bigint;
  encode(value: number | bigint): Buffer;
  /** @throws RangeError for data that is not such a value */
  decode(data: Buffer): number | bigint;
}

/** Kazoo's format: the text that Python prints (CO-1). */
export function textFormat(type: CounterType): CounterFormat {
  return { int: INT, float: FLOAT, bigint: BIGINT }[type];
}

/** The format of Curator's SharedCount: four bytes, big-endian, signed (CO-3). */
export function curatorFormat(type: 'int' | 'bigint'): CounterFormat {
  const inner = textFormat(type);
  const within = <T extends number | bigint>(value: T): T => {
    if (value < -(2 ** 31) || value > 2 ** 31 - 1)
      throw new RangeError(`a counter shared with Curator holds 32-bit integers, not ${describeValue(value)}`);
    return value;
  };
  return {
    check: (name, value) => inner.check(name, value),
    add: (value, n) => within(inner.add(value, n)),
    negate: (n) => inner.negate(n),
    encode(value) {
      const data = Buffer.alloc(4);
      data.writeInt32BE(Number(within(value)));
      return data;
    },
    decode(data) {
      if (data.length !== 4) throw new RangeError(`a counter shared with Curator has 4 bytes of data, not ${data.length}`);
      const value = data.readInt32BE();
      return type === 'bigint' ? BigInt(value) : value;
    },
  };
}

const INT: CounterFormat = {
  check(name, value) {
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new TypeError(`${name} of an "int" counter must be a whole number, not ${describeValue(value)}`);
    return safe(value);
  },
  add: (value, n) => safe(Number(value) + Number(n)),
  negate: (n) => 0 - Number(n),
  encode: (value) => Buffer.from(String(value)),
  decode: (data) => safe(Number(parseIntText(data.toString('latin1')))),
};

const FLOAT: CounterFormat = {
  check(name, value) {
    if (typeof value !== 'number')
      throw new TypeError(`${name} of a "float" counter must be a number, not ${describeValue(value)}`);
    return value;
  },
  add: (value, n) => Number(value) + Number(n),
  negate: (n) => -Number(n),
  encode: (value) => Buffer.from(floatRepr(Number(value))),
  decode: (data) => parseFloatText(data.toString('latin1')),
};

const BIGINT: CounterFormat = {
  check(name, value) {
    if (typeof value !== 'bigint')
      throw new TypeError(`${name} of a "bigint" counter must be a bigint, not ${describeValue(value)}`);
    return value;
  },
  add: (value, n) => BigInt(value) + BigInt(n),
  negate: (n) => -BigInt(n),
  encode: (value) => Buffer.from(String(value)),
  decode: (data) => parseIntText(data.toString('latin1')),
};

function safe(value: number): number {
  if (!Number.isSafeInteger(value))
    throw new RangeError(`an "int" counter is limited to ±(2^53 - 1), not ${value}: use the type "bigint" for more`);
  return value;
}
