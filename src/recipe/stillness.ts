import { Deferred } from '../base/deferred.ts';
import { prompt } from '../base/prompt.ts';
import type { WatchListener } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { type Attempt, sleep } from './attempt.ts';

/** Waits until the children of a node have not changed for some time, and then reports the next change. */
export class Stillness {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #duration: number;
  #watch: Watch | null = null;

  /** @param duration milliseconds without a change */
  constructor(client: RecipeClient, path: string, duration: number) {
    this.#client = client;
    this.#path = path;
    this.#duration = duration;
  }

  /** The children, once they have not changed for that time. The watch stays, for {@link onEnd}, until {@link stop}. */
  async wait(attempt: Attempt): Promise<string[]> {
    for (;;) {
      const children = await attempt.persist(() => this.#read(attempt));
      const watch = this.#watch!;
      const { promise, cancel } = sleep(this.#client.clock, this.#duration);
      try {
        await attempt.guard(Promise.race([promise, watch.told.promise]));
      } finally {
        cancel();
      }
      if (!watch.fired) return children;
    }
  }

  /** Calls back at the first change after {@link wait}; at once if there was one already. */
  onEnd(callback: () => void): void {
    this.#watch?.onFire(callback);
  }

  stop(): void {
    const watch = this.#watch;
    this.#watch = null;
    watch?.takeBack();
  }

  #read(attempt: Attempt): Promise<string[]> {
    this.stop();
    const watch = new Watch(this.#client, this.#path);
    this.#watch = watch;
    return attempt.guard(watch.read());
  }
}

/** One watch on the children. */
class Watch {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #listener: WatchListener;
  readonly told = new Deferred();
  #callback: (() => void) | undefined;
  #reading: Promise<string[]> | undefined;
  fired = false;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
    this.#listener = prompt(() => {
      this.fired = true;
      this.told.resolve();
      this.#callback?.();
    });
  }

  read(): Promise<string[]> {
    this.#reading = this.#client.getChildren(this.#path, { watch: this.#listener });
    return this.#reading;
  }

  onFire(callback: () => void): void {
    this.#callback = callback;
    if (this.fired) callback();
  }

  takeBack(): void {
    this.#callback = undefined;
    if (this.fired) return;
    this.#reading
      ?.then(
        () => this.#client.unwatch(this.#path, this.#listener),
        () => undefined,
      )
      .catch((error: unknown) => this.#client.logger.warn(`could not remove the watch on ${this.#path}: ${String(error)}`));
  }
}
