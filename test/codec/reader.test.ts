import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError, Reader } from '../../src/codec/reader.ts';
import { Writer } from '../../src/codec/writer.ts';

const hex = (text: string): Reader => new Reader(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('a reader', () => {
  test.each<[string, (reader: Reader) => unknown, unknown]>([
    ['00', (r) => r.boolean(), false],
    ['01', (r) => r.boolean(), true],
    ['ff', (r) => r.boolean(), true],
    ['7fffffff', (r) => r.int(), 2 ** 31 - 1],
    ['80000000', (r) => r.int(), -(2 ** 31)],
    ['ffffffff', (r) => r.int(), -1],
    ['7fffffffffffffff', (r) => r.long(), 2n ** 63n - 1n],
    ['8000000000000000', (r) => r.long(), -(2n ** 63n)],
    ['001fffffffffffff', (r) => r.longNumber(), Number.MAX_SAFE_INTEGER],
    ['ffffffffffffffff', (r) => r.longNumber(), -1],
    ['00000000ffffffff', (r) => r.longNumber(), 2 ** 32 - 1],
    ['ffffffff', (r) => r.buffer(), null],
    ['00000000', (r) => r.buffer(), Buffer.alloc(0)],
    ['00000002 0aff', (r) => r.buffer(), Buffer.from([10, 255])],
    ['ffffffff', (r) => r.string(), null],
    ['ffffffff', (r) => r.text(), ''],
    ['00000000', (r) => r.string(), ''],
    ['00000001 61', (r) => r.string(), 'a'],
    ['00000002 c3a9', (r) => r.string(), 'é'],
    ['ffffffff', (r) => r.count(4), -1],
    ['00000001 00000000', (r) => r.count(4), 1],
  ])('of %s', (bytes, read, value) => {
    expect(read(hex(bytes))).toEqual(value);
  });

  test.each<[string, string, (reader: Reader) => unknown]>([
    ['boolean', '', (r) => r.boolean()],
    ['int', '000000', (r) => r.int()],
    ['long', '00000000000000', (r) => r.long()],
    ['longNumber', '00000000000000', (r) => r.longNumber()],
    ['buffer without length', '0000', (r) => r.buffer()],
    ['buffer too short', '00000002 00', (r) => r.buffer()],
    ['buffer of 2 GiB', '7fffffff 00', (r) => r.buffer()],
    ['buffer of a negative length', 'fffffffe', (r) => r.buffer()],
    ['string too short', '00000002 61', (r) => r.string()],
    ['string of a negative length', '80000000', (r) => r.string()],
    ['count beyond the frame', '00000002 00000000', (r) => r.count(4)],
    ['count of 2^31-1', '7fffffff', (r) => r.count(1)],
    ['negative count', 'fffffffe', (r) => r.count(1)],
  ])('refuses a %s', (_, bytes, read) => {
    expect(() => read(hex(bytes))).toThrow(DecodeError);
  });

  test('never leaves its frame, though the buffer goes on', () => {
    const buffer = Buffer.from('0000000461626364', 'hex');
    expect(() => new Reader(buffer, 0, 7).string()).toThrow('4 bytes needed, but the frame has 3 left');
    expect(() => new Reader(buffer, 0, 3).int()).toThrow(DecodeError);
    expect(new Reader(buffer, 0, 8).string()).toBe('abcd');
  });

  test('a failed read of a number consumes nothing', () => {
    const reader = hex('000000');
    expect(() => reader.int()).toThrow(DecodeError);
    expect(reader.remaining).toBe(3);
  });

  test('goes on with another frame', () => {
    const reader = hex('01');
    expect(reader.reset(Buffer.from('0000000000000005', 'hex'), 4, 8).int()).toBe(5);
    expect(reader.remaining).toBe(0);
  });

  test('a value of any length is copied whole, from wherever it lies', () => {
    for (let length = 0; length <= 300; length++) {
      const value = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 0xff));
      const head = Buffer.alloc(4);
      head.writeInt32BE(length);
      const chunk = Buffer.concat([Buffer.alloc(length % 5, 1), head, value, Buffer.alloc(3, 2)]);
      const copy = new Reader(chunk.subarray(length % 5)).buffer()!;
      chunk.fill(0);
      expect(copy).toEqual(value);
    }
  });

  test('hands out copies of small values, and of large ones too unless nothing else will use their buffer', () => {
    const chunk = Buffer.alloc(100_004, 1);
    chunk.writeInt32BE(100_000);
    const copied = new Reader(chunk).buffer()!;
    expect(copied.buffer).not.toBe(chunk.buffer);
    expect(copied).toEqual(chunk.subarray(4));
    const large = new Reader(Buffer.alloc(0)).reset(chunk, 0, chunk.length, true).buffer()!;
    const small = new Reader(Buffer.concat([Buffer.from('00000002', 'hex'), Buffer.alloc(50_000)])).buffer()!;
    expect(large.buffer).toBe(chunk.buffer);
    expect(small.buffer.byteLength).toBeLessThan(50_000);
    chunk.writeInt32BE(4);
    const copy = new Reader(Buffer.alloc(0)).reset(chunk, 0, chunk.length, true).buffer()!;
    chunk.fill(0);
    expect(copy).toEqual(Buffer.alloc(4, 1));
  });
});

describe('strings', () => {
  test.each([
    ['a pair', 'eda0bdedb880', '😀'],
    ['a pair among others', '61eda0bdedb88062c3a9', 'a😀bé'],
    ['two pairs', 'eda0bdedb880eda0bdedb881', '😀😁'],
    ['plain UTF-8', 'f09f9880', '😀'],
    ['half a pair', '61eda0bd62', 'a\ufffd\ufffd\ufffdb'],
    ['a broken byte', '61ff62', 'a\ufffdb'],
    ['a true replacement character', '61efbfbd', 'a\ufffd'],
    ['a pair in a long string', `${'61'.repeat(40)}eda0bdedb880`, `${'a'.repeat(40)}😀`],
  ])('of Java and others: %s', (_, bytes, text) => {
    const length = (bytes.length / 2).toString(16).padStart(8, '0');
    expect(hex(length + bytes).string()).toBe(text);
  });

  test('of every kind and length survive both ways', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const writer = new Writer(1);
        writer.string(text);
        const bytes = writer.take();
        expect(bytes.subarray(4)).toEqual(Buffer.from(text));
        expect(new Reader(bytes).string()).toBe(Buffer.from(text).toString());
      }),
    );
  });

  test('many at once read as they do one by one, whatever they are and wherever a run of short ones ends', () => {
    const strings = fc.array(
      fc.oneof(
        fc.constant(null),
        fc.string({ maxLength: 30 }),
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.constant('x'.repeat(2040)),
      ),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(strings, (texts) => {
        const writer = new Writer(1);
        for (const text of texts) writer.string(text);
        writer.int(7);
        const reader = new Reader(writer.take());
        expect(reader.texts(texts.length)).toEqual(texts.map((text) => Buffer.from(text ?? '').toString()));
        expect(reader.int()).toBe(7);
      }),
    );
  });

  test.each([
    ['one that is too long', '00000001 61 00000005 62'],
    ['one of a negative length', '00000001 61 80000000 62'],
    ['one that is missing', '00000001 61'],
    ['half a length', '00000001 61 0000'],
  ])('many at once, among them %s: refused', (_, bytes) => {
    expect(() => hex(bytes).texts(2)).toThrow(DecodeError);
  });

  test('many at once stay within their frame', () => {
    const reader = new Reader(Buffer.from('00000001610000000162', 'hex'), 0, 9);
    expect(() => reader.texts(2)).toThrow(DecodeError);
  });
});
