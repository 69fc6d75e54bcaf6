import type { Limits } from '../base/arguments.ts';
import { describeValue } from '../base/paths.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { WaitOptions } from '../client/call-options.ts';
import { requireWaiting } from './arguments.ts';
import { compareSequences, numberIn } from './sequence.ts';

/** Options for putting an item into a queue. */
export interface PutOptions extends WaitOptions {
  /** 0 (first) to 999 (last). Default 100. */
  priority?: number | undefined;
}

/** The part of an entry's name before the server's number: `entry-PPP-` (Kazoo QU-1). Lower priorities come first. */
export function entryPrefix(priority: number): string {
  return `${PREFIX}${String(priority).padStart(3, '0')}-`;
}

/** The entries among a queue's children, sorted by priority, then by arrival. Foreign children are ignored (Kazoo D-24d). */
export function sortEntries(children: readonly string[]): string[] {
  return children
    .filter((name) => name.startsWith(PREFIX))
    .map(readEntry)
    .sort(compareEntries)
    .map(({ name }) => name);
}

/** How many children a node ever had: a stat reports `cversion = created + deleted`, and `numChildren = created - deleted`. */
export function createdEver({ cversion, numChildren }: ZnodeStat): number {
  return (cversion + numChildren) / 2;
}

/** How many children of a node were ever deleted. */
export function deletedEver({ cversion, numChildren }: ZnodeStat): number {
  return (cversion - numChildren) / 2;
}

/** @throws TypeError for a priority that is not a whole number, or an unknown option; RangeError for a priority outside 0 to 999 */
export function requirePut(options: PutOptions | undefined): Limits & { priority: number } {
  const { timeout, signal } = requireWaiting(options, ['priority', 'timeout', 'signal']);
  const { priority = 100 } = options ?? {};
  if (typeof priority !== 'number' || !Number.isInteger(priority))
    throw new TypeError(`priority must be a whole number from 0 to 999, not ${describeValue(priority)}`);
  if (priority < 0 || priority > 999) throw new RangeError(`priority must be a whole number from 0 to 999, not ${priority}`);
  return { priority, timeout, signal };
}

const PREFIX = 'entry-';
const ENTRY = /^entry-([0-9]{3})-(-?[0-9]{9,10})$/;

interface Entry {
  readonly name: string;
  /** Infinity for a name not in Kazoo's form: it comes last. */
  readonly priority: number;
  readonly sequence: number;
}

function readEntry(name: string): Entry {
  const match = ENTRY.exec(name);
  if (match === null) return { name, priority: Infinity, sequence: 0 };
  return { name, priority: Number(match[1]), sequence: numberIn(match[2]!) };
}

function compareEntries(a: Entry, b: Entry): number {
  if (a.priority !== b.priority) return a.priority < b.priority ? -1 : 1;
  if (a.sequence !== b.sequence) return compareSequences(a.sequence, b.sequence);
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
