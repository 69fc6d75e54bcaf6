import { LIMITS, requireLimits } from '../base/arguments.ts';
import { NoNodeError } from '../base/errors.ts';
import { describeValue, joinPath } from '../base/paths.ts';
import { Failure } from '../session/failure.ts';
import type { WaitOptions } from './call-options.ts';

/** What `walk` takes. */
export interface WalkOptions extends WaitOptions {
  /** How many reads may be on their way at once. Default 64. */
  concurrency?: number | undefined;
}

const WALK_OPTIONS = [...LIMITS, 'concurrency'] as const;

interface Visit {
  readonly path: string;
  reply?: ReturnType<ReadChildren> | undefined;
}

/** Never rejects: a failure may come ahead of its turn, and is made an error in it, where the engine sees who walks. */
type ReadChildren = (path: string, options: WaitOptions) => Promise<{ children: readonly string[] } | Failure>;

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
