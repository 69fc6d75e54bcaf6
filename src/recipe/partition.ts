import { describeValue } from '../base/paths.ts';
import { pythonNumber } from './python-number.ts';
import { compareStrings } from './python-text.ts';

/** An item of a set to share. */
export type PartitionItem = string | number | bigint;

/**
 * Decides a member's share.
 *
 * @param identifier the member's own identifier
 * @param members the identifiers of all members, in no particular order
 * @param partitions the whole set
 */
export type PartitionFunction<T extends PartitionItem> = (identifier: string, members: string[], partitions: T[]) => Iterable<T>;

/**
 * Kazoo's way to share (SP-2): members and items sorted as in Python; a member gets every n-th item, from its own index on.
 *
 * @throws Error if `identifier` is not among the members
 */
export function shareEvenly<T extends PartitionItem>(identifier: string, members: string[], partitions: T[]): T[] {
  const workers = [...members].sort(compareStrings);
  const own = workers.indexOf(identifier);
  if (own === -1) throw new Error(`the member ${describeValue(identifier)} is not in its own party of ${members.length}`);
  return [...partitions].sort(compareItems).filter((_, index) => index % workers.length === own);
}

/**
 * The items of the set, each once.
 *
 * @throws TypeError or RangeError for items that cannot be shared, or that Python could not sort
 */
export function checkItems<T extends PartitionItem>(set: Iterable<T>): T[] {
  const items = itemsOf('set', set);
  const texts = items.filter((item) => typeof item === 'string').length;
  if (texts !== 0 && texts !== items.length)
    throw new TypeError('set must contain strings only, or numbers only: the two have no common order');
  return items;
}

/**
 * The items of a collection, each once: two with the same name (`1`, `1n`) would wait for each other's lock.
 *
 * @throws TypeError or RangeError for anything but a collection, or for an invalid item
 */
export function itemsOf<T extends PartitionItem>(what: string, items: Iterable<T>): T[] {
  if (typeof items === 'string' || typeof (items as Iterable<T> | null | undefined)?.[Symbol.iterator] !== 'function')
    throw new TypeError(`${what} must be an array or a Set, not ${describeValue(items)}`);
  const named = new Map<string, T>();
  for (const item of items) {
    checkItem(what, item);
    const name = itemName(item);
    if (!named.has(name)) named.set(name, item);
  }
  return [...named.values()];
}

/** The name of the node under which an item is locked: Python's `str()` of it. */
export function itemName(item: PartitionItem): string {
  return typeof item === 'string' ? item : pythonNumber(item);
}

function checkItem(what: string, item: unknown): void {
  if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'bigint') {
    throw new TypeError(`${what} must contain strings, numbers or bigints, not ${describeValue(item)}`);
  }
  if (item === '') throw new RangeError(`${what} must not contain an empty string: it cannot name a node`);
  if (typeof item === 'number' && !Number.isFinite(item))
    throw new RangeError(`${what} must contain finite numbers, not ${item}`);
}

function compareItems(a: PartitionItem, b: PartitionItem): number {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
