import { ConnectionClosedError, ConnectionLoss, NoNodeError } from '../base/errors.ts';
import { basename, joinPath, parentPath } from '../base/paths.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { WaitOptions } from './call-options.ts';
import { afterLatecomers } from './latecomers.ts';
import type { RecipeClient } from './recipe-client.ts';

/** A created node, as the reply describes it. */
export interface Made {
  readonly path: string;
  readonly stat?: ZnodeStat;
}

/** The parts of a client that a protected create uses. Paths are with the chroot. */
export interface ProtectedHome {
  readonly client: Pick<RecipeClient, 'clock' | 'logger' | 'clientId' | 'sessionTimeout'>;
  retry<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T>;
  create(path: string, wait: WaitOptions): Promise<Made>;
  /** The names of the children, no older than this call. */
  children(parent: string, wait: WaitOptions): Promise<readonly string[]>;
  remove(path: string, wait: WaitOptions): Promise<unknown>;
}

/**
 * Curator's protection: an id in the name, by which a node is found whose reply was lost (Kazoo LK-3, CURATOR-79).
 * If the caller gives up first, nobody would know the node's name, so it is removed in the background.
 */
export class ProtectedCreate {
  readonly #home: ProtectedHome;
  readonly #parent: string;
  readonly #id = `_c_${crypto.randomUUID()}-`;
  readonly #path: string;
  readonly #session: bigint | undefined;
  /** Whether the reply to one of the creates was lost. */
  #lost = false;

  /** @param path the path asked for, without the id */
  constructor(home: ProtectedHome, path: string) {
    this.#home = home;
    this.#parent = parentPath(path);
    this.#path = joinPath(this.#parent, this.#id + basename(path));
    this.#session = home.client.clientId?.sessionId;
  }

  /** Creates the node once, under the client's retry policy. */
  async make(ephemeral: boolean, wait: WaitOptions): Promise<Made> {
    try {
      return await this.#home.retry(wait.signal, () => this.#attempt(ephemeral, wait));
    } catch (error) {
      if (this.#lost || wait.signal?.aborted === true) void this.#discard();
      throw error;
    }
  }

  async #attempt(ephemeral: boolean, wait: WaitOptions): Promise<Made> {
    const home = this.#home;
    try {
      return await home.create(this.#path, wait);
    } catch (error) {
      if (!(error instanceof ConnectionLoss)) throw error;
      this.#lost = true;
      const [found] = await home.retry(wait.signal, () => this.#find(wait));
      if (found === undefined) throw error;
      if (!ephemeral || home.client.clientId?.sessionId === this.#session) return { path: found };
      // Created by a session that is over: it will disappear with that session, and must not be taken for ours.
      await home.remove(found, wait).catch(() => undefined);
      throw error;
    }
  }

  async #find(wait: WaitOptions): Promise<string[]> {
    const names = await this.#home.children(this.#parent, wait).catch((error: unknown) => {
      if (error instanceof NoNodeError) return [];
      throw error;
    });
    return names.filter((name) => name.startsWith(this.#id)).map((name) => joinPath(this.#parent, name));
  }

  /** Never rejects. */
  async #discard(): Promise<void> {
    try {
      await this.#removeAll();
      if (this.#lost) afterLatecomers(this.#home.client, this.#path, () => this.#removeAll());
    } catch (error) {
      this.#home.client.logger.warn(`${this.#path}: could not remove the node of a create that was given up: ${String(error)}`);
    }
  }

  #removeAll(): Promise<void> {
    return this.#home.retry(undefined, async () => {
      try {
        for (const path of await this.#find({})) await this.#home.remove(path, {});
      } catch (error) {
        if (error instanceof NoNodeError || error instanceof ConnectionClosedError) return;
        this.#lost ||= error instanceof ConnectionLoss;
        throw error;
      }
    });
  }
}
