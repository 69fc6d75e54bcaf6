import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameSplitter } from '../../src/codec/frame.ts';

class Sink {
  readonly told: string[] = [];
  onFrame: () => void = () => undefined;
  frame(buffer: Buffer, start: number, end: number): void {
    this.told.push(buffer.toString('latin1', start, end));
    this.onFrame();
  }
  oversized(head: Buffer, length: number): void {
    this.told.push(`oversized ${length}: ${head.toString('latin1')}`);
  }
  broken(length: number): void {
    this.told.push(`broken ${length}`);
  }
}

function frame(text: string): Buffer {
  const body = Buffer.from(text, 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function split(chunks: readonly Buffer[], limit = 1000, head?: number): string[] {
  const sink = new Sink();
  const splitter = new FrameSplitter(sink, limit, head);
  for (const chunk of chunks) splitter.push(chunk);
  return sink.told;
}

const STREAM = Buffer.concat(['one', '', 'three and more', 'x'.repeat(60), '\0\0\0\x05', 'last'].map(frame));
const FRAMES = ['one', '', 'three and more', 'x'.repeat(60), '\0\0\0\x05', 'last'];

describe('a frame splitter', () => {
  test('gives the frames of one chunk', () => expect(split([STREAM])).toEqual(FRAMES));

  test('gives the same, byte by byte', () => {
    expect(split(Array.from(STREAM, (_, i) => STREAM.subarray(i, i + 1)))).toEqual(FRAMES);
  });

  test('gives the same, cut after every byte', () => {
    for (let i = 0; i <= STREAM.length; i++) expect(split([STREAM.subarray(0, i), STREAM.subarray(i)])).toEqual(FRAMES);
  });

  test('gives the same however it is cut, with frames over the limit between', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', '\0', '\xff'), maxLength: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(30), { maxLength: 200 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(frame));
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) chunks.push(stream.subarray(at, (at += cut)));
        chunks.push(stream.subarray(at));
        const wanted = frames.map((text) => (text.length > 20 ? `oversized ${text.length}: ${text.slice(0, 4)}` : text));
        expect(split(chunks, 20, 4)).toEqual(wanted);
      }),
    );
  });

  test('a frame of just the limit is kept, one byte more is not', () => {
    expect(split([frame('12345'), frame('123456')], 5, 3)).toEqual(['12345', 'oversized 6: 123']);
  });

  test('tells of an oversized frame as soon as its head is there', () => {
    const sink = new Sink();
    const splitter = new FrameSplitter(sink, 10, 4);
    splitter.push(Buffer.from('7fffffff', 'hex'));
    splitter.push(Buffer.from('abc'));
    expect(sink.told).toEqual([]);
    splitter.push(Buffer.from('defgh'));
    expect(sink.told).toEqual([`oversized ${2 ** 31 - 1}: abcd`]);
  });

  test.each([-1, -(2 ** 31)])('a length of %i is the end of the stream', (length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    expect(split([frame('a'), bytes, frame('never')])).toEqual(['a', `broken ${length}`]);
  });

  test('stops in the middle of a chunk when told to', () => {
    const sink = new Sink();
    const splitter = new FrameSplitter(sink, 100);
    sink.onFrame = () => splitter.stop();
    splitter.push(Buffer.concat([frame('first'), frame('second')]));
    splitter.push(frame('third'));
    expect(sink.told).toEqual(['first']);
  });

  test('memory follows the bytes received, not the length announced', () => {
    const sink = new Sink();
    const splitters = Array.from({ length: 200 }, () => new FrameSplitter(sink, 2 ** 30));
    const before = process.memoryUsage().arrayBuffers;
    for (const splitter of splitters) splitter.push(Buffer.from('3fffffff61', 'hex'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 128 * 1024);
  });

  test('a chunk may be used again: what of a frame came in it has been copied, and only a buffer of its own is called whole', () => {
    const kept: [Buffer, boolean][] = [];
    const splitter = new FrameSplitter(
      {
        frame: (buffer, start, end, whole) =>
          void kept.push([whole ? buffer.subarray(start, end) : Buffer.from(buffer.subarray(start, end)), whole]),
        oversized: () => undefined,
        broken: () => undefined,
      },
      1000,
    );
    const chunk = Buffer.alloc(10);
    const stream = Buffer.concat([frame('abc'), frame('d'.repeat(50)), frame('e')]);
    for (let at = 0; at < stream.length; at += chunk.length) {
      const length = stream.copy(chunk, 0, at);
      splitter.push(chunk.subarray(0, length));
      chunk.fill('?');
    }
    expect(kept.map(([bytes, whole]) => [bytes.toString(), whole])).toEqual([
      ['abc', false],
      ['d'.repeat(50), true],
      ['e', false],
    ]);
  });

  test('each byte is copied few times: ten times the bytes take about ten times as long', () => {
    const time = (bytes: number): number => {
      const whole = frame('x'.repeat(bytes));
      const sink = new Sink();
      sink.frame = () => undefined;
      const splitter = new FrameSplitter(sink, bytes);
      const started = performance.now();
      for (let at = 0; at < whole.length; at += 256) splitter.push(whole.subarray(at, at + 256));
      return performance.now() - started;
    };
    time(1_000_000);
    const small = Math.min(...[1, 2, 3].map(() => time(1_000_000)));
    const large = Math.min(...[1, 2, 3].map(() => time(16_000_000)));
    // A quadratic splitter takes 256 times as long.
    expect(large / small).toBeLessThan(80);
  });
});
