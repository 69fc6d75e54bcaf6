import { DecodeError, type Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** How one value is encoded on the wire, in both directions. */
export interface Field<T> {
  readonly write: (writer: Writer, value: T) => void;
  readonly read: (reader: Reader) => T;
  /** The minimum number of bytes of a value: it limits a vector's count. */
  readonly least: number;
}

/** A field of any type. */
export interface AnyField {
  readonly write: (writer: Writer, value: never) => void;
  readonly read: (reader: Reader) => unknown;
  readonly least: number;
}

export type ValueOf<F> = F extends Field<infer T> ? T : never;
type Fields = Readonly<Record<string, AnyField>>;
export type RecordOf<F> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export const boolean: Field<boolean> = { write: (w, v) => w.boolean(v), read: (r) => r.boolean(), least: 1 };
export const int: Field<number> = { write: (w, v) => w.int(v), read: (r) => r.int(), least: 4 };
export const long: Field<bigint> = { write: (w, v) => w.long(v), read: (r) => r.long(), least: 8 };
/** A long that stays below 2^53: a time or a duration in milliseconds. */
export const longNumber: Field<number> = { write: (w, v) => w.longNumber(v), read: (r) => r.longNumber(), least: 8 };
export const buffer: Field<Buffer | null> = { write: (w, v) => w.buffer(v), read: (r) => r.buffer(), least: 4 };
export const ustring: Field<string | null> = { write: (w, v) => w.string(v), read: (r) => r.string(), least: 4 };
/** A string that we never send as null; a received null reads as ''. */
export const text: Field<string> = { write: (w, v) => w.string(v), read: (r) => r.text(), least: 4 };

/** A request that can be decoded, but names no node: a server answers it like one it cannot decode, but still counts it as a request. */
export class NullPathError extends DecodeError {}

/** A node's path. A null path is the sender's error: the server answers MarshallingError. */
export const path: Field<string> = {
  write: (w, v) => w.string(v),
  read(reader) {
    const value = reader.string();
    if (value === null) throw new NullPathError('a path is null');
    return value;
  },
  least: 4,
};

/** A vector; a null one (count -1) reads as null. */
export function vector<T>(element: Field<T>): Field<readonly T[] | null> {
  const { write, read, least } = element;
  return {
    least: 4,
    write(writer, values) {
      if (values === null) return writer.int(-1);
      writer.int(values.length);
      for (const value of values) write(writer, value);
    },
    read(reader) {
      const count = reader.count(least);
      if (count < 0) return null;
      const values = new Array<T>(count);
      for (let i = 0; i < count; i++) values[i] = read(reader);
      return values;
    },
  };
}

/** A vector that may not be null. */
export function required<T>(element: Field<T>): Field<readonly T[]> {
  const { write, read, least } = vector(element);
  return {
    write,
    read(reader) {
      const values = read(reader);
      if (values === null) throw new DecodeError('a vector is null');
      return values;
    },
    least,
  };
}

/** A vector; null means empty. */
export function list<T>(element: Field<T>): Field<readonly T[]> {
  const { write, read, least } = vector(element);
  return { write, read: (reader) => read(reader) ?? [], least };
}

/**
 * A sequence of fields, as an object. Rows of up to three fields are unrolled.
 * Properties are assigned, because a computed name in a literal costs a call of the engine's runtime.
 */
export function record<const F extends Fields>(fields: F): Field<RecordOf<F>> {
  const entries = Object.entries(fields) as unknown as [string, Field<unknown>][];
  const least = entries.reduce((sum, [, field]) => sum + field.least, 0);
  return { ...(unroll(entries) ?? loop(entries)), least } as unknown as Field<RecordOf<F>>;
}

type Row = Record<string, unknown>;
type RowField = Pick<Field<Row>, 'write' | 'read'>;

function unroll(entries: [string, Field<unknown>][]): RowField | undefined {
  const [a, b, c] = entries;
  if (a === undefined || entries.length > 3) return undefined;
  const [ka, fa] = a;
  if (b === undefined) return { write: (w, v) => fa.write(w, v[ka]), read: (r) => assign({}, ka, fa.read(r)) };
  const [kb, fb] = b;
  if (c === undefined)
    return {
      write: (w, v) => (fa.write(w, v[ka]), fb.write(w, v[kb])),
      read: (r) => assign(assign({}, ka, fa.read(r)), kb, fb.read(r)),
    };
  const [kc, fc] = c;
  return {
    write: (w, v) => (fa.write(w, v[ka]), fb.write(w, v[kb]), fc.write(w, v[kc])),
    read: (r) => assign(assign(assign({}, ka, fa.read(r)), kb, fb.read(r)), kc, fc.read(r)),
  };
}

function assign(row: Row, key: string, value: unknown): Row {
  row[key] = value;
  return row;
}

function loop(entries: [string, Field<unknown>][]): RowField {
  return {
    write(writer, value) {
      for (const [key, field] of entries) field.write(writer, value[key]);
    },
    read(reader) {
      const value: Row = {};
      for (const [key, field] of entries) value[key] = field.read(reader);
      return value;
    },
  };
}
