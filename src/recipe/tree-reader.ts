import type { WatchListener } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { isTransient } from './attempt.ts';
import { persist } from './outage.ts';
import type { ReadKind, TreeNode } from './tree-node.ts';

/** What a read found. `session` is that in which it was asked, and its watch left. */
export type TreeReading =
  | { readonly kind: 'data'; readonly data: Buffer | null; readonly stat: ZnodeStat }
  | { readonly kind: 'children'; readonly names: string[] }
  | { readonly kind: 'exists'; readonly exists: boolean };

export interface TreeReaderOptions {
  readonly watch: WatchListener;
  /** The session of now, by the cache's count. */
  session(): number;
  isClosed(): boolean;
  /** Whether the cache has a node at the path. */
  isKnown(path: string): boolean;
  /** Told of each reading, in the order of the server's replies. */
  found(node: TreeNode, reading: TreeReading, session: number): void;
  failed(node: TreeNode, kind: ReadKind, error: unknown, session: number): void;
  /** Nothing is asked for any more. */
  idle(): void;
}

/**
 * Reads the nodes of a TreeCache: many at a time (pipelined), and no more than a limit, so that a big tree does not take all of the server's queue;
 * one of a kind per node, and one more when an event came meanwhile.
 */
export class TreeReader {
  readonly #client: RecipeClient;
  readonly #options: TreeReaderOptions;
  #queue: { node: TreeNode; kind: ReadKind }[] = [];
  #head = 0;
  #inFlight = 0;

  constructor(client: RecipeClient, options: TreeReaderOptions) {
    this.#client = client;
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0 && this.#queue.length === 0;
  }

  request(node: TreeNode, kind: ReadKind): void {
    if (node.removed) return;
    const state = node.reading[kind];
    node.reading[kind] = state === undefined || state === 'queued' ? 'queued' : 'again';
    if (state !== undefined) return;
    this.#queue.push({ node, kind });
    this.#pump();
  }

  #pump(): void {
    while (this.#inFlight < MOST_IN_FLIGHT && this.#head < this.#queue.length) {
      const { node, kind } = this.#queue[this.#head++]!;
      this.#inFlight += 1;
      this.#perform(node, kind);
    }
    if (this.#head < this.#queue.length) return;
    this.#queue = [];
    this.#head = 0;
  }

  #done(node: TreeNode, kind: ReadKind): void {
    const again = node.reading[kind] === 'again';
    node.reading[kind] = undefined;
    this.#inFlight -= 1;
    if (again && !this.#options.isClosed()) this.request(node, kind);
    this.#pump();
    if (this.isIdle) this.#options.idle();
  }

  /** The first try goes without the means to repeat it: of these there are two for each node of the tree. */
  #perform(node: TreeNode, kind: ReadKind): void {
    const session = this.#options.session();
    if (this.#isUnwanted(node)) return queueMicrotask(() => this.#done(node, kind));
    node.reading[kind] = 'sent';
    this.#read(node.path, kind).then(
      (reading) => {
        this.#answered(node, reading, session);
        this.#done(node, kind);
      },
      (error: unknown) => {
        if (isTransient(error)) return void this.#repeat(node, kind).then(() => this.#done(node, kind));
        this.#refused(node, kind, error, session);
        this.#done(node, kind);
      },
    );
  }

  async #repeat(node: TreeNode, kind: ReadKind): Promise<void> {
    let session = this.#options.session();
    try {
      const reading = await persist(this.#client.clock, () => {
        session = this.#options.session();
        if (this.#isUnwanted(node)) throw UNWANTED;
        node.reading[kind] = 'sent';
        return this.#read(node.path, kind);
      });
      this.#answered(node, reading, session);
    } catch (error) {
      this.#refused(node, kind, error, session);
    }
  }

  #answered(node: TreeNode, reading: TreeReading, session: number): void {
    if (this.#isUnwanted(node)) this.#takeBack(node.path);
    else this.#options.found(node, reading, session);
  }

  #refused(node: TreeNode, kind: ReadKind, error: unknown, session: number): void {
    if (!this.#isUnwanted(node)) this.#options.failed(node, kind, error, session);
  }

  #read(path: string, kind: ReadKind): Promise<TreeReading> {
    const { watch } = this.#options;
    if (kind === 'children') return this.#client.getChildren(path, { watch }).then((names) => ({ kind, names }));
    if (kind === 'exists') return this.#client.exists(path, { watch }).then((stat) => ({ kind, exists: stat !== null }));
    return this.#client.get(path, { watch }).then(([data, stat]) => ({ kind, data, stat }));
  }

  #isUnwanted(node: TreeNode): boolean {
    return node.removed || this.#options.isClosed();
  }

  /** The read left a watch that nobody wants any more: unless there is a new node at the path, whose watch it is too. */
  #takeBack(path: string): void {
    if (!this.#options.isKnown(path)) void this.#client.unwatch(path, this.#options.watch);
  }
}

const MOST_IN_FLIGHT = 500;
const UNWANTED = new Error('the node is no longer wanted');
