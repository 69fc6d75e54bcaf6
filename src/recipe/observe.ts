import { Deferred } from '../base/deferred.ts';
import { prompt } from '../base/prompt.ts';
import type { KazooState, WatchedEvent, WatchListener } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Attempt } from './attempt.ts';
import { ignoreState, listenToState } from './state-listeners.ts';

/**
 * Reads with a watch. If `settled` likes what was read, that is the answer; else the answer comes with the next reason to read again:
 * an event of the watch, a reconnection, or the loss of the session. Whatever the end, no watch of ours is left behind.
 *
 * As a rule nothing is made of the event: whoever waits reads again, so that an event that was missed or repeated does no harm (Kazoo D-8); `noticed` is for
 * what leaves no trace to read.
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
    // While suspended there is nothing to read: the watch outlives that, and CONNECTED or LOST follows.
    this.#onState = (state) => {
      if (state !== 'SUSPENDED') this.told.resolve();
    };
    listenToState(client, this.#onState);
  }

  /** The watch exists once the read is over, which may be after the wait for it was given up; of several reads one may have failed. */
  close(paths: string | readonly string[], reading: Promise<unknown>): void {
    ignoreState(this.#client, this.#onState);
    reading
      .catch(() => undefined)
      .then(() => Promise.all([paths].flat().map((path) => this.#client.unwatch(path, this.listener))))
      .catch((error: unknown) =>
        this.#client.logger.warn(`a watch on ${String(paths)} could not be taken back: ${String(error)}`),
      );
  }
}
