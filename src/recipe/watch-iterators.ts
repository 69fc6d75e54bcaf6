import { AuthFailedError, ConnectionClosedError, NoNodeError, SessionExpiredError, type ZookeeperError } from '../base/errors.ts';
import { normalizePath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import { seenByAwaiting } from '../base/seen-by.ts';
import type { KazooState, WatchedEvent } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { onAbort } from '../session/abort-listeners.ts';
import { requireClient, requireWaiting } from './arguments.ts';
import { isTransient } from './attempt.ts';
import { readChildren } from './children-watch.ts';
import { readData } from './data-watch.ts';
import { persist } from './outage.ts';
import { ignoreState, listenToState } from './state-listeners.ts';
import type { WatchedRead } from './watch-loop.ts';

/** Options of `watchData` and `watchChildren`. */
export interface WatchIteratorOptions {
  /** Ends the iteration: it rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
}

/** A node's data at one time; nulls if there is no such node. `event` is what led to this reading, null for the first. */
export interface DataItem {
  readonly data: Buffer | null;
  readonly stat: ZnodeStat | null;
  readonly event: WatchedEvent | null;
}

/** The names of a node's children at one time. `event` is what led to this reading, null for the first. */
export interface ChildrenItem {
  readonly children: string[];
  readonly event: WatchedEvent | null;
}

/** An iterable that is its own only iterator; `await using` ends it too. */
export interface WatchIterator<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): WatchIterator<T>;
}

/**
 * A node's data now and after each change, as an async iterable.
 *
 * Nothing is read before `next()` is called: changes that come faster than the loop's body runs are reported as one, the latest, and cost one read.
 * It continues across reconnects. It ends by `break` or `return()`, or rejects: with `signal.reason`, with SessionExpiredError when the session is lost, with
 * ConnectionClosedError when the client stops, or with the reason why the node cannot be read. However it ends, it leaves no watch and no listener.
 *
 * @example
 * for await (const { data } of watchData(client, '/config', { signal })) applyConfig(data);
 * @throws TypeError or RangeError, at once, for an invalid path or option
 */
export function watchData(client: RecipeClient, path: string, options: WatchIteratorOptions = {}): WatchIterator<DataItem> {
  requireClient(client);
  const { signal } = requireWaiting(options, ['signal']);
  const node = normalizePath(path);
  return new Watching(client, node, signal, {
    read: (read) => readData(client, node, read),
    isNews: (value, last) => value.stat?.mzxid !== last.stat?.mzxid,
    item: ({ data, stat }, event) => ({ data, stat, event }),
  });
}

/**
 * A node's children now and after each change, as an async iterable, with the rules of {@link watchData}.
 * The node must exist, else it rejects with NoNodeError; if the node is deleted later, the iteration ends.
 *
 * @throws TypeError or RangeError, at once, for an invalid path or option
 */
export function watchChildren(
  client: RecipeClient,
  path: string,
  options: WatchIteratorOptions = {},
): WatchIterator<ChildrenItem> {
  requireClient(client);
  const { signal } = requireWaiting(options, ['signal']);
  const node = normalizePath(path);
  return new Watching(client, node, signal, {
    read: (read) => readChildren(client, node, read),
    isNews: () => true,
    item: (children, event) => ({ children, event }),
  });
}

interface Source<V, T> {
  /** Undefined if there is no such node. */
  read(options: WatchedRead): Promise<V | undefined>;
  isNews(value: V, last: V): boolean;
  item(value: V, event: WatchedEvent | null): T;
}

type Outcome = { readonly error: unknown } | 'over';

/**
 * Three states: dirty (the watch has fired, or was never set; the next `next()` reads), armed (`next()` waits), ended.
 *
 *   dirty --next(): read--> armed --event--> dirty          any --return, abort, NONE, unreadable--> ended
 */
class Watching<V, T> implements WatchIterator<T> {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  /** Removes the listener on the caller's signal. */
  readonly #forget: (() => void) | undefined;
  readonly #source: Source<V, T>;
  readonly #abort = new AbortController();
  #dirty: { event: WatchedEvent | null } | undefined = { event: null };
  #last: V | undefined;
  #outcome: Outcome | undefined;
  #wake: (() => void) | undefined;
  /** The session of an earlier reading is over, perhaps while no watch was set to report it. */
  #lost = false;
  /** One `next()` at a time; the others wait their turn, as with an async generator. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(client: RecipeClient, path: string, signal: AbortSignal | undefined, source: Source<V, T>) {
    this.#client = client;
    this.#path = path;
    this.#source = source;
    this.#signal = signal;
    if (signal?.aborted === true) this.#outcome = { error: signal.reason };
    else if (signal !== undefined) this.#forget = onAbort(signal, () => this.#end({ error: signal.reason as unknown }));
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#turn.then(() => this.#advance());
    this.#turn = result.catch(() => undefined);
    try {
      return await result;
    } catch (error) {
      throw error === this.#signal?.reason ? error : seenByAwaiting(error);
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end('over');
    this.#outcome = 'over';
    return Promise.resolve({ done: true, value: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #advance(): Promise<IteratorResult<T, undefined>> {
    while (this.#outcome === undefined) {
      if (this.#dirty === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const { event } = this.#dirty;
      this.#dirty = undefined;
      const item = await this.#readUnlessEnded(event);
      if (item !== undefined && this.#outcome === undefined) return { done: false, value: item };
    }
    return this.#finish(this.#outcome);
  }

  /** Rejects once; after that the iteration is over. */
  #finish(outcome: Outcome): IteratorResult<T, undefined> {
    this.#outcome = 'over';
    if (outcome !== 'over') throw outcome.error;
    return { done: true, value: undefined };
  }

  #readUnlessEnded(event: WatchedEvent | null): Promise<T | undefined> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (this.#outcome !== undefined) resolve(undefined);
      };
      void this.#read(event)
        .catch((error: unknown) => this.#end({ error }))
        .then(resolve);
    });
  }

  async #read(event: WatchedEvent | null): Promise<T | undefined> {
    listenToState(this.#client, this.#onState);
    const value = await withinSession(this.#client, () =>
      this.#source.read({ watch: this.#onEvent, signal: this.#abort.signal }),
    );
    // If the client was stopped or refused, the read itself has thrown.
    if (this.#lost) throw new SessionExpiredError(undefined, { path: this.#path });
    const last = this.#last;
    if (value === undefined) {
      this.#end(
        last === undefined ? { error: new NoNodeError(undefined, { path: this.#path, operation: 'watchChildren' }) } : 'over',
      );
      return undefined;
    }
    this.#last = value;
    return last === undefined || this.#source.isNews(value, last) ? this.#source.item(value, event) : undefined;
  }

  readonly #onEvent = prompt((event: WatchedEvent): void => {
    if (event.type === 'NONE') return this.#end({ error: sessionError(event, this.#path) });
    this.#dirty = { event };
    this.#wake?.();
  });

  readonly #onState = (state: KazooState): void => {
    this.#lost ||= state === 'LOST';
  };

  #end(outcome: Outcome): undefined {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#forget?.();
    ignoreState(this.#client, this.#onState);
    this.#abort.abort();
    void this.#client.unwatch(this.#path, this.#onEvent);
    this.#wake?.();
  }
}

/** Reads across reconnects, but not into another session. */
async function withinSession<V>(client: RecipeClient, read: () => Promise<V>): Promise<V> {
  const outcome = await persist(client.clock, () =>
    read().then(
      (value) => ({ value }),
      (error: unknown) => {
        if (error instanceof SessionExpiredError || !isTransient(error)) return { error };
        throw error;
      },
    ),
  );
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

function sessionError({ state }: WatchedEvent, path: string): ZookeeperError {
  if (state === 'CLOSED') return new ConnectionClosedError(undefined, { path });
  if (state === 'AUTH_FAILED') return new AuthFailedError(undefined, { path });
  return new SessionExpiredError(undefined, { path });
}
