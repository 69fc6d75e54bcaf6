import { requireFunction, requireOptions } from '../base/arguments.ts';
import { NoNodeError } from '../base/errors.ts';
import { normalizePath } from '../base/paths.ts';
import type { WatchedEvent } from '../base/states.ts';
import type { ReadOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalBoolean, requireClient } from './arguments.ts';
import { WatchLoop } from './watch-loop.ts';

/**
 * Receives the names of a node's children, in no particular order. `event` is null on the first call and for a change noticed only after the session was lost.
 * Returning (or resolving to) exactly false ends the watch.
 */
export type ChildrenWatchCallback = (children: string[], event: WatchedEvent | null) => unknown;

export interface ChildrenWatchOptions {
  /** Whether the watch continues in the next session after a session is lost. Default true. If false, LOST ends it; a mere reconnect does not (Kazoo D-24h). */
  allowSessionLost?: boolean | undefined;
}

/**
 * Calls a function with a node's children now and after each change (Kazoo CW-1 to CW-6).
 *
 * The node must exist: if it does not, or is deleted later, the watch ends silently and for good; {@link ready} still resolves.
 * After a lost session the children are read again, and reported only if they differ.
 * Calls run one at a time, in the queue of the client's callbacks. An error that the function throws rejects {@link ready} on the first call;
 * later ones go to the client's `error` event. The watch stays.
 *
 * @example
 * const watch = new ChildrenWatch(client, '/workers', (names) => console.log(names));
 */
export class ChildrenWatch {
  readonly path: string;
  readonly #loop: WatchLoop<string[]>;

  /** @throws TypeError or RangeError for an invalid path, client, function or option */
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

  /** Settles after the first call, or if there is no such node. If nobody has read this property by then, a failure goes to the client's `error` event. */
  get ready(): Promise<void> {
    return this.#loop.ready;
  }

  /** Ends the watch: there are no further calls, and nothing of it is left on the client or the server. */
  stop(): void {
    this.#loop.stop();
  }
}

/** A node's children; undefined if there is no such node. */
export async function readChildren(client: RecipeClient, path: string, options: ReadOptions): Promise<string[] | undefined> {
  try {
    return await client.getChildren(path, options);
  } catch (error) {
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/** Whether two lists name the same children; servers list them in different orders. */
function sameNames(some: readonly string[], others: readonly string[]): boolean {
  const names = new Set(some);
  return some.length === others.length && others.every((name) => names.has(name));
}
