// Node's own: a test runner's replacement may never run the callback.
import { setImmediate } from 'node:timers';
import { requireFunction } from '../base/arguments.ts';
import { BATCH, inBatches } from '../base/batches.ts';
import type { Timer } from '../base/clock.ts';
import { ConnectionClosedError, KazooException, NoAuthError, NoNodeError } from '../base/errors.ts';
import { describeValue, isWithin, joinPath, normalizePath, parentPath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import type { KazooState, WatchedEvent } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { WaitOptions } from '../client/call-options.ts';
import { requireClient } from './arguments.ts';
import type { Attempt } from './attempt.ts';
import { bounded } from './bounded.ts';
import { Freshness } from './freshness.ts';
import { ignoreState, listenToState } from './state-listeners.ts';
import { NodeData, TreeEvent } from './tree-event.ts';
import { type ReadKind, TreeNode } from './tree-node.ts';
import { type TreeReading, TreeReader } from './tree-reader.ts';
import { TreeTeller } from './tree-teller.ts';
import { TreeWatch } from './tree-watch.ts';

export type TreeEventListener = (event: TreeEvent) => unknown;
export type TreeFaultListener = (error: unknown) => unknown;

/**
 * Keeps a copy of a tree of nodes in memory, up to date by watches, and reports its changes (Kazoo TC-1 to TC-10).
 *
 * Uses one recursive watch on ZooKeeper 3.6 and newer, and a one-shot watch on each node's children, for nodes this client may not read (servers since 3.8.4 and
 * 3.9.2 send a recursive watch no events for them); on older servers, two one-shot watches per node, for its data and its children. When the client reconnects within the
 * session, it asks which nodes have changed meanwhile, so unchanged nodes cost no reads. After a lost session everything is read again, in batches, a few hundred reads at a time.
 * A watch event says where to look, never what is there: all content comes from reads, so for each path the copy only moves forward.
 *
 * @example
 * const cache = new TreeCache(client, '/services');
 * cache.listen((event) => console.log(event.eventType, event.eventData?.path));
 * await cache.start();
 * @see close
 */
export class TreeCache {
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #teller: TreeTeller;
  readonly #freshness: Freshness;
  readonly #reader: TreeReader;
  readonly #watch: TreeWatch;
  readonly #nodes = new Map<string, TreeNode>();
  #root: TreeNode;
  #state: 'latent' | 'started' | 'closed' = 'latent';
  #rooted = false;
  /** Counts lost sessions: what was requested in an earlier one must be requested again. */
  #session = 0;
  #loadedSession = -1;
  /** Nodes not completely read yet in this session. */
  readonly #loading = new Set<TreeNode>();
  /** The latest listing of each parent whose children are not all processed yet. */
  readonly #arriving = new Map<TreeNode, readonly string[]>();
  #initialized = false;
  /** Parents whose children are to be listed again: after the current events, or, if there are many children, after a pause. */
  readonly #outdated = new Set<TreeNode>();
  #isListingDue = false;
  #pause: Timer | undefined;

  /** @throws TypeError or RangeError for an invalid path or client */
  constructor(client: RecipeClient, path: string) {
    requireClient(client);
    this.path = normalizePath(path);
    this.#client = client;
    this.#root = this.#insert(this.path, null);
    this.#teller = new TreeTeller(client, () => this.#state === 'closed');
    this.#watch = new TreeWatch(client, this.path, this.#onEvent, this.#nodes);
    this.#reader = new TreeReader(client, {
      watch: this.#onEvent,
      isFollowed: () => this.#watch.isThere,
      watchChildren: (paths, since) => this.#watch.watchChildren(paths, since),
      session: () => this.#session,
      isClosed: () => this.#state === 'closed',
      isKnown: (path) => this.#nodes.has(path),
      found: (node, reading, session) => this.#found(node, reading, session),
      failed: (node, kind, error, session) => {
        // Nothing was learnt: the next session reads it.
        if (error instanceof ConnectionClosedError) return;
        this.#failed(node, kind, error);
        this.#settle(node, kind, session);
      },
      idle: () => this.#freshness.stir(),
    });
    this.#freshness = new Freshness(client, this.path, {
      check: () => {
        if (this.#state !== 'started') throw new KazooException(this.#state === 'closed' ? 'already closed' : 'not started');
      },
      catchUp: () => {
        this.#listOutdated(Infinity);
        return this.#initialized && this.#reader.isIdle && this.#arriving.size === 0;
      },
      changed: (fresh) => this.#teller.freshness(fresh),
    });
  }

  /** Whether the copy matches the server: false until it is loaded, and from the loss of the connection until what changed meanwhile has been read. */
  get fresh(): boolean {
    return this.#freshness.now;
  }

  /**
   * Resolves once everything written, by anyone, before this call is in the cache: usually at once, else when the connection is back.
   *
   * @throws OperationTimeoutError after `timeout` milliseconds; `signal.reason`; KazooException before the start and after {@link close}; ConnectionClosedError when the client stops
   */
  async whenFresh(options?: WaitOptions): Promise<void> {
    await bounded(this.#client, options, this.path, 'tree cache', (attempt) => this.#freshness.wait(attempt));
  }

  /**
   * Starts, once. Resolves when the root exists (it is created if necessary); the rest follows, and INITIALIZED reports that it is loaded.
   *
   * @throws KazooException if it was already started or closed; ConnectionClosedError if the client is not running;
   *   `signal.reason`, or OperationTimeoutError after `timeout` milliseconds: an aborted start cannot be repeated
   */
  start(options?: WaitOptions): Promise<void> {
    return bounded(this.#client, options, this.path, 'tree cache', (attempt) => this.#start(attempt));
  }

  async #start(attempt: Attempt): Promise<void> {
    if (this.#state !== 'latent') throw new KazooException(this.#state === 'closed' ? 'already closed' : 'already started');
    this.#state = 'started';
    listenToState(this.#client, this.#onState);
    try {
      await attempt.persist(() => this.#client.ensurePath(this.path, attempt.limits));
    } catch (error) {
      ignoreState(this.#client, this.#onState);
      throw error;
    }
    this.#rooted = true;
    this.#loadIfDue();
    this.#freshness.begin();
  }

  /** Ends for good: there are no further events and no data. Resolves when its watches are removed. Harmless when repeated. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#freshness.end();
    this.#pause?.cancel();
    ignoreState(this.#client, this.#onState);
    // First, so that removing the tree watch also removes the server's watches.
    const unwatched = inBatches([...this.#nodes.keys()], (paths) =>
      Promise.all(paths.map((path) => this.#client.unwatch(path, this.#onEvent))),
    );
    const removed = this.#watch.remove();
    this.#nodes.clear();
    this.#loading.clear();
    this.#arriving.clear();
    this.#root.disownAll();
    this.#root.data = null;
    await Promise.all([removed, unwatched]);
  }

  /** Adds a listener for {@link TreeEvent}s, and returns it. Errors it throws go to the fault listeners. An async one is awaited before the next event. */
  listen<L extends TreeEventListener>(listener: L): L {
    requireFunction('the listener', listener);
    this.#teller.listeners.push(listener);
    return listener;
  }

  /** Adds a listener for errors: nodes that cannot be read, and errors thrown by listeners. Without one they go to the client's `error` event. */
  listenFault<L extends TreeFaultListener>(listener: L): L {
    requireFunction('the fault listener', listener);
    this.#teller.faultListeners.push(listener);
    return listener;
  }

  /** Adds a listener for changes of {@link fresh}, in the queue of the {@link TreeEvent}s: called with true after the events for missed changes. Returns it. */
  listenFreshness<L extends (fresh: boolean) => unknown>(listener: L): L {
    requireFunction('the freshness listener', listener);
    this.#teller.freshnessListeners.push(listener);
    return listener;
  }

  /**
   * A node as last read; `otherwise` (null) if it does not exist or cannot be read.
   *
   * @throws RangeError for a path outside the tree
   */
  getData<T = null>(path: string, otherwise: T = null as T): NodeData | T {
    return this.#find(path)?.data ?? otherwise;
  }

  /**
   * The names of a node's children, as a copy; `otherwise` (null) if the node does not exist.
   *
   * @throws RangeError for a path outside the tree
   */
  getChildren<T = null>(path: string, otherwise: T = null as T): ReadonlySet<string> | T {
    const node = this.#find(path);
    return node === undefined ? otherwise : new Set(node.children.keys());
  }

  #find(path: string): TreeNode | undefined {
    const normal = normalizePath(path);
    if (normal === this.path) return this.#root;
    if (!isWithin(this.path, normal)) throw new RangeError(`path ${describeValue(path)} is outside the tree ${this.path}`);
    return this.#nodes.get(normal);
  }

  readonly #onState = (state: KazooState): void => {
    if (state !== 'CONNECTED') this.#freshness.end();
    if (state === 'SUSPENDED') this.#teller.publish(TreeEvent.CONNECTION_SUSPENDED);
    else if (state === 'LOST') {
      this.#session += 1;
      this.#initialized = false;
      this.#loading.clear();
      this.#arriving.clear();
      this.#teller.publish(TreeEvent.CONNECTION_LOST);
    } else {
      this.#teller.publish(TreeEvent.CONNECTION_RECONNECTED);
      this.#loadIfDue();
      if (this.#rooted) this.#freshness.begin();
    }
  };

  /** The watches of an earlier session are gone. After a loss, which may have hit many clients at once, reading starts after a short random delay. */
  #loadIfDue(): void {
    if (this.#state !== 'started' || !this.#rooted || this.#loadedSession === this.#session) return;
    if (this.#loadedSession < 0) return this.#loadAll();
    const session = this.#session;
    const load = (): void => {
      if (this.#state === 'started' && this.#session === session && this.#loadedSession !== session) this.#loadAll();
    };
    this.#client.clock.timer(Math.random() * RELOAD_SPREAD, load, { background: true });
  }

  /** The sync ensures that another server does not return an older state than already seen. */
  #loadAll(): void {
    if (this.#loadedSession >= 0) this.#client.sync(this.path).catch(() => undefined);
    const session = this.#session;
    this.#loadedSession = session;
    // The watch comes first, so that anything that changes while the tree is read is read again.
    void this.#watch.ensure().then(() => {
      if (this.#state === 'started' && this.#session === session) this.#load(this.#root);
    });
  }

  #load(node: TreeNode): void {
    node.session = this.#session;
    this.#loading.add(node);
    node.miss('data', 'children');
    this.#reader.request(node, 'data');
    this.#reader.request(node, 'children');
  }

  readonly #onEvent = prompt((event: WatchedEvent): void => {
    // LOST is announced at once, by the client's states.
    if (event.path === null || event.type === 'NONE') return this.#watch.note(event.state);
    const node = this.#nodes.get(event.path);
    if (node === undefined) this.#stranger(event);
    else if (event.type === 'CHILD') this.#listAgain(node);
    else if (event.type === 'DELETED') this.#deleted(node);
    else if (event.type === 'CREATED' || node.unreadable) this.#load(node);
    else this.#reader.request(node, 'data');
  });

  /** Only a recursive watch reports an unknown node. Its own reads tell whether it exists, without listing its parent's children, which may be many. */
  #stranger({ type, path }: WatchedEvent): void {
    const parent = type === 'CHILD' || type === 'DELETED' || path === this.path ? undefined : this.#nodes.get(parentPath(path!));
    if (parent === undefined || parent.unreadable) return;
    this.#load(this.#insert(path!, parent));
    this.#reader.relist(parent);
  }

  /** The parent is listed again, because the node may have been created again before the parent's last listing: then no further event would come. */
  #deleted(node: TreeNode): void {
    this.#gone(node);
    if (node.parent !== null) this.#listAgain(node.parent);
  }

  #listAgain(parent: TreeNode): void {
    if (this.#reader.relist(parent)) return;
    this.#outdated.add(parent);
    const list = (below: number) => (): void => this.#listOutdated(below);
    if (parent.children.size >= CROWD)
      this.#pause ??= this.#client.clock.timer(LISTING_PAUSE, list(Infinity), { background: true });
    else if (!this.#isListingDue) {
      this.#isListingDue = true;
      queueMicrotask(list(CROWD));
    }
  }

  /** Lists outdated parents that have fewer children than `below`. */
  #listOutdated(below: number): void {
    this.#isListingDue = false;
    if (below === Infinity) {
      this.#pause?.cancel();
      this.#pause = undefined;
    }
    if (this.#outdated.size === 0) return;
    for (const parent of this.#outdated) {
      if (parent.children.size >= below) continue;
      this.#outdated.delete(parent);
      if (this.#state === 'started') this.#reader.request(parent, 'children');
    }
    this.#freshness.stir();
  }

  #found(node: TreeNode, reading: TreeReading, session: number): void {
    if (reading.kind === 'data') this.#setData(node, new NodeData(node.path, reading.data, reading.stat));
    else if (reading.kind === 'children') return this.#setChildren(node, reading.names, session);
    else if (reading.exists) this.#load(node);
    this.#settle(node, reading.kind, session);
  }

  #setData(node: TreeNode, data: NodeData): void {
    const before = node.data;
    node.data = data;
    node.unreadable = false;
    if (before === null) this.#teller.publish(TreeEvent.NODE_ADDED, data);
    else if (before.stat.mzxid !== data.stat.mzxid) this.#teller.updated(node, data);
  }

  #setChildren(node: TreeNode, names: string[], session: number): void {
    const listed = new Set(names);
    for (const [name, child] of node.children) {
      if (listed.has(name)) continue;
      // A child that is being read may be newer than the listing: another read of it tells.
      if (child.reading.data === undefined) this.#remove(child);
      else this.#reader.request(child, 'data');
    }
    this.#arriving.set(node, names.sort());
    this.#arrive(node, names, session);
  }

  /** One batch per turn of the event loop, until all are processed, a later listing arrives, or they are no longer wanted. */
  #arrive(node: TreeNode, names: readonly string[], session: number, from = 0): void {
    if (this.#arriving.get(node) !== names) return;
    let at = from;
    for (let room = BATCH; room > 0 && at < names.length; at++) {
      const child = node.children.get(names[at]!) ?? this.#insert(joinPath(node.path, names[at]!), node);
      if (child.session === this.#session) continue;
      this.#load(child);
      room--;
    }
    if (at < names.length) return void setImmediate(() => this.#arrive(node, names, session, at));
    this.#arriving.delete(node);
    this.#settle(node, 'children', session);
    this.#freshness.stir();
  }

  #failed(node: TreeNode, kind: ReadKind, error: unknown): void {
    if (error instanceof NoNodeError) return this.#gone(node);
    // What was read before may no longer be true.
    const closed = error instanceof NoAuthError;
    if (closed || kind === 'children') {
      this.#arriving.delete(node);
      for (const child of node.children.values()) this.#remove(child);
    }
    if (closed || kind === 'data') this.#forget(node);
    if (node.unreadable) return;
    node.unreadable = true;
    this.#teller.fault(error);
  }

  #gone(node: TreeNode): void {
    this.#remove(node);
    if (node === this.#root) this.#awaitRoot();
    this.#checkInitialized();
  }

  /** A deleted root is watched until it exists again (Kazoo TC-6). */
  #awaitRoot(): void {
    this.#root = this.#insert(this.path, null);
    this.#root.session = this.#session;
    this.#root.miss('exists');
    this.#loading.add(this.#root);
    this.#reader.request(this.#root, 'exists');
  }

  #insert(path: string, parent: TreeNode | null): TreeNode {
    const node = new TreeNode(path, parent);
    this.#nodes.set(path, node);
    parent?.adopt(node);
    return node;
  }

  /** Children before parents (Kazoo TC-3). */
  #remove(node: TreeNode): void {
    for (const child of node.children.values()) this.#remove(child);
    node.removed = true;
    this.#nodes.delete(node.path);
    this.#loading.delete(node);
    this.#arriving.delete(node);
    node.parent?.disown(node);
    this.#forget(node);
  }

  #forget(node: TreeNode): void {
    if (node.data === null) return;
    this.#teller.publish(TreeEvent.NODE_REMOVED, node.data);
    node.data = null;
  }

  #settle(node: TreeNode, kind: ReadKind, session: number): void {
    if (session !== this.#session) return;
    if (node.got(kind)) this.#loading.delete(node);
    this.#checkInitialized();
  }

  #checkInitialized(): void {
    if (this.#initialized || this.#loading.size > 0 || this.#loadedSession !== this.#session) return;
    this.#initialized = true;
    this.#teller.publish(TreeEvent.INITIALIZED);
    this.#freshness.stir();
  }
}

/** Milliseconds. */
const RELOAD_SPREAD = 200;
/** With at least CROWD children a listing is long, so it waits LISTING_PAUSE milliseconds for further changes. */
const CROWD = 1_000;
const LISTING_PAUSE = 100;
