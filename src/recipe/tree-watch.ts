import { ConnectionClosedError } from '../base/errors.ts';
import type { KeeperState, WatchListener } from '../base/states.ts';
import type { RecipeClient, TreeWatchHandle } from '../client/recipe-client.ts';
import { persist } from './outage.ts';

/** The recursive watch of a TreeCache, if the server supports it (ZooKeeper 3.6+). The client restores it after a lost session, but not after a stop. */
export class TreeWatch {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #listener: WatchListener;
  readonly #known: ReadonlyMap<string, unknown>;
  #handle: TreeWatchHandle | undefined;
  #ensuring: Promise<void> | undefined;
  /** The server is too old, or refuses the watch. */
  #refused = false;
  #removed = false;
  /** The current server is too old for it: it waits for a newer one. */
  #rests = false;

  constructor(client: RecipeClient, path: string, listener: WatchListener, known: ReadonlyMap<string, unknown>) {
    this.#client = client;
    this.#path = path;
    this.#listener = listener;
    this.#known = known;
  }

  /** Whether the watch covers the whole tree. */
  get isThere(): boolean {
    return this.#handle !== undefined && !this.#rests;
  }

  /** Sets the watch, unless it exists or was refused. Never rejects. */
  ensure(): Promise<void> {
    if (this.#handle !== undefined || this.#refused) return Promise.resolve();
    this.#ensuring ??= this.#leave().finally(() => (this.#ensuring = undefined));
    return this.#ensuring;
  }

  /** Makes the server report children created and deleted below nodes, even those this client may not read. Retries until that is done, or there is no watch. */
  async watchChildren(paths: readonly string[], since: bigint): Promise<void> {
    await persist(this.#client.clock, async () => this.#handle?.watchChildren(paths, since));
  }

  /** Notes the client's state: when it stops, it drops its watches; CONNECTING means that the server does not support this one. */
  note(state: KeeperState): void {
    this.#rests = state === 'CONNECTING';
    if (state === 'CLOSED' || state === 'AUTH_FAILED') this.#handle = undefined;
  }

  async remove(): Promise<void> {
    this.#removed = true;
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.remove();
    await this.#ensuring;
  }

  async #leave(): Promise<void> {
    try {
      const handle = await persist(this.#client.clock, () => this.#client.watchTree(this.#path, this.#listener, this.#known));
      if (this.#removed) await handle.remove();
      else this.#handle = handle;
    } catch (error) {
      this.#refused = !(error instanceof ConnectionClosedError);
    }
  }
}
