import { Deferred } from '../base/deferred.ts';
import { KazooException } from '../base/errors.ts';
import { describeValue, joinPath, normalizePath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import type { WaitOptions, ZnodeData } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { ownData, requireClient } from './arguments.ts';
import { bounded } from './bounded.ts';
import { PersistentNode } from './persistent-node.ts';
import { TreeCache } from './tree-cache.ts';
import { TreeEvent } from './tree-event.ts';
import { loadTree } from './tree-loading.ts';

/**
 * Joins a group, and knows its members with their payloads (Curator's GroupMember, with its layout: `<path>/<id>`, ephemeral).
 * The membership outlives a lost session.
 *
 * @example
 * const member = new GroupMember(client, '/workers', 'worker-1', '10.0.0.1:8080');
 * await member.start();
 * member.members(); // Map { 'worker-1' => <Buffer …>, … }
 */
export class GroupMember {
  readonly path: string;
  readonly id: string;
  readonly #client: RecipeClient;
  readonly #node: PersistentNode;
  readonly #cache: TreeCache;
  readonly #loaded = new Deferred();
  #payload: Buffer;

  /** @throws TypeError or RangeError for invalid arguments */
  constructor(client: RecipeClient, path: string, id: string, payload: ZnodeData = '') {
    requireClient(client);
    if (typeof id !== 'string' || id === '' || id.includes('/'))
      throw new TypeError(`id must be the name of a node, not ${describeValue(id)}`);
    this.path = normalizePath(path);
    this.id = id;
    this.#client = client;
    this.#node = new PersistentNode(client, joinPath(this.path, id), payload);
    this.#payload = bytesOf(payload);
    this.#cache = new TreeCache(client, this.path);
    this.#cache.listen(
      prompt(({ eventType }: TreeEvent) => {
        if (eventType === TreeEvent.INITIALIZED) this.#loaded.resolve();
      }),
    );
  }

  /** Joins, and resolves when the members are known. Call it once. @throws KazooException if it was already started or closed; ConnectionClosedError when the client stops */
  async start(options?: WaitOptions): Promise<void> {
    await bounded(this.#client, options, this.path, 'group member', async () => {
      const joined = this.#node.start();
      // The node waits for a client that is not started yet; the cache does not, and can be started only once.
      if (this.#client.state === 'LOST') await joined;
      await Promise.all([joined, loadTree(this.#cache, this.#loaded.promise)]);
    });
  }

  /** The current members' payloads by id, always including this one. */
  members(): Map<string, Buffer> {
    const members = new Map<string, Buffer>();
    for (const id of this.#cache.getChildren(this.path, new Set<string>())) {
      const node = this.#cache.getData(joinPath(this.path, id));
      if (node !== null) members.set(id, node.data ?? Buffer.alloc(0));
    }
    return members.set(this.id, this.#payload);
  }

  /** Changes this member's payload. An abort or a timeout ends the wait, not the change. */
  async setPayload(payload: ZnodeData, options?: WaitOptions): Promise<void> {
    const own = ownData('data', payload);
    await bounded(this.#client, options, this.path, 'group member', async () => {
      await this.#node.setData(own);
      this.#payload = bytesOf(own);
    });
  }

  /** Leaves the group for good. */
  async close(): Promise<void> {
    this.#loaded.reject(new KazooException('the group member was closed'));
    await Promise.all([this.#node.close(), this.#cache.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function bytesOf(data: ZnodeData): Buffer {
  return Buffer.from(data ?? '');
}
