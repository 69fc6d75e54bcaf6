import type { RecipeClient } from '../client/recipe-client.ts';
import { sleep } from './attempt.ts';

/**
 * Runs `work` once a request whose answer was lost can no longer take effect: a server may read the old connection after it has answered on the next one,
 * and so execute the request after the one that was to undo it. Nobody waits for that; a failure is logged.
 */
export function afterLatecomers(client: RecipeClient, path: string, work: () => Promise<unknown>): void {
  sleep(client.clock, client.sessionTimeout ?? 0, { background: true })
    .promise.then(work)
    .catch((error: unknown) => client.logger.warn(`${path}: could not remove the node of a late create: ${String(error)}`));
}
