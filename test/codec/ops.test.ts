import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Field } from '../../src/codec/fields.ts';
import { isOlder, OP_BY_CODE, OPS } from '../../src/codec/ops.ts';
import { DecodeError, Reader } from '../../src/codec/reader.ts';
import { Writer } from '../../src/codec/writer.ts';
import { ARBITRARY, OP_NAMES } from '../support/arbitrary.ts';

describe.each(OP_NAMES)('%s', (op) => {
  test.each([
    ['request', 0],
    ['response', 1],
  ] as const)('any %s is read as it was written, and every cut of it is refused', (side, index) => {
    const field = OPS[op][side] as unknown as Field<unknown>;
    fc.assert(
      fc.property(ARBITRARY[op][index], (value) => {
        const writer = new Writer(1);
        field.write(writer, value);
        const bytes = writer.take();
        const reader = new Reader(bytes);
        expect(field.read(reader)).toEqual(value);
        expect(reader.remaining).toBe(0);
        expect(bytes.length).toBeGreaterThanOrEqual(field.least);
        if (bytes.length === 0) return;
        for (const end of new Set([0, bytes.length >> 1, bytes.length - 1])) {
          expect(() => field.read(new Reader(bytes, 0, end))).toThrow(DecodeError);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the table', () => {
  test('has each opcode once, and finds its operation by it', () => {
    expect(OP_BY_CODE.size).toBe(OP_NAMES.length);
    for (const op of OP_NAMES) expect(OP_BY_CODE.get(OPS[op].code)).toBe(op);
  });

  test('a null path is refused', () => {
    expect(() => OPS.getData.request.read(new Reader(Buffer.from('ffffffff00', 'hex')))).toThrow('a path is null');
  });

  test('a null vector reads as empty where that is the same, and is refused where it may not be', () => {
    expect(OPS.getChildren.response.read(new Reader(Buffer.from('ffffffff', 'hex')))).toEqual({ children: [] });
    expect(() => OPS.whoAmI.response.read(new Reader(Buffer.from('ffffffff', 'hex')))).toThrow('a vector is null');
  });

  test('a multi refuses an operation that may not stand in it, and a result of unknown type', () => {
    const bytes = Buffer.from('0000000400ffffffff', 'hex');
    expect(() => OPS.multi.request.read(new Reader(bytes))).toThrow('operation 4 is not allowed in this multi');
    expect(() => OPS.multi.response.read(new Reader(bytes))).toThrow('unknown type 4');
  });

  test('a multi without an end is refused', () => {
    expect(() => OPS.multi.response.read(new Reader(Buffer.from('ffffffff00ffffffffffffff9b', 'hex')))).toThrow(DecodeError);
  });

  test('tells which servers are too old for an operation, number by number', () => {
    const versions = [[], [3], [3, 4, 14], [3, 5, 0], [3, 5, 10], [3, 10], [4, 0]];
    expect(versions.map((version) => isOlder(version, '3.5.3'))).toEqual([true, true, true, true, false, false, false]);
    expect(versions.map((version) => isOlder(version, '3.5.0'))).toEqual([true, true, true, false, false, false, false]);
    expect(isOlder([0], undefined)).toBe(false);
  });
});
