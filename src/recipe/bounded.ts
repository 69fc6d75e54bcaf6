import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireWaiting } from './arguments.ts';
import { type Attempt, attempting } from './attempt.ts';
import { waitTimedOut } from './wait-timed-out.ts';

/**
 * What `work` gives, unless the caller's signal or timeout comes first: it goes on unobserved then.
 *
 * @param what for the message of a timeout
 * @throws TypeError or RangeError for options that are none, before the work begins
 */
export async function bounded<T>(
  client: RecipeClient,
  options: WaitOptions | undefined,
  path: string,
  what: string,
  work: (attempt: Attempt) => PromiseLike<T>,
): Promise<T> {
  const timedOut = (): Error => waitTimedOut(path, what);
  return attempting(client.clock, requireWaiting(options), timedOut, (attempt) => attempt.guard(work(attempt)));
}
