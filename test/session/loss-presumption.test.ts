import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { LossPresumption } from '../../src/session/loss-presumption.ts';

const T = 9_000;

function presuming(): { clock: ManualClock; presumption: LossPresumption; presumed: number[]; presume: () => void } {
  const clock = new ManualClock();
  const presumed: number[] = [];
  return { clock, presumption: new LossPresumption(clock), presumed, presume: () => presumed.push(clock.now()) };
}

test('a session is presumed lost once, just before 4/3 of its timeout after the last byte (ZOOKEEPER-4508)', () => {
  const { clock, presumption, presumed, presume } = presuming();
  clock.advance(4_000);
  presumption.arm(1_000, T, presume);
  clock.advance(10 * T);
  expect(presumed).toEqual([1_000 + (4 * T) / 3 - 20]);
});

test('never before the whole timeout, however short', () => {
  const { clock, presumption, presumed, presume } = presuming();
  presumption.arm(0, 30, presume);
  clock.advance(100);
  expect(presumed).toEqual([30]);
});

test('at once when the time is over already', () => {
  const { clock, presumption, presumed, presume } = presuming();
  clock.advance(3 * T);
  presumption.arm(0, T, presume);
  clock.advance(0);
  expect(presumed).toEqual([3 * T]);
});

test('armed again counts from the later byte only; cancelled, never', () => {
  const { clock, presumption, presumed, presume } = presuming();
  presumption.arm(0, T, presume);
  clock.advance(T);
  presumption.arm(T, T, presume);
  clock.advance(T);
  expect(presumed).toEqual([]);
  presumption.cancel();
  clock.advance(10 * T);
  expect(presumed).toEqual([]);
  expect(clock.pending).toBe(0);
});
