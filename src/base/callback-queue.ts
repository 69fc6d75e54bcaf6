/**
 * Runs callbacks one at a time, in the order given; an async one is awaited before the next starts.
 * A callback that throws or rejects is reported and never stops the queue (Kazoo WA-8, HA-1).
 *
 * The first of a burst runs in a microtask of its own: after the code that queued it, before any reply that arrived later is seen.
 */
export class CallbackQueue {
  readonly #onError: (error: unknown) => void;
  #queue: (() => unknown)[] = [];
  #running = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** How many callbacks wait, not counting the one that runs. */
  get size(): number {
    return this.#queue.length;
  }

  push(callback: () => unknown): void {
    this.#queue.push(callback);
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    let index = 0;
    const batch = this.#queue;
    while (index < batch.length) {
      const outcome = this.#run(batch[index++]!);
      if (outcome !== undefined) {
        this.#queue = batch.slice(index);
        void outcome.then(() => this.#drain());
        return;
      }
    }
    this.#queue = [];
    this.#running = false;
  }

  #run(callback: () => unknown): Promise<void> | undefined {
    try {
      const result = callback();
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(
        () => undefined,
        (error: unknown) => this.#onError(error),
      );
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
