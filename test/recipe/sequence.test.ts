import { expect, test } from 'vitest';
import { compareSequences, SequencePattern } from '../../src/recipe/sequence.ts';

test('numbers go round at 32 bits (D-24b, pain-points 40)', () => {
  expect(compareSequences(1, 2)).toBeLessThan(0);
  expect(compareSequences(2147483647, -2147483648)).toBeLessThan(0);
  expect(compareSequences(-2147483648, 2147483647)).toBeGreaterThan(0);
  expect(compareSequences(-1, 0)).toBeLessThan(0);
  expect(compareSequences(5, 5)).toBe(0);
});

test('names are read as the server prints them, and sorted by number only', () => {
  const pattern = new SequencePattern(['__lock__', '-lock-']);
  expect(pattern.read('a__lock__0000000012')).toEqual({ name: 'a__lock__0000000012', sequence: 12 });
  expect(pattern.read('a__lock__-2147483648')?.sequence).toBe(-2147483648);
  expect(pattern.read('a__lock__-000000005')?.sequence).toBe(-5);
  expect(pattern.read('_c_1-lock-0000000003')?.sequence).toBe(3);
  for (const other of ['a__rlock__0000000012', 'a__lock__000000012', 'a__lock__', 'a__lock__0000000012x'])
    expect(pattern.read(other)).toBeNull();
  const names = ['b__lock__0000000002', 'a__lock__0000000010', 'zz', 'c-lock-0000000001'];
  expect(pattern.sort(names).map(({ sequence }) => sequence)).toEqual([1, 2, 10]);
  expect(pattern.predecessor(names, 10)).toBe('b__lock__0000000002');
  expect(pattern.predecessor(names, 1)).toBeUndefined();
});

test('the predecessor is the last that came before, in whatever order the names come', () => {
  const pattern = new SequencePattern(['__lock__']);
  const name = (n: number): string => `x__lock__${n < 0 ? `-${String(-n).padStart(9, '0')}` : String(n).padStart(10, '0')}`;
  // Across the turn of the counter.
  const numbers = [2147483640, 2147483647, -2147483648, -2147483640, -2147483630];
  for (let turn = 0; turn < numbers.length; turn++) {
    const names = [...numbers.slice(turn), ...numbers.slice(0, turn)].map(name);
    expect(numbers.map((number) => pattern.predecessor(names, number))).toEqual([undefined, ...numbers.slice(0, -1).map(name)]);
  }
});
