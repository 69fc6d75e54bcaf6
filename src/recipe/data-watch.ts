import { requireFunction } from '../base/arguments.ts';
import { NoNodeError } from '../base/errors.ts';
import { normalizePath } from '../base/paths.ts';
import type { WatchedEvent } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { ReadOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireClient } from './arguments.ts';
import { WatchLoop } from './watch-loop.ts';

/**
 * Receives a node's data: `(null, null, event)` if there is no such node. `event` is null on the first call and for a change noticed only after the session was lost.
 * Returning (or resolving to) exactly false ends the watch.
 */
export type DataWatchCallback = (data: Buffer | null, stat: ZnodeStat | null, event: WatchedEvent | null) => unknown;

/**
 * Calls a function with a node's data now and after each change, across reconnects, session loss and `stop()`/`start()` of the client (Kazoo DW-1 to DW-11).
 *
 * It is called again only if the node's mzxid differs from the one last reported: a deletion with re-creation counts as a change, a mere reconnect does not.
 * Calls run one at a time, in the queue of the client's callbacks; changes that follow faster than they can be read are reported as one.
 * An error that the function throws rejects {@link ready} on the first call; later ones go to the client's `error` event. The watch stays.
 *
 * @example
 * const watch = new DataWatch(client, '/config', (data) => applyConfig(data));
 * await watch.ready;
 */
export class DataWatch {
  readonly path: string;
  readonly #loop: WatchLoop<DataReading>;

  /** @throws TypeError or RangeError for an invalid path, client or function */
  constructor(client: RecipeClient, path: string, fn: DataWatchCallback) {
    requireClient(client);
    requireFunction('the function of a DataWatch', fn);
    this.path = normalizePath(path);
    this.#loop = new WatchLoop(client, this.path, {
      read: (options) => readData(client, this.path, options),
      isNews: (value, last) => value.stat?.mzxid !== last.stat?.mzxid,
      call: ({ data, stat }, event) => fn(data, stat, event),
      endsWithSession: false,
    });
  }

  /**
   * Settles after the first call. Rejects with the error it threw, with the reason why the node cannot be read, or with ConnectionClosedError if the client is stopped first.
   * If nobody has read this property by then, the first two go to the client's `error` event.
   */
  get ready(): Promise<void> {
    return this.#loop.ready;
  }

  /** Ends the watch: there are no further calls, and nothing of it is left on the client or the server. */
  stop(): void {
    this.#loop.stop();
  }
}

/** A node's data and stat; nulls if there is no such node. */
export interface DataReading {
  readonly data: Buffer | null;
  readonly stat: ZnodeStat | null;
}

/** Reads a node, leaving a watch whether it exists or not. */
export async function readData(client: RecipeClient, path: string, options: ReadOptions): Promise<DataReading> {
  for (;;) {
    try {
      const [data, stat] = await client.get(path, options);
      return { data, stat };
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
    }
    // Created between the two requests: read it (Kazoo DW-7).
    if ((await client.exists(path, options)) === null) return { data: null, stat: null };
  }
}
