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
  /** From #head on; nothing is held before it. */
  #queue: (Entry | undefined)[] = [];
  #head = 0;
  #running = false;

  /** How many callbacks wait, not counting the one that runs. */
  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** @param onError told what this callback throws */
  push(callback: () => unknown, onError: (error: unknown) => void): void {
    this.#queue.push({ callback, onError });
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    while (this.#head < this.#queue.length) {
      const outcome = run(this.#take());
      if (outcome !== undefined) return void outcome.then(() => this.#drain());
    }
    this.#queue = [];
    this.#head = 0;
    this.#running = false;
  }

  /** Each is moved but once, however many wait behind callbacks that are async. */
  #take(): Entry {
    const entry = this.#queue[this.#head]!;
    this.#queue[this.#head++] = undefined;
    if (this.#head > COMPACT && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

const COMPACT = 1024;

function run({ callback, onError }: Entry): Promise<unknown> | undefined {
  const report = (error: unknown): void => {
    try {
      onError(error);
    } catch {
      // Who cannot be told of an error does not stop the queue either.
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
