import { describe, expect, test } from 'vitest';
import { ReadPace } from '../../src/connection/read-pace.ts';

const IN_A_ROW = 4;

/** A pace that has seen one request answered within a millisecond, and since then has so many in flight, each of which takes so long. */
function under({ inFlight, latency }: { inFlight: number; latency: number }): ReadPace {
  const pace = new ReadPace();
  pace.sent(0, 1);
  pace.received(1, 100, 1, 0);
  pace.sent(10, inFlight);
  pace.received(10 + latency, 60_000, inFlight, inFlight);
  return pace;
}

/** Which of so many chunks a rest follows. */
function rests(pace: ReadPace, chunks: number, { bytes = 100, replies = 1, waiting = 256 } = {}): number[] {
  const after = Array.from({ length: chunks }, () => pace.received(100, bytes, replies, waiting));
  return after.flatMap((rest, index) => (rest ? [index + 1] : []));
}

describe('a rest', () => {
  test('is due after some small chunks in a row, while requests queue at the server', () => {
    expect(rests(under({ inFlight: 256, latency: 6 }), 3 * IN_A_ROW)).toEqual([IN_A_ROW, 2 * IN_A_ROW, 3 * IN_A_ROW]);
  });

  test('never where it is the way that takes long, or nothing has been measured', () => {
    expect(rests(under({ inFlight: 256, latency: 3 }), 100)).toEqual([]);
    expect(rests(new ReadPace(), 100)).toEqual([]);
    const far = new ReadPace();
    for (let i = 0; i < 3; i++) {
      far.sent(100 * i, 256);
      far.received(100 * i + 50, 60_000, 256, 256);
    }
    expect(rests(far, 100)).toEqual([]);
  });

  test('never while few are in flight', () => {
    expect(rests(under({ inFlight: 256, latency: 6 }), 100, { waiting: 63 })).toEqual([]);
  });

  test('not where a chunk was worth its read, in replies or in bytes', () => {
    expect(rests(under({ inFlight: 256, latency: 6 }), 100, { replies: 17 })).toEqual([]);
    expect(rests(under({ inFlight: 256, latency: 6 }), 100, { bytes: 64 * 1024, replies: 0 })).toEqual([]);
    const pace = under({ inFlight: 256, latency: 6 });
    expect(rests(pace, IN_A_ROW - 1)).toEqual([]);
    expect(rests(pace, 1, { replies: 17 })).toEqual([]);
    expect(rests(pace, IN_A_ROW)).toEqual([IN_A_ROW]);
  });
});

describe('an answer is timed', () => {
  test('from the write of its request to its own reply, whatever is sent and comes meanwhile', () => {
    const pace = new ReadPace();
    pace.sent(0, 1);
    pace.received(1, 100, 1, 0);
    pace.sent(10, 200);
    pace.sent(15, 220);
    pace.received(15, 10_000, 199, 21);
    expect(rests(pace, IN_A_ROW, { replies: 0 })).toEqual([]);
    // The one that was timed comes now, 90 ms after it went.
    expect(rests(pace, 1)).toEqual([1]);
  });
});
