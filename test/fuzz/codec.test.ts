import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameSplitter } from '../../src/codec/frame.ts';
import type { Field } from '../../src/codec/fields.ts';
import { OPS } from '../../src/codec/ops.ts';
import { DecodeError, Reader } from '../../src/codec/reader.ts';
import * as records from '../../src/codec/records.ts';
import { Writer } from '../../src/codec/writer.ts';
import { ARBITRARY, OP_NAMES } from '../support/arbitrary.ts';

const FIELDS: [string, Field<unknown>][] = [
  ...OP_NAMES.flatMap((op) => (['request', 'response'] as const).map((side) => [`${op} ${side}`, OPS[op][side]] as const)),
  ...(['requestHeader', 'replyHeader', 'watcherEvent', 'connectRequest', 'connectResponse'] as const).map(
    (name) => [name, records[name]] as const,
  ),
].map(([name, field]) => [name, field as unknown as Field<unknown>]);

/** Reads a frame that lies in the middle of a larger buffer whose other bytes would be noticed. */
function readFramed(field: Field<unknown>, bytes: Uint8Array): void {
  const MARGIN = 64;
  const buffer = Buffer.alloc(bytes.length + 2 * MARGIN, 0);
  buffer.set(bytes, MARGIN);
  const reader = new Reader(buffer, MARGIN, MARGIN + bytes.length);
  try {
    const value = field.read(reader);
    expect(sizeOf(value)).toBeLessThanOrEqual(64 + 40 * bytes.length);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
  }
  expect(reader.remaining).toBeGreaterThanOrEqual(0);
  expect(reader.remaining).toBeLessThanOrEqual(bytes.length);
}

/** How much a value holds, roughly: what a lying length must not be able to blow up. */
function sizeOf(value: unknown): number {
  if (value === null || typeof value !== 'object') return typeof value === 'string' ? value.length : 1;
  if (Buffer.isBuffer(value)) return value.length;
  return Object.values(value).reduce((sum: number, inner) => sum + sizeOf(inner), 1);
}

describe('random bytes', () => {
  test.each(FIELDS)('as a %s are read within their frame or refused', (_, field) => {
    const small = fc.constantFrom(0, 1, 2, 4, 8, 0x7f, 0x80, 0xff);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(small, { maxLength: 300 }).map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (given) => readFramed(field, given)),
      { numRuns: 150 },
    );
  });

  test.each(OP_NAMES)('changed in a true %s are read within their frame or refused', (op) => {
    for (const [index, side] of (['request', 'response'] as const).entries()) {
      const field = OPS[op][side] as unknown as Field<unknown>;
      fc.assert(
        fc.property(
          ARBITRARY[op][index]!,
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
          (value, changes) => {
            const writer = new Writer();
            field.write(writer, value);
            const bytes = writer.take();
            for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
            readFramed(field, bytes);
          },
        ),
        { numRuns: 60 },
      );
    }
  });

  test('as a stream are split into frames that lie in it, or end it', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.nat(64), (chunks, limit) => {
        let bytes = 0;
        let over = false;
        const splitter = new FrameSplitter(
          {
            frame: (buffer, start, end) => {
              expect(over).toBe(false);
              expect(start).toBeGreaterThanOrEqual(0);
              expect(end - start).toBeLessThanOrEqual(limit);
              expect(end).toBeLessThanOrEqual(buffer.length);
              bytes += 4 + end - start;
            },
            oversized: (head, length) => {
              expect(length).toBeGreaterThan(limit);
              expect(head.length).toBeLessThanOrEqual(16);
            },
            broken: (length) => {
              expect(length).toBeLessThan(0);
              over = true;
            },
          },
          limit,
        );
        for (const chunk of chunks) splitter.push(Buffer.from(chunk));
        expect(bytes).toBeLessThanOrEqual(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      }),
    );
  });

  test('a length that lies allocates nothing', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2000; i++) {
      for (const read of ['buffer', 'string'] as const)
        expect(() => new Reader(Buffer.from('7ffffff0', 'hex'))[read]()).toThrow(DecodeError);
      expect(() => OPS.getChildren.response.read(new Reader(Buffer.from('7ffffff0', 'hex')))).toThrow(DecodeError);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });
});
