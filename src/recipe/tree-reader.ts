import { NoAuthError, ZookeeperError } from '../base/errors.ts';
import type { WatchListener } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { isTransient } from './attempt.ts';
import { persist } from './outage.ts';
import type { ReadKind, TreeNode } from './tree-node.ts';

/** The result of a read. */
export type TreeReading =
  | { readonly kind: 'data'; readonly data: Buffer | null; readonly stat: ZnodeStat }
  | { readonly kind: 'children'; readonly names: string[] }
  | { readonly kind: 'exists'; readonly exists: boolean };

export interface TreeReaderOptions {
  readonly watch: WatchListener;
  /** Whether one watch covers the whole tree: then a read needs no watch of its own, except for children that the client may not read. */
  isFollowed(): boolean;
  /** Requests notifications of children created or deleted below the nodes after the zxid. */
  watchChildren(paths: readonly string[], since: bigint): Promise<void>;
  /** The current session, by the cache's count. */
  session(): number;
  isClosed(): boolean;
  /** Whether the cache has a node at the path. */
  isKnown(path: string): boolean;
  /** Called with each reading, in the order of the server's replies. `session` is the one in which it was requested, and its watch set. */
  found(node: TreeNode, reading: TreeReading, session: number): void;
  failed(node: TreeNode, kind: ReadKind, error: unknown, session: number): void;
  /** Nothing more is requested. */
  idle(): void;
}

interface Asked {
  readonly node: TreeNode;
  readonly kind: ReadKind;
}

/**
 * Reads the nodes of a TreeCache: many at a time (pipelined), but limited in number and (estimated from earlier reads) in bytes, so that a big tree does not
 * fill the server's queue; one read of a kind per node, and one more if an event came meanwhile. If one watch covers the tree, many reads go in one request;
 * once everything is read, the children of all nodes listed that way are put under watch together, with the zxid from before. That reports changes since then
 * not only to this cache but to everyone who watches the node through this client, whether they know the change or not: so a node known to have changed is
 * listed again, as is one whose children change later, by a read that sets its own watch.
 */
export class TreeReader {
  readonly #client: RecipeClient;
  readonly #options: TreeReaderOptions;
  #queue: Asked[] = [];
  #head = 0;
  #inFlight = 0;
  #scheduled = false;
  /** Nodes listed whose children are not under watch yet; `#since` is the zxid before the first of these listings. */
  readonly #listed = new Set<TreeNode>();
  #since = 0n;
  /** Expected bytes per read: estimated from earlier reads, raised at once by a big one. At first a guess, so as not to request too much at once. */
  #weight = FLIGHT_BYTES / 200;

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

  /** Lists a node again if it changed before its children were under watch. @returns whether it did */
  relist(node: TreeNode): boolean {
    const isListed = this.#listed.delete(node);
    if (isListed) this.request(node, 'children');
    return isListed;
  }

  /** A request of many reads collects everything requested in this turn. */
  #pump(): void {
    if (!this.#options.isFollowed()) return this.#send();
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const mostInFlight = Math.max(FLIGHTS, Math.min(MOST_IN_FLIGHT, Math.floor(FLIGHT_BYTES / this.#weight)));
    while (this.#inFlight < mostInFlight && this.#head < this.#queue.length) {
      const most = this.#options.isFollowed() ? Math.min(Math.floor(mostInFlight / FLIGHTS), mostInFlight - this.#inFlight) : 1;
      const asked = this.#queue.slice(this.#head, this.#head + most);
      this.#head += asked.length;
      this.#inFlight += asked.length;
      if (asked.length === 1) this.#perform(asked[0]!.node, asked[0]!.kind);
      else this.#performMany(asked);
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
    this.#rest();
  }

  #rest(): void {
    if (!this.isIdle) return;
    if (this.#listed.size === 0 || !this.#options.isFollowed()) return this.#options.idle();
    const paths: string[] = [];
    for (const node of this.#listed) {
      if (node.removed) continue;
      if ((node.data?.stat.pzxid ?? 0n) > this.#since) this.relist(node);
      else paths.push(node.path);
    }
    this.#listed.clear();
    this.#inFlight += 1;
    const done = (): void => {
      this.#inFlight -= 1;
      this.#rest();
    };
    // This fails when the client stops: then there is nothing to watch.
    this.#options.watchChildren(paths, this.#since).then(done, done);
  }

  #list(node: TreeNode, since = this.#client.lastZxid): void {
    if (!this.#options.isFollowed()) return;
    if (this.#listed.size === 0 || since < this.#since) this.#since = since;
    this.#listed.add(node);
  }

  /** The first attempt skips the machinery for repeats: there are two such reads for each node of the tree. */
  #perform(node: TreeNode, kind: ReadKind): void {
    const session = this.#options.session();
    if (this.#isUnwanted(node)) return queueMicrotask(() => this.#done(node, kind));
    node.reading[kind] = 'sent';
    this.#read(node, kind).then(
      (reading) => {
        this.#learn(this.#answered(node, reading, session), 1);
        this.#done(node, kind);
      },
      (error: unknown) => {
        if (isTransient(error)) return void this.#repeat(node, kind).then(() => this.#done(node, kind));
        this.#refused(node, kind, error, session);
        this.#done(node, kind);
      },
    );
  }

  #performMany(asked: readonly Asked[]): void {
    const session = this.#options.session();
    const wanted: Asked[] = [];
    for (const one of asked) {
      const { node, kind } = one;
      const isAlone = kind === 'exists' || (kind === 'children' && !node.misses(kind));
      if (isAlone || this.#isUnwanted(node)) this.#perform(node, kind);
      else wanted.push(one);
    }
    if (wanted.length === 0) return;
    for (const { node, kind } of wanted) {
      node.reading[kind] = 'sent';
      if (kind === 'children') this.#list(node);
    }
    const reads = wanted.map(({ node: { path }, kind }) => (kind === 'data' ? { get: path } : { getChildren: path }));
    this.#client.multiRead(reads).then(
      (results) => {
        const bytes = wanted.reduce((sum, { node, kind }, index) => sum + this.#settle(node, kind, results[index]!, session), 0);
        this.#learn(bytes, wanted.length);
        for (const { node, kind } of wanted) this.#done(node, kind);
      },
      (error: unknown) => {
        if (!isTransient(error)) return this.#putBack(wanted);
        // Sent one by one, each read is repeated until the outage is over.
        for (const { node, kind } of wanted) this.#perform(node, kind);
      },
    );
  }

  /** Together they were too large: at first read one by one, a few at a time. */
  #putBack(asked: readonly Asked[]): void {
    for (const { node, kind } of asked) node.reading[kind] = 'queued';
    this.#weight = FLIGHT_BYTES / FLIGHTS;
    this.#inFlight -= asked.length;
    this.#queue.splice(this.#head, 0, ...asked);
    this.#pump();
  }

  #learn(bytes: number, reads: number): void {
    this.#weight = Math.max(bytes / reads, this.#weight * OBLIVION ** reads);
  }

  /** @returns the approximate number of bytes */
  #settle(
    node: TreeNode,
    kind: ReadKind,
    result: [Buffer | null, ZnodeStat] | string[] | ZookeeperError,
    session: number,
  ): number {
    if (result instanceof ZookeeperError) {
      this.#refused(node, kind, result, session);
      return 0;
    }
    if (kind === 'children') return this.#answered(node, { kind, names: result as string[] }, session);
    const [data, stat] = result as [Buffer | null, ZnodeStat];
    return this.#answered(node, { kind: 'data', data, stat }, session);
  }

  async #repeat(node: TreeNode, kind: ReadKind): Promise<void> {
    let session = this.#options.session();
    try {
      const reading = await persist(this.#client.clock, () => {
        session = this.#options.session();
        if (this.#isUnwanted(node)) throw UNWANTED;
        node.reading[kind] = 'sent';
        return this.#read(node, kind);
      });
      this.#answered(node, reading, session);
    } catch (error) {
      this.#refused(node, kind, error, session);
    }
  }

  #answered(node: TreeNode, reading: TreeReading, session: number): number {
    if (this.#isUnwanted(node)) this.#takeBack(node.path);
    else this.#options.found(node, reading, session);
    if (reading.kind === 'children') return NAME_BYTES * reading.names.length;
    return reading.kind === 'data' ? reading.stat.dataLength : 0;
  }

  #refused(node: TreeNode, kind: ReadKind, error: unknown, session: number): void {
    if (!this.#isUnwanted(node)) this.#options.failed(node, kind, error, session);
  }

  #read(node: TreeNode, kind: ReadKind): Promise<TreeReading> {
    const { path } = node;
    if (kind === 'children') {
      this.#listed.delete(node);
      const since = this.#client.lastZxid;
      return this.#client.getChildren(path, { watch: this.#options.watch }).then(
        (names) => ({ kind, names }),
        (error: unknown) => {
          // A refused read sets no watch. After any other failure the node is read again, or not at all.
          if (error instanceof NoAuthError) this.#list(node, since);
          throw error;
        },
      );
    }
    const watch = this.#options.isFollowed() ? undefined : this.#options.watch;
    if (kind === 'exists') return this.#client.exists(path, { watch }).then((stat) => ({ kind, exists: stat !== null }));
    return this.#client.get(path, { watch }).then(([data, stat]) => ({ kind, data, stat }));
  }

  #isUnwanted(node: TreeNode): boolean {
    return node.removed || this.#options.isClosed();
  }

  /** The read has set a watch that is no longer wanted, unless there is a new node at the path, which shares it. */
  #takeBack(path: string): void {
    if (!this.#options.isKnown(path)) void this.#client.unwatch(path, this.#options.watch);
  }
}

const MOST_IN_FLIGHT = 500;
const FLIGHT_BYTES = 2.5 * 1024 * 1024;
/** Number of requests in flight at the limit of reads in flight, which they share equally. */
const FLIGHTS = 5;
/** The factor by which a smaller read lowers the expected bytes, at most. */
const OBLIVION = 0.98;
/** Approximate size of a name. */
const NAME_BYTES = 30;
const UNWANTED = new Error('the node is no longer wanted');
