import type { Clock } from '../base/clock.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { isTransient, pauseAfter } from './attempt.ts';

/** Whether a client that refuses requests is still to be started, so that waiting makes sense; after a stop it does not. */
export function isUnstarted(client: RecipeClient): boolean {
  return client.state === 'LOST' && client.stateCause === null;
}

/**
 * Repeats a request through outages, for as long as it takes: a separate unlimited retry, as Kazoo's watchers have (DW-8).
 * A request made while the client reconnects waits inside the client, so the pause only prevents a busy loop on repeated losses; it does not keep the process alive.
 *
 * @throws ConnectionClosedError once the client is stopped, and any other permanent error of `attempt`
 */
export async function persist<T>(clock: Clock, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    await new Promise<void>((resolve) => void clock.timer(pauseAfter(failures), resolve, { background: true }));
  }
}
