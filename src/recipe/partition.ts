import { describeValue } from '../base/paths.ts';
import { pythonNumber } from './python-number.ts';
import { compareStrings } from './python-text.ts';

/** What a set to be shared may hold. */
export type PartitionItem = string | number | bigint;

/**
 * Decides a member's share.
 *
 * @param identifier the member's own
 * @param members the identifiers of all members, in no order
 * @param partitions the whole set
 */
export type PartitionFunction<T extends PartitionItem> = (identifier: string, members: string[], partitions: T[]) => Iterable<T>;

/**
 * Kazoo's way to share (SP-2): both sorted as Python sorts, every n-th item from one's own place.
 *
 * @throws Error where `identifier` is not among the members
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
 * @throws TypeError or RangeError for what cannot be shared, or not be sorted by Python
 */
export function checkItems<T extends PartitionItem>(set: Iterable<T>): T[] {
  const items = itemsOf('set', set);
  const texts = items.filter((item) => typeof item === 'string').length;
  if (texts !== 0 && texts !== items.length)
    throw new TypeError('set must hold strings only, or numbers only: the two have no common order');
  return items;
}

/**
 * What is in a collection, each once: two of one name (`1`, `1n`) would wait for each other's lock.
 *
 * @throws TypeError or RangeError for what is none, or holds what is no item
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

/** The name of the directory in which an item is locked: `str()` of it, in Python's terms. */
export function itemName(item: PartitionItem): string {
  return typeof item === 'string' ? item : pythonNumber(item);
}

function checkItem(what: string, item: unknown): void {
  if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'bigint') {
    throw new TypeError(`${what} must hold strings, numbers or bigints, not ${describeValue(item)}`);
  }
  if (item === '') throw new RangeError(`${what} must not hold an empty string: it names no node`);
  if (typeof item === 'number' && !Number.isFinite(item)) throw new RangeError(`${what} must hold finite numbers, not ${item}`);
}

function compareItems(a: PartitionItem, b: PartitionItem): number {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
