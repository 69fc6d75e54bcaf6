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
 * Told a node's data: `(null, null, event)` while there is no such node. `event` is null on the first call and for a change noticed only after the session was lost.
 * Returning (or resolving to) exactly false ends the watch.
 */
export type DataWatchCallback = (data: Buffer | null, stat: ZnodeStat | null, event: WatchedEvent | null) => unknown;

/**
 * Calls a function with a node's data now and after each change, across reconnects, session loss and `stop()`/`start()` of the client (Kazoo DW-1 to DW-11).
 *
 * It is called again only when the node's mzxid differs from the one last told, so a delete with re-creation counts and a reconnect without change does not.
 * Calls run one at a time, in turn with the client's other callbacks; changes that follow one another faster than they are read are told as one.
 * What the function throws rejects {@link ready} on the first call, and goes to the client's `error` event later; the watch stays.
 *
 * @example
 * const watch = new DataWatch(client, '/config', (data) => applyConfig(data));
 * await watch.ready;
 */
export class DataWatch {
  readonly path: string;
  readonly #loop: WatchLoop<DataReading>;

  /** @throws TypeError or RangeError for a path, client or function that is none */
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
   * Settles after the first call. Rejects with what that threw, with the reason why the node cannot be read, or with ConnectionClosedError if the client is stopped first.
   * What that threw, and the reason, go to the client's `error` event where nobody has asked for this by then.
   */
  get ready(): Promise<void> {
    return this.#loop.ready;
  }

  /** Ends the watch: no further call, and nothing of it is left on the client or the server. */
  stop(): void {
    this.#loop.stop();
  }
}

/** A node's data, or nulls while there is none. */
export interface DataReading {
  readonly data: Buffer | null;
  readonly stat: ZnodeStat | null;
}

/** Reads a node so that its watch is left in either case: when the node is there, and when it is not. */
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
