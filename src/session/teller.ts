// Node's own: what a test runner puts in its place, it may never call.
import { setImmediate } from 'node:timers';

/**
 * Tells of state changes, and of the watches that end with them, in the order they happened.
 * One may be held back until everything that was rejected has been seen by its callers (Kazoo ST-9): after the microtasks of this turn.
 */
export class Teller {
  readonly #held: (() => void)[] = [];
  /** How many of those held, the oldest, are to be told now. */
  #due = 0;
  #isTelling = false;

  /** At once, but after whatever is held back, as long as that is, and after what is being told at this moment. */
  tell(callback: () => void): void {
    if (this.#held.length > 0 && !this.#isTelling) return this.tellAfterRejections(callback);
    this.#held.push(callback);
    this.#release(callback);
  }

  /** When the rejections of this turn have reached their handlers. */
  tellAfterRejections(callback: () => void): void {
    this.#held.push(callback);
    queueMicrotask(() => process.nextTick(() => this.#release(callback)));
  }

  /** Resolves when everybody has been told, and callbacks that were only waiting for that have run. */
  async caughtUp(): Promise<void> {
    while (this.#held.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** A listener may bring about the next change: all hear of this one first. */
  #release(last: () => void): void {
    this.#due = Math.max(this.#due, this.#held.indexOf(last) + 1);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      while (this.#due > 0) {
        this.#due--;
        this.#held.shift()!();
      }
    } finally {
      this.#isTelling = false;
    }
  }
}
