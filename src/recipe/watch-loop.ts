import { Deferred } from '../base/deferred.ts';
import { ConnectionClosedError } from '../base/errors.ts';
import type { KazooState, WatchedEvent, WatchListener } from '../base/states.ts';
import { LOST } from '../client/internals.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { isUnstarted, persist } from './outage.ts';
import { ignoreState, listenToState } from './state-listeners.ts';

/** How a loop reads: it sets `watch`, and stops when `signal` aborts. */
export interface WatchedRead {
  readonly watch: WatchListener;
  readonly signal: AbortSignal;
}

export interface WatchLoopOptions<T> {
  /** Undefined if there is nothing left to watch: that ends the loop. */
  read(options: WatchedRead): Promise<T | undefined>;
  /** Whether to report `value` to the user; `last` is the previous reading. */
  isNews(value: T, last: T, event: WatchedEvent | null): boolean;
  /** Calls the user. Returning, or resolving to, false ends the loop. */
  call(value: T, event: WatchedEvent | null): unknown;
  /** Whether the loop ends with the session. */
  endsWithSession: boolean;
}

/**
 * Reads a node and calls the user, again at each change: the common part of DataWatch and ChildrenWatch.
 *
 *   read (setting a one-shot watch) -> call -> ... watch fires -> read -> call ...
 *
 * At most one read is in flight; an event meanwhile leads to one more. Within a session the client itself restores the watch after a reconnect, and it fires
 * for missed changes, so a mere reconnect costs nothing. When the session is lost the watch is gone, and the next CONNECTED leads to a new read.
 * The watch's NONE is ignored (Kazoo D-22): it comes through the callback queue, which may be busy, while LOST is announced at once.
 */
export class WatchLoop<T> {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #options: WatchLoopOptions<T>;
  readonly #abort = new AbortController();
  readonly #ready = new Deferred();
  #isAwaited = false;
  /** Counts lost sessions, so that a watch set in an earlier one is not taken for armed. */
  #session = 0;
  #armed = false;
  #reading = false;
  #next: { event: WatchedEvent | null } | undefined;
  #last: { value: T } | undefined;
  #stopped = false;

  constructor(client: RecipeClient, path: string, options: WatchLoopOptions<T>) {
    this.#client = client;
    this.#path = path;
    this.#options = options;
    listenToState(client, this.#onState);
    // No state reports the end of a client that never had a session.
    if (isUnstarted(client)) void client[LOST].then(() => this.#last ?? this.#refresh(null));
    this.#refresh(null);
  }

  /** Settles after the first call, or when it is clear that there will be none. */
  get ready(): Promise<void> {
    this.#isAwaited = true;
    return this.#ready.promise;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    ignoreState(this.#client, this.#onState);
    this.#abort.abort();
    void this.#client.unwatch(this.#path, this.#onEvent);
    this.#ready.resolve();
  }

  readonly #onEvent = (event: WatchedEvent): void => {
    if (event.type === 'NONE') return;
    this.#armed = false;
    this.#refresh(event);
  };

  readonly #onState = (state: KazooState): void => {
    if (state === 'LOST') {
      this.#session += 1;
      this.#armed = false;
      if (this.#options.endsWithSession) this.stop();
    } else if (state === 'CONNECTED' && !this.#armed && !this.#reading) this.#refresh(null);
  };

  #refresh(event: WatchedEvent | null): void {
    this.#next = { event };
    if (!this.#reading) void this.#run();
  }

  async #run(): Promise<void> {
    this.#reading = true;
    while (this.#next !== undefined && !this.#stopped) {
      const { event } = this.#next;
      this.#next = undefined;
      const isRead = await this.#readOnce(event).then(
        () => true,
        (error: unknown) => this.#failed(error),
      );
      // Its session is already lost, perhaps during a long first call: then a CONNECTED may have been missed.
      if (isRead === true && !this.#armed && this.#client.connected) this.#next ??= { event: null };
    }
    this.#reading = false;
  }

  async #readOnce(event: WatchedEvent | null): Promise<void> {
    let session = this.#session;
    const value = await persist(this.#client.clock, () => {
      session = this.#session;
      return this.#options.read({ watch: this.#onEvent, signal: this.#abort.signal });
    });
    if (this.#stopped) return;
    if (value === undefined) return this.stop();
    this.#armed = session === this.#session;
    const last = this.#last;
    this.#last = { value };
    // The first call is not queued behind other callbacks, so that `ready` may be awaited inside one of them.
    if (last === undefined) await this.#firstCall(value);
    else if (this.#options.isNews(value, last.value, event)) this.#client.dispatch(() => this.#call(value, event));
  }

  async #firstCall(value: T): Promise<void> {
    try {
      await this.#call(value, null);
      this.#ready.resolve();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #call(value: T, event: WatchedEvent | null): Promise<void> {
    if (this.#stopped) return;
    const outcome = await this.#options.call(value, event);
    if (outcome === false) this.stop();
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    if (error instanceof ConnectionClosedError) {
      // Not started yet, or stopped: the watch continues when the client is started (Kazoo DW-10), but after a stop `ready` must not wait for that.
      if (!isUnstarted(this.#client)) this.#ready.reject(error);
    } else if (this.#last === undefined) {
      this.#fail(error);
      this.stop();
    } else this.#client.reportError(error);
  }

  /** A failure before the first call was over goes to `ready`, or to the `error` event if nobody has read `ready`. */
  #fail(error: unknown): void {
    this.#ready.reject(error);
    if (!this.#isAwaited) this.#client.reportError(error);
  }
}
