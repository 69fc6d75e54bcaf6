import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ExpiryBuckets } from '../../src/server/expiry-buckets.ts';

function buckets(tick = 100): { clock: ManualClock; expired: string[]; expiry: ExpiryBuckets<string> } {
  const clock = new ManualClock();
  const expired: string[] = [];
  return { clock, expired, expiry: new ExpiryBuckets(clock, tick, (item) => expired.push(item)) };
}

test('an item ends between its timeout and a tick later', () => {
  const { clock, expired, expiry } = buckets();
  clock.advance(30);
  expiry.touch('a', 250);
  clock.advance(250);
  expect(expired).toEqual([]);
  clock.advance(20);
  expect(expired).toEqual(['a']);
});

test('being heard of puts the end off', () => {
  const { clock, expired, expiry } = buckets();
  expiry.touch('a', 200);
  clock.advance(250);
  expiry.touch('a', 200);
  clock.advance(200);
  expect(expired).toEqual([]);
  clock.advance(100);
  expect(expired).toEqual(['a']);
});

test('a shorter timeout counts from when it is given', () => {
  const { clock, expired, expiry } = buckets();
  expiry.touch('a', 10_000);
  expiry.touch('a', 200);
  clock.advance(300);
  expect(expired).toEqual(['a']);
  clock.advance(20_000);
  expect(expired).toEqual(['a']);
});

test('what is removed does not end, and no timer runs for nothing', () => {
  const { clock, expired, expiry } = buckets();
  expiry.touch('a', 200);
  expiry.touch('b', 200);
  expiry.remove('a');
  expect(expiry.entries()).toEqual([[300, 'b']]);
  expiry.remove('b');
  expect(clock.pending).toBe(0);
  clock.advance(1000);
  expect(expired).toEqual([]);
});

test('one end may bring about another', () => {
  const clock = new ManualClock();
  const expired: string[] = [];
  const expiry: ExpiryBuckets<string> = new ExpiryBuckets(clock, 100, (item) => {
    expired.push(item);
    if (item === 'a') expiry.touch('c', 100);
  });
  expiry.touch('a', 100);
  clock.advance(1000);
  expect(expired).toEqual(['a', 'c']);
  expect(clock.pending).toBe(0);
});

test('cleared, nothing is left', () => {
  const { clock, expired, expiry } = buckets();
  expiry.touch('a', 100);
  expiry.clear();
  clock.advance(1000);
  expect([expired, clock.pending]).toEqual([[], 0]);
});
