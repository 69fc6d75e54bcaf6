import { requireFunction, requireOptions } from '../base/arguments.ts';
import { NoNodeError } from '../base/errors.ts';
import { normalizePath } from '../base/paths.ts';
import type { WatchedEvent } from '../base/states.ts';
import type { ReadOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalBoolean, requireClient } from './arguments.ts';
import { WatchLoop } from './watch-loop.ts';

/**
 * Told the names of a node's children, in no particular order. `event` is null on the first call and for a change noticed only after the session was lost.
 * Returning (or resolving to) exactly false ends the watch.
 */
export type ChildrenWatchCallback = (children: string[], event: WatchedEvent | null) => unknown;

export interface ChildrenWatchOptions {
  /** Whether the watch goes on in the next session when one is lost. Default true. False: LOST ends it; a mere reconnect does not (Kazoo D-24h). */
  allowSessionLost?: boolean | undefined;
}

/**
 * Calls a function with a node's children now and after each change (Kazoo CW-1 to CW-6).
 *
 * The node must exist: when it does not, or no longer, the watch is over, quietly and for good; {@link ready} resolves all the same.
 * After a lost session the children are read again, and told only if they differ.
 * Calls run one at a time, in turn with the client's other callbacks. What the function throws rejects {@link ready} on the first call,
 * and goes to the client's `error` event later; the watch stays.
 *
 * @example
 * const watch = new ChildrenWatch(client, '/workers', (names) => console.log(names));
 */
export class ChildrenWatch {
  readonly path: string;
  readonly #loop: WatchLoop<string[]>;

  /** @throws TypeError or RangeError for a path, client, function or option that is none */
  constructor(client: RecipeClient, path: string, fn: ChildrenWatchCallback, options?: ChildrenWatchOptions) {
    const allowSessionLost = optionalBoolean(
      'allowSessionLost',
      requireOptions(options, ['allowSessionLost']).allowSessionLost,
      true,
    );
    requireClient(client);
    requireFunction('the function of a ChildrenWatch', fn);
    this.path = normalizePath(path);
    this.#loop = new WatchLoop(client, this.path, {
      read: (read) => readChildren(client, this.path, read),
      isNews: (value, last, event) => event !== null || !sameNames(value, last),
      call: (children, event) => fn([...children], event),
      endsWithSession: !allowSessionLost,
    });
  }

  /** Settles after the first call, or when there is no such node. A failure reaches the client's `error` event where nobody has asked for this by then. */
  get ready(): Promise<void> {
    return this.#loop.ready;
  }

  /** Ends the watch: no further call, and nothing of it is left on the client or the server. */
  stop(): void {
    this.#loop.stop();
  }
}

/** A node's children; undefined when there is no such node. */
export async function readChildren(client: RecipeClient, path: string, options: ReadOptions): Promise<string[] | undefined> {
  try {
    return await client.getChildren(path, options);
  } catch (error) {
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/** Whether two lists name the same children: servers list them in different orders. */
function sameNames(some: readonly string[], others: readonly string[]): boolean {
  const names = new Set(some);
  return some.length === others.length && others.every((name) => names.has(name));
}
