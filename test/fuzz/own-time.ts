const TICK = 20;

/**
 * The time this process has really had, milliseconds: a turn of the loop that comes late counts for no more than two.
 * On a starved machine sessions time out again and again, and calls wait long, of which the client is not guilty; one that hangs is found all the same.
 */
export class OwnTime implements Disposable {
  #elapsed = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#elapsed += Math.min(now - last, 2 * TICK);
      last = now;
    }, TICK).unref();
  }

  now(): number {
    return this.#elapsed;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
