import { Deferred } from '../base/deferred.ts';
import { prompt } from '../base/prompt.ts';
import type { KazooState, WatchedEvent, WatchListener } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Attempt } from './attempt.ts';
import { ignoreState, listenToState } from './state-listeners.ts';

/**
 * Reads with a watch. Resolves with the value at once if `settled` accepts it, else at the next reason to read again:
 * a watch event, a reconnect, or the loss of the session. However it ends, it leaves no watch behind.
 *
 * Normally the event itself is not used: the caller reads again, so that a missed or repeated event does no harm (Kazoo D-8); `noticed` is for
 * events that leave no trace to read.
 */
export async function observe<T>(
  client: RecipeClient,
  attempt: Attempt,
  paths: string | readonly string[],
  read: (watch: WatchListener) => Promise<T>,
  settled: (value: T) => boolean,
  noticed: WatchListener = () => undefined,
): Promise<T> {
  const watch = new OneWatch(client, noticed);
  const reading = read(watch.listener);
  try {
    const value = await attempt.guard(reading);
    if (!settled(value)) await attempt.guard(watch.told.promise);
    return value;
  } finally {
    watch.close(paths, reading);
  }
}

/** A watch and the state of the session, waited for together. */
class OneWatch {
  readonly #client: RecipeClient;
  readonly told = new Deferred();
  readonly listener: WatchListener;
  readonly #onState: (state: KazooState) => void;

  constructor(client: RecipeClient, noticed: WatchListener) {
    this.#client = client;
    this.listener = prompt((event: WatchedEvent) => {
      this.told.resolve();
      return noticed(event);
    });
    // While suspended nothing can be read; the watch survives that, and CONNECTED or LOST follows.
    this.#onState = (state) => {
      if (state !== 'SUSPENDED') this.told.resolve();
    };
    listenToState(client, this.#onState);
  }

  /** The watch exists once the read is over, which may be after the wait for it was aborted; one of several reads may have failed. */
  close(paths: string | readonly string[], reading: Promise<unknown>): void {
    ignoreState(this.#client, this.#onState);
    reading
      .catch(() => undefined)
      .then(() => Promise.all([paths].flat().map((path) => this.#client.unwatch(path, this.listener))))
      .catch((error: unknown) => this.#client.logger.warn(`could not remove the watch on ${String(paths)}: ${String(error)}`));
  }
}
