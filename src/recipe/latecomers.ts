import type { RecipeClient } from '../client/recipe-client.ts';
import { sleep } from './attempt.ts';

/**
 * Does `work` when nothing more can come of a request whose answer was lost: a server may get to read the old connection after it has answered on the next,
 * and so carry the request out after what was to undo it. Nobody waits for that, and a failure is logged.
 */
export function afterLatecomers(client: RecipeClient, path: string, work: () => Promise<unknown>): void {
  sleep(client.clock, client.sessionTimeout ?? 0, { background: true })
    .promise.then(work)
    .catch((error: unknown) => client.logger.warn(`${path}: what came late could not be removed: ${String(error)}`));
}
