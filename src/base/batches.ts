// Node's own: what a test runner puts in its place, it may never call.
import { setImmediate } from 'node:timers';

/** Of what there may be many thousands of, so many have their turn before the event loop has its own. */
export const BATCH = 1_000;

/** Does `work` for all, a batch after the other, the first at once: what is done in one go holds up the event loop, perhaps for longer than a session may last. */
export async function inBatches<T>(items: readonly T[], work: (batch: readonly T[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += BATCH) {
    if (from > 0) await new Promise((resolve) => void setImmediate(resolve));
    await work(items.slice(from, from + BATCH));
  }
}
