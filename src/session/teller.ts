/**
 * Tells of state changes, and of the watches that end with them, in the order they happened.
 * One may be held back until everything that was rejected has been seen by its callers (Kazoo ST-9): after the microtasks of this turn.
 */
export class Teller {
  #held: (() => void)[] = [];

  /** At once, but after whatever is held back. */
  tell(callback: () => void): void {
    this.#release();
    callback();
  }

  /** When the rejections of this turn have reached their handlers. */
  tellAfterRejections(callback: () => void): void {
    this.#held.push(callback);
    queueMicrotask(() => process.nextTick(() => this.#release()));
  }

  /** Resolves when everybody has been told, and callbacks that were only waiting for that have run. */
  async caughtUp(): Promise<void> {
    while (this.#held.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #release(): void {
    while (this.#held.length > 0) this.#held.shift()!();
  }
}
