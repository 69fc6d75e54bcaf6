import { NoNodeError } from '../base/errors.ts';
import { joinPath } from '../base/paths.ts';
import { WAIT_OPTIONS, checkOptions } from './arguments.ts';
import type { WaitOptions } from './call-options.ts';

export interface WalkOptions extends WaitOptions {
  /** How many reads may be on their way at once. Default 64. */
  concurrency?: number | undefined;
}

const WALK_OPTIONS = new Set([...WAIT_OPTIONS, 'concurrency']);

interface Visit {
  readonly path: string;
  children?: Promise<string[]> | undefined;
}

type ReadChildren = (path: string, options: WaitOptions) => Promise<string[]>;

/**
 * Pre-order over a tree; siblings by name. The next nodes in line are read ahead; a node that has gone by the time it is read is left out, with all below it.
 *
 *   stack:  [ … later siblings | next: its children already asked for ]  <- top
 */
export async function* walkTree(
  read: ReadChildren,
  root: string,
  options?: WalkOptions,
): AsyncGenerator<string, void, undefined> {
  const { concurrency = 64, signal, timeout } = checkOptions(options, WALK_OPTIONS);
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`concurrency must be a whole number from 1, not ${concurrency}`);
  const stack: Visit[] = [{ path: root }];
  while (stack.length > 0) {
    signal?.throwIfAborted();
    for (const visit of stack.slice(-concurrency)) visit.children ??= quiet(read(visit.path, { signal, timeout }));
    const { path, children } = stack.pop()!;
    let names: string[];
    try {
      names = await children!;
    } catch (error) {
      if (error instanceof NoNodeError) continue;
      throw error;
    }
    yield path;
    for (const name of names.sort().reverse()) stack.push({ path: joinPath(path, name) });
  }
}

/** A read whose failure may never be looked at, when the walk ends before its turn. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
