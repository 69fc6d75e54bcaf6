import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireWaiting } from './arguments.ts';
import { type Attempt, attempting } from './attempt.ts';
import { waitTimedOut } from './wait-timed-out.ts';

/**
 * The outcome of `work`, unless the caller's signal or timeout comes first: then it continues unobserved.
 *
 * @param what for the message of a timeout
 * @throws TypeError or RangeError for invalid options, before the work begins
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
