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
    expect(() => new Reader(buffer, 0, 7).string()).toThrow('4 bytes wanted, but the frame has 3 left');
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

  test('hands out copies of small values, and large ones as they are', () => {
    const chunk = Buffer.alloc(100_004, 1);
    chunk.writeInt32BE(100_000);
    const large = new Reader(chunk).buffer()!;
    const small = new Reader(Buffer.concat([Buffer.from('00000002', 'hex'), Buffer.alloc(50_000)])).buffer()!;
    expect(large.buffer).toBe(chunk.buffer);
    expect(small.buffer.byteLength).toBeLessThan(50_000);
    chunk.writeInt32BE(4);
    const copy = new Reader(chunk).buffer()!;
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
});
