import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { boolean, buffer, int, long, record } from '../../src/codec/fields.ts';
import type { AnyField, Field } from '../../src/codec/fields.ts';
import { OPS, OP_BY_CODE } from '../../src/codec/ops.ts';
import type { OpName } from '../../src/codec/ops.ts';
import { DecodeError, Reader } from '../../src/codec/reader.ts';
import { connectRequest, connectResponse, replyHeader, requestHeader, watcherEvent } from '../../src/codec/records.ts';
import { Writer } from '../../src/codec/writer.ts';

interface Vector {
  name: string;
  op: string;
  direction: 'request' | 'response' | 'event' | 'connect-request' | 'connect-response';
  hex: string;
  fields: { header: Record<string, unknown> | null; body: Record<string, unknown> | null };
  source: string;
}

const vectors = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8')) as Vector[];
// Written by hand to be refused: the server answers each with MarshallingError.
const MALFORMED = new Set(['by hand: wrong kind in multi: multi request', 'by hand: writes in multiRead: multiRead request']);
// The server writes both halves of a surrogate pair on their own (CESU-8); we read that, and write plain UTF-8 as Kazoo does.
const OTHER_BYTES = new Set(['by hand: beyond the BMP: getACL response']);
const EARLY_REQUEST = record({ protocolVersion: int, lastZxidSeen: long, timeOut: int, sessionId: long, passwd: buffer });
// The opcodes that are no operation of a client's stand aside.
const known = vectors.filter(({ op, direction }) => direction === 'event' || direction.startsWith('connect') || op in OPS);

describe('recorded bytes', () => {
  test.each(known.map((vector) => [vector.name, vector] as const))('%s', (name, vector) => {
    const bytes = Buffer.from(vector.hex, 'hex');
    const reader = new Reader(bytes);
    const layout = layoutOf(vector);
    const read = (): unknown[] => layout.map((field) => field.read(reader));
    if (MALFORMED.has(name)) return expect(read).toThrow(DecodeError);
    const values = read();
    expect(reader.remaining).toBe(0);
    expect(values.map(plain)).toEqual(recordedValues(vector));
    if (OTHER_BYTES.has(name)) return;
    const writer = new Writer();
    layout.forEach((field, index) => (field as Field<unknown>).write(writer, values[index]));
    expect(writer.take().toString('hex')).toBe(vector.hex);
  });

  test('cover every operation, both ways', () => {
    const recorded = new Set(vectors.map(({ op, direction }) => `${op} ${direction}`));
    for (const op of Object.keys(OPS)) expect([...recorded]).toEqual(expect.arrayContaining([`${op} request`, `${op} response`]));
  });
});

function layoutOf({ op, direction, fields }: Vector): AnyField[] {
  if (direction === 'connect-request') return fields.body!['readOnly'] === null ? [EARLY_REQUEST] : [connectRequest];
  if (direction === 'connect-response') return fields.body!['readOnly'] === null ? [connectResponse] : [connectResponse, boolean];
  if (direction === 'event') return [replyHeader, watcherEvent];
  const row = OPS[op as OpName];
  if (direction === 'request') return [requestHeader, row.request];
  return fields.body === null ? [replyHeader] : [replyHeader, row.response];
}

/** What was read, as the vectors have it: 64-bit numbers as strings, buffers as hex, null for nothing. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value === undefined || value === null || typeof value !== 'object') return value ?? null;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, TIMES.has(key) ? String(inner) : plain(inner)]));
}

// 64 bits on the wire, but numbers of milliseconds to us.
const TIMES = new Set(['ctime', 'mtime', 'ttl']);

function recordedValues({ direction, fields: { header, body } }: Vector): unknown[] {
  if (direction === 'connect-response' && body!['readOnly'] !== null) {
    const { readOnly, ...rest } = body!;
    return [rest, readOnly];
  }
  if (direction.startsWith('connect')) return [Object.fromEntries(Object.entries(body!).filter(([, value]) => value !== null))];
  if (direction === 'response' && body === null) return [header];
  return [header, ours(body, direction)];
}

/** Where the library's own shape differs from ZooKeeper's records: transactions, and the name of one field. */
function ours(body: Record<string, unknown> | null, direction: Vector['direction']): unknown {
  if (body === null) return null;
  if ('ops' in body)
    return (body['ops'] as RecordedPart[]).map((part) => (direction === 'request' ? requestPart(part) : resultPart(part)));
  if (!('clientInfo' in body)) return body;
  return {
    clientInfo: (body['clientInfo'] as { authScheme: string; user: string }[]).map(({ authScheme: scheme, user }) => ({
      scheme,
      user,
    })),
  };
}

interface RecordedPart {
  header: { type: number; err: number };
  body: unknown;
}

function requestPart({ header, body }: RecordedPart): unknown {
  return { op: OP_BY_CODE.get(header.type), request: body };
}

function resultPart({ header: { type, err }, body }: RecordedPart): unknown {
  return { type, err, body: type === -1 ? null : body };
}
