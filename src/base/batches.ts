// Node's own: a test runner's replacement may never run the callback.
import { setImmediate } from 'node:timers';

/** How many of many thousands of items are processed before the event loop gets a turn. */
export const BATCH = 1_000;

/** Runs `work` on one batch after another, the first at once: doing everything in one go could block the event loop for longer than a session timeout. */
export async function inBatches<T>(items: readonly T[], work: (batch: readonly T[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += BATCH) {
    if (from > 0) await new Promise((resolve) => void setImmediate(resolve));
    await work(items.slice(from, from + BATCH));
  }
}
