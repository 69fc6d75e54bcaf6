import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Reader } from '../../src/codec/reader.ts';
import { Writer } from '../../src/codec/writer.ts';

describe('a writer', () => {
  test.each<[string, (writer: Writer) => void]>([
    ['00', (w) => w.boolean(false)],
    ['01', (w) => w.boolean(true)],
    ['7fffffff', (w) => w.int(2 ** 31 - 1)],
    ['80000000', (w) => w.int(-(2 ** 31))],
    ['ffffffff', (w) => w.int(-1)],
    ['8000000000000000', (w) => w.long(-(2n ** 63n))],
    ['7fffffffffffffff', (w) => w.long(2n ** 63n - 1n)],
    ['001fffffffffffff', (w) => w.longNumber(Number.MAX_SAFE_INTEGER)],
    ['ffffffffffffffff', (w) => w.longNumber(-1)],
    ['0000000100000000', (w) => w.longNumber(2 ** 32)],
    ['ffffffff', (w) => w.buffer(null)],
    ['00000000', (w) => w.buffer(new Uint8Array())],
    ['000000020aff', (w) => w.buffer(Uint8Array.from([10, 255]))],
    ['ffffffff', (w) => w.string(null)],
    ['00000000', (w) => w.string('')],
    ['0000000161', (w) => w.string('a')],
    ['00000003efbfbd', (w) => w.string('\ud800')],
    ['00000004f09f9880', (w) => w.string('😀')],
  ])('writes %s', (bytes, write) => {
    const writer = new Writer(1);
    write(writer);
    expect(writer.length).toBe(bytes.length / 2);
    expect(writer.take().toString('hex')).toBe(bytes);
    expect(writer.length).toBe(0);
  });

  test('what was taken is never written again', () => {
    const writer = new Writer(16);
    const taken: Buffer[] = [];
    for (let i = 0; i < 100; i++) {
      writer.int(i);
      writer.string(`text ${i}`);
      taken.push(writer.take());
    }
    taken.forEach((bytes, i) => {
      const reader = new Reader(bytes);
      expect([reader.int(), reader.string(), reader.remaining]).toEqual([i, `text ${i}`, 0]);
    });
  });

  test('an int can be overwritten, and the rest taken back', () => {
    const writer = new Writer(4);
    writer.int(0);
    writer.string('abc');
    writer.intAt(0, 7);
    const length = writer.length;
    writer.buffer(Buffer.alloc(100_000));
    writer.truncate(length);
    expect(writer.take().toString('hex')).toBe('0000000700000003616263');
  });

  test('grows by doubling, so that many small writes stay cheap', () => {
    const writer = new Writer(8);
    for (let i = 0; i < 300_000; i++) writer.int(i);
    const bytes = writer.take();
    expect(bytes.length).toBe(1_200_000);
    for (const i of [0, 1, 16_384, 65_536, 299_999]) expect(bytes.readInt32BE(4 * i)).toBe(i);
  });

  test('every mix of values is read back as it was written', () => {
    const value = fc.oneof(
      fc.record({ kind: fc.constant('int' as const), value: fc.integer() }),
      fc.record({ kind: fc.constant('long' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
      fc.record({ kind: fc.constant('longNumber' as const), value: fc.maxSafeInteger() }),
      fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
      fc.record({ kind: fc.constant('string' as const), value: fc.option(fc.string({ unit: 'grapheme', maxLength: 100 })) }),
      fc.record({ kind: fc.constant('buffer' as const), value: fc.option(fc.uint8Array({ maxLength: 100 })) }),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const writer = new Writer(1);
        for (const { kind, value: given } of values) (writer[kind] as (value: unknown) => void).call(writer, given);
        const reader = new Reader(writer.take());
        for (const { kind, value: given } of values) {
          const read = reader[kind]();
          expect(read).toEqual(given instanceof Uint8Array ? Buffer.from(given) : given);
        }
        expect(reader.remaining).toBe(0);
      }),
    );
  });
});
