import { NoNodeError, NotEmptyError } from '../base/errors.ts';

/** Maximum number of requests of one call in flight. */
const PIPELINE = 500;
const DELETE_ROUNDS = 5;

/** Deletes every node of a tree. Children come before their parents and requests are served in order, so many can be in flight at once. */
export async function deleteTree(walk: () => AsyncIterable<string>, remove: (path: string) => Promise<unknown>): Promise<true> {
  for (let round = 1; ; round++) {
    const outcomes = await settleAll((await collect(walk())).reverse(), remove);
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    const failed = errors.filter((error) => !(error instanceof NoNodeError));
    if (failed.length === 0) return true;
    // Somebody added a child meanwhile: try a few more rounds, then leave it to the caller.
    const worse = failed.find((error) => !(error instanceof NotEmptyError));
    if (worse !== undefined || round === DELETE_ROUNDS) throw worse ?? failed[0];
  }
}

/** Changes every node of a tree as it is now, the root first. Nodes deleted meanwhile are skipped, except the root. @returns the result for the root */
export async function changeTree<T>(
  walk: () => AsyncIterable<string>,
  root: string,
  change: (path: string) => Promise<T>,
): Promise<T> {
  const paths = await collect(walk());
  // A missing root fails in the change itself.
  const [first, ...rest] = await settleAll(paths.length === 0 ? [root] : paths, change);
  const failed = rest.find((outcome) => outcome.status === 'rejected' && !(outcome.reason instanceof NoNodeError));
  for (const outcome of [first!, failed]) if (outcome?.status === 'rejected') throw outcome.reason;
  return (first as PromiseFulfilledResult<T>).value;
}

async function collect(paths: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const path of paths) all.push(path);
  return all;
}

async function settleAll<T>(paths: readonly string[], call: (path: string) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const outcomes: PromiseSettledResult<T>[] = [];
  for (let from = 0; from < paths.length; from += PIPELINE)
    outcomes.push(...(await Promise.allSettled(paths.slice(from, from + PIPELINE).map(call))));
  return outcomes;
}
