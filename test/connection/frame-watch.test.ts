import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { FrameWatch } from '../../src/connection/frame-watch.ts';

const T = 9_000;

test('what came while this process was too busy to read it is waited for: it is read behind the timers', () => {
  const clock = new ManualClock();
  const dead: string[] = [];
  let unfinished = { number: 1, length: 1_000_000, come: 0 };
  const watch = new FrameWatch(
    clock,
    T,
    {
      get unfinished() {
        return unfinished;
      },
    },
    ({ message }) => dead.push(message),
  );
  clock.advance(T / 9);
  clock.timer((2 * T) / 3 + 2, () => (unfinished = { ...unfinished, come: 100_000 }));
  clock.advance((2 * T) / 3 + T / 9 + 1);
  expect(dead).toEqual([]);
  clock.advance(T / 2);
  expect(dead).toEqual([]);
  clock.advance(T / 2);
  expect(dead).toEqual([expect.stringMatching(/1000000 bytes, of which 100000 have arrived, only 0 of them/)]);
  expect(clock.pending).toBe(0);
  watch.stop();
});

test('stopped, it leaves no timer, and tells of nothing', () => {
  const clock = new ManualClock();
  const dead: string[] = [];
  const unfinished = { number: 1, length: 1_000_000, come: 0 };
  const watch = new FrameWatch(clock, T, { unfinished }, ({ message }) => dead.push(message));
  clock.advance(T / 2);
  watch.stop();
  expect(clock.pending).toBe(0);
  clock.advance(2 * T);
  expect(dead).toEqual([]);
});
