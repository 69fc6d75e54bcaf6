import { Ring } from './ring.ts';

interface Entry {
  readonly callback: () => unknown;
  readonly onError: (error: unknown) => void;
}

/**
 * Runs callbacks one at a time, in the order given; an async one is awaited before the next starts.
 * A callback that throws or rejects is reported and never stops the queue (Kazoo WA-8, HA-1).
 *
 * The first of a burst runs in a microtask of its own: after the code that queued it, before any reply that arrived later is seen.
 */
export class CallbackQueue {
  #waiting = new Ring<Entry>();
  #running = false;

  /** How many callbacks are waiting, not counting the running one. */
  get size(): number {
    return this.#waiting.size;
  }

  /** @param onError called with what this callback throws */
  push(callback: () => unknown, onError: (error: unknown) => void): void {
    this.#waiting.push({ callback, onError });
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    while (this.#waiting.size > 0) {
      const entry = this.#waiting.oldest!;
      this.#waiting.shift();
      const outcome = run(entry);
      if (outcome !== undefined) return void outcome.then(() => this.#drain());
    }
    // Frees the memory that a burst took.
    this.#waiting = new Ring();
    this.#running = false;
  }
}

function run({ callback, onError }: Entry): Promise<unknown> | undefined {
  const report = (error: unknown): void => {
    try {
      onError(error);
    } catch {
      // A failing error handler must not stop the queue either.
    }
  };
  try {
    const result = callback();
    return isThenable(result) ? Promise.resolve(result).catch(report) : undefined;
  } catch (error) {
    report(error);
    return undefined;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
