import { NoNodeError, TransactionError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Attempt } from './attempt.ts';

/** Runs `work`; if it misses a node, creates the paths, which may have vanished or never existed, and runs it once more (Kazoo D-24c). */
export async function ensuring<T>(
  client: RecipeClient,
  { bound: signal }: Attempt,
  paths: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof TransactionError ? error.cause : error;
    if (!(reason instanceof NoNodeError)) throw error;
  }
  await Promise.all(paths.map((path) => client.ensurePath(path, { signal })));
  return work();
}
