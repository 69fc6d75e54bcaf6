import { LIMITS, requireLimits } from '../base/arguments.ts';
import { NoNodeError } from '../base/errors.ts';
import { describeValue, joinPath } from '../base/paths.ts';
import { Failure } from '../session/failure.ts';
import type { WaitOptions } from './call-options.ts';

/** Options of `walk`. */
export interface WalkOptions extends WaitOptions {
  /** Maximum number of reads in flight. Default 64. */
  concurrency?: number | undefined;
}

const WALK_OPTIONS = [...LIMITS, 'concurrency'] as const;

interface Visit {
  readonly path: string;
  reply?: ReturnType<ReadChildren> | undefined;
}

/** Never rejects: a failure may arrive before its turn; it becomes an error in its turn, where the stack shows who walks. */
type ReadChildren = (path: string, options: WaitOptions) => Promise<{ children: readonly string[] } | Failure>;

/**
 * Walks a tree in pre-order, siblings by name, reading ahead. A node deleted before it is read is left out, with everything below it.
 *
 *   stack:  [ … later siblings | next: its children already requested ]  <- top
 */
export async function* walkTree(
  read: ReadChildren,
  root: string,
  options?: WalkOptions,
): AsyncGenerator<string, void, undefined> {
  const { concurrency = 64, signal, timeout } = requireLimits(options, WALK_OPTIONS);
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`concurrency must be a whole number from 1, not ${describeValue(concurrency)}`);
  const stack: Visit[] = [{ path: root }];
  while (stack.length > 0) {
    signal?.throwIfAborted();
    for (const visit of stack.slice(-concurrency)) visit.reply ??= read(visit.path, { signal, timeout });
    const { path, reply } = stack.pop()!;
    const outcome = (await reply)!;
    if (outcome instanceof Failure) {
      if (outcome.code === NoNodeError.code) continue;
      throw outcome.toError({ operation: 'getChildren', path });
    }
    yield path;
    for (const name of [...outcome.children].sort().reverse()) stack.push({ path: joinPath(path, name) });
  }
}
