import type { Clock } from '../base/clock.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { isTransient, pauseAfter } from './attempt.ts';

/** Whether a client that refuses requests has yet to be started, so that there is something to wait for; one that was stopped has none. */
export function isUnstarted(client: RecipeClient): boolean {
  return client.state === 'LOST' && client.stateCause === null;
}

/**
 * Asks again what an outage left unanswered, for as long as it takes: an unlimited retry of its own, as Kazoo's watchers have (DW-8).
 * A request made while the client reconnects waits inside the client, so the pause only keeps a burst of losses from spinning; it does not keep the process alive.
 *
 * @throws ConnectionClosedError once the client is stopped, and whatever else `attempt` throws that does not pass
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
