// Node's own: a test runner's replacement may never run the callback.
import { setImmediate } from 'node:timers';

/**
 * Reports state changes, and the watches that end with them, in the order they happened.
 * A report can be held back until callers have seen their rejections (Kazoo ST-9): after the microtasks of this turn.
 */
export class Teller {
  readonly #held: (() => void)[] = [];
  /** How many of the held reports, oldest first, are due now. */
  #due = 0;
  #isTelling = false;

  /** At once, but after any report held back, and after the one being made now. */
  tell(callback: () => void): void {
    if (this.#held.length > 0 && !this.#isTelling) return this.tellAfterRejections(callback);
    this.#held.push(callback);
    this.#release(callback);
  }

  /** After the rejections of this turn have reached their handlers. */
  tellAfterRejections(callback: () => void): void {
    this.#held.push(callback);
    queueMicrotask(() => process.nextTick(() => this.#release(callback)));
  }

  /** Resolves when all reports are made, and callbacks that only waited for that have run. */
  async caughtUp(): Promise<void> {
    while (this.#held.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** A listener may cause the next change: all listeners get the current one first. */
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
