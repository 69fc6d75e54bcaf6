import { NoNodeError, NotEmptyError } from '../base/errors.ts';

/** Requests of one call that may be on their way at once. */
const PIPELINE = 500;
const DELETE_ROUNDS = 5;

/** Deletes every node of a tree. Children stand before their parents, and requests are served in order: so many may be on their way at once. */
export async function deleteTree(walk: () => AsyncIterable<string>, remove: (path: string) => Promise<unknown>): Promise<true> {
  for (let round = 1; ; round++) {
    const outcomes = await settleAll((await collect(walk())).reverse(), remove);
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    const failed = errors.filter((error) => !(error instanceof NoNodeError));
    if (failed.length === 0) return true;
    // Somebody added a child meanwhile: a few more rounds, then it is theirs to settle.
    const worse = failed.find((error) => !(error instanceof NotEmptyError));
    if (worse !== undefined || round === DELETE_ROUNDS) throw worse ?? failed[0];
  }
}

/** Changes every node of a tree as it is now, the root first. What goes away meanwhile is left out, but for the root. @returns what the root's change gave */
export async function changeTree<T>(
  walk: () => AsyncIterable<string>,
  root: string,
  change: (path: string) => Promise<T>,
): Promise<T> {
  const paths = await collect(walk());
  // A root that is not there fails by itself.
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
