import type { RecipeClient } from './recipe-client.ts';

/**
 * Runs `work` once a request whose answer was lost can no longer take effect: a server may read the old connection after it has answered on the next one,
 * and so execute the request after the one that was to undo it. Nobody waits for that; a failure is logged.
 */
export function afterLatecomers(
  client: Pick<RecipeClient, 'clock' | 'logger' | 'sessionTimeout'>,
  path: string,
  work: () => Promise<unknown>,
): void {
  const run = (): void => {
    work().catch((error: unknown) => client.logger.warn(`${path}: could not remove the node of a late create: ${String(error)}`));
  };
  client.clock.timer(client.sessionTimeout ?? 0, run, { background: true });
}
