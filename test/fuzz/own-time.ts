const TICK = 20;
/** A session of these tests, 600 ms, does not outlive many of these. */
const STALL = 300;

/**
 * The time this process has had without being held up, milliseconds. On a starved machine sessions time out again and again, and calls wait long, of which the client is
 * not guilty: so what is late counts for nothing, and after a stall everyone begins anew. A call that hangs is found all the same, once there is calm for long enough.
 */
export class OwnTime implements Disposable {
  #elapsed = 0;
  #calmSince = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now - last < 2 * TICK) this.#elapsed += now - last;
      if (now - last > STALL) this.#calmSince = this.#elapsed;
      last = now;
    }, TICK).unref();
  }

  now(): number {
    return this.#elapsed;
  }

  /** How much of it has gone by since an instant, or since the last stall. */
  since(instant: number): number {
    return this.#elapsed - Math.max(instant, this.#calmSince);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
