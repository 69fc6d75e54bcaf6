/** A promise and the two ways to settle it. Nobody need wait for it: its rejection alone is no error. */
export class Deferred {
  readonly promise: Promise<void>;
  #settle!: { resolve: () => void; reject: (error: Error) => void };

  constructor() {
    this.promise = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.promise.catch(() => undefined);
  }

  resolve(): void {
    this.#settle.resolve();
  }

  reject(error: Error): void {
    this.#settle.reject(error);
  }
}
