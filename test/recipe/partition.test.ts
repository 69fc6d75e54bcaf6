import { expect, test } from 'vitest';
import { checkItems, itemName, shareEvenly } from '../../src/recipe/partition.ts';

test('the set is shared as Kazoo shares it', () => {
  const items = [10, 9, 1, 2, 3];
  expect(shareEvenly('b', ['b', 'a'], items)).toEqual([2, 9]);
  expect(shareEvenly('a', ['b', 'a'], items)).toEqual([1, 3, 10]);
  expect(shareEvenly('x', ['x'], ['b', 'B', 'a'])).toEqual(['B', 'a', 'b']);
  expect(shareEvenly('c', ['a', 'b', 'c'], [1n, 2n])).toEqual([]);
  expect(() => shareEvenly('c', ['a'], items)).toThrow('not in its own party');
});

test('what cannot be shared is refused', () => {
  expect(checkItems([1, 1, 2n])).toEqual([1, 2n]);
  expect(checkItems(new Set(['a']))).toEqual(['a']);
  expect(checkItems([1, 2, 1n, -0, 0, 0n])).toEqual([1, 2, -0]);
  expect(() => checkItems('abc')).toThrow(TypeError);
  expect(() => checkItems(null as never)).toThrow(TypeError);
  expect(() => checkItems([1, 'a'])).toThrow(TypeError);
  expect(() => checkItems([{} as never])).toThrow(TypeError);
  expect(() => checkItems([''])).toThrow(RangeError);
  expect(() => checkItems([Infinity])).toThrow(RangeError);
});

test('an item is named as Python prints it', () => {
  expect([itemName('a b'), itemName(12), itemName(2n), itemName(0.5)]).toEqual(['a b', '12', '2', '0.5']);
});
