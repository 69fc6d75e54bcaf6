import { LIMITS, requireLimits, requireString } from '../base/arguments.ts';
import { inBatches } from '../base/batches.ts';
import { ConnectionLoss, errorForCode, NoNodeError, NoWatcherError, type ZookeeperError } from '../base/errors.ts';
import { describeValue, stripChroot } from '../base/paths.ts';
import { isPrompt, prompt } from '../base/prompt.ts';
import { Id } from '../base/security.ts';
import type { WatchListener } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import { AddWatchMode, type ReadPart } from '../codec/ops.ts';
import { onAbort } from '../session/abort-listeners.ts';
import { Failure } from '../session/failure.ts';
import { explain } from '../session/question.ts';
import { childWatches } from '../session/watch-table.ts';
import { checkFlags, checkWatch } from './arguments.ts';
import type { MultiReadOperation, ReadOptions, WaitOptions } from './call-options.ts';
import { Client } from './client.ts';
import { ROOTED, SESSION, SUBMIT } from './internals.ts';
import type { KazooClientOptions } from './options.ts';
import type { TreeWatchHandle, WatchHandle } from './recipe-client.ts';
import { unimplemented } from '../session/unimplemented.ts';
import { REMOVABLE, ServerWatches, type RemovableWatch } from './server-watches.ts';

const CONFIG_PATH = '/zookeeper/config';
const READ_OPTIONS = [...LIMITS, 'watch'] as const;
const ADD_WATCH_OPTIONS = ['recursive', ...LIMITS] as const;
const RECONFIG_OPTIONS = ['joining', 'leaving', 'newMembers', 'fromConfig', ...LIMITS] as const;

/** Operations of ZooKeeper 3.5 to 3.9 that Kazoo does not have. */
export class ExtendedClient extends Client {
  readonly #serverWatches: ServerWatches;
  /** Paths of recursive watches that were requested, but not yet confirmed. */
  readonly #leaving: string[] = [];

  constructor(options?: string | KazooClientOptions) {
    super(options);
    this.#serverWatches = new ServerWatches(this[SESSION], () => this.serverVersion({ retries: 2 }));
  }

  /**
   * Adds a persistent watch (ZooKeeper 3.6+) on a node and its children or, with `recursive`, on a node and everything below it.
   * A recursive listener gets no CHILD events. After a reconnect each listener first gets a `NONE` event with state CONNECTED: it may have missed events.
   * After a lost session the watch is set again in the new one. If the reconnect is to a server before 3.6 (in a mixed ensemble), the event is `NONE` with
   * state CONNECTING, and no other follows until a newer server is found. Aborting the signal later also removes the watch; the timeout covers only adding it.
   *
   * @throws UnimplementedError on servers before 3.6
   */
  async addWatch(
    path: string,
    listener: WatchListener,
    options?: { recursive?: boolean | undefined } & WaitOptions,
  ): Promise<WatchHandle> {
    const given = requireLimits(options, ADD_WATCH_OPTIONS);
    checkFlags(given, ['recursive']);
    if (typeof listener !== 'function') throw new TypeError(`listener must be a function, not ${describeValue(listener)}`);
    given.signal?.throwIfAborted();
    const full = this[ROOTED](path);
    const kind = given.recursive === true ? 'recursive' : 'persistent';
    // A new function per registration: the same listener may be added twice and removed once.
    const own: WatchListener = (event) => listener(event);
    if (isPrompt(listener)) prompt(own);
    const { watches } = this[SESSION];
    const wait = { signal: given.signal, timeout: given.timeout };
    const overlaps = kind === 'persistent' && (watches.isArmed('recursive', full) || this.#leaving.includes(full));
    const allowed = !overlaps || (await this.#serverWatches.allowsPersistent(full, wait));
    if (allowed instanceof Failure) throw allowed.toError({ operation: 'addWatch', path });
    // Registered in the same tick as the reply, like a read's watch: it gets no earlier events, and a refusal leaves nothing behind.
    if (allowed || !watches.isArmed('recursive', full)) await this.#leaveWatch(kind, path, full, own, wait);
    else watches.add(kind, full, own);
    let forget = (): void => undefined;
    const remove = async (): Promise<void> => {
      forget();
      await this.#serverWatches.removing(() => watches.remove(full, own, [kind]));
    };
    // Aborted between the reply and this turn.
    if (given.signal?.aborted === true) void remove();
    given.signal?.throwIfAborted();
    if (given.signal !== undefined) forget = onAbort(given.signal, () => void remove());
    return { remove, [Symbol.asyncDispose]: remove };
  }

  /**
   * A recursive watch (ZooKeeper 3.6+) that misses no change of the nodes its owner knows: after a reconnect within the session the listener gets an event for
   * each node of `known` that was changed or deleted meanwhile, and CHILD for each whose children changed. New nodes show as changed children of their parents.
   *
   * Newer servers (3.8.4, 3.9.2) send a recursive watch no events for nodes that this client may not read. After `watchChildren` of a node's path, creations
   * and deletions of its children are reported all the same, once, with CHILD; `since` is the zxid before the node's children were read.
   *
   * @throws UnimplementedError on servers before 3.6
   */
  async watchTree(path: string, listener: WatchListener, known: ReadonlyMap<string, unknown>): Promise<TreeWatchHandle> {
    if (!(await this.#serverWatches.knows('addWatch'))) {
      const context = { operation: 'watchTree', path };
      throw this.connected ? unimplemented('addWatch', context) : new ConnectionLoss(undefined, context);
    }
    const handle = await this.addWatch(path, listener, { recursive: true });
    const { watches } = this[SESSION];
    const follower = {
      root: this[ROOTED](path),
      listener,
      paths: () => Array.from(known.keys(), (one) => this[ROOTED](one)),
      knows: (full: string) => known.has(this.unchroot(full)),
      left: new Set<'data' | 'child'>(),
    };
    watches.follow(follower);
    const watchChildren = async (parents: readonly string[], since: bigint): Promise<void> => {
      follower.left.add('child');
      const full = parents.map((one) => this[ROOTED](one)).filter((one) => !watches.covers('child', one));
      const sent = [...childWatches(full, since)].map(({ request }) =>
        this[SUBMIT]('watchTree', 'setWatches', path, request, {}),
      );
      await Promise.all(sent);
    };
    const remove = async (): Promise<void> => {
      watches.unfollow(follower);
      const left = follower.left.size > 0 ? follower.paths() : [];
      const removed = inBatches(left, (paths) =>
        this.#serverWatches.removing(() => {
          for (const one of paths) for (const kind of follower.left) watches.orphan(kind, one);
        }),
      );
      await Promise.all([removed, handle.remove()]);
    };
    return { watchChildren, remove, [Symbol.asyncDispose]: remove };
  }

  /** Removes every watch of a kind from a node, here and on the server (ZooKeeper 3.5+). @throws NoWatcherError if there is none */
  async removeWatches(path: string, type: RemovableWatch, options?: WaitOptions): Promise<void> {
    if (!Object.hasOwn(REMOVABLE, type))
      throw new TypeError(`type must be one of ${Object.keys(REMOVABLE).join(', ')}, not ${describeValue(type)}`);
    const { tables } = REMOVABLE[type];
    const full = this[ROOTED](path);
    const given = requireLimits(options, LIMITS);
    const { watches } = this[SESSION];
    const had = tables.filter((table) => watches.clear(table, full));
    const failures =
      had.length === 0 || type === 'any'
        ? await this.#serverWatches.take(type, full, given)
        : await this.#serverWatches.removing(() => had.forEach((table) => watches.orphan(table, full)), given);
    for (const failure of failures)
      if (failure.code !== NoWatcherError.code || had.length === 0)
        throw explain(failure, 'removeWatches', { operation: 'removeWatches', path });
  }

  /** Removes a one-shot watch, also one of {@link getConfig}; if it was the last, removes the server's too. Never rejects. */
  async unwatch(path: string, listener: WatchListener): Promise<void> {
    const full = path === CONFIG_PATH ? path : this[ROOTED](path);
    await this.#serverWatches.removing(() => this[SESSION].watches.remove(full, listener));
  }

  /** The paths of this session's ephemeral nodes that start with `prefix` (ZooKeeper 3.6+). */
  async getEphemerals(prefix = '/', options?: WaitOptions): Promise<string[]> {
    const full = this[ROOTED](requireString('prefix', prefix), true);
    const { ephemerals } = await this[SUBMIT](
      'getEphemerals',
      'getEphemerals',
      prefix,
      { prefixPath: full },
      requireLimits(options, LIMITS),
    );
    return ephemerals.map((path) => stripChroot(this.chroot, path));
  }

  /** The number of nodes below this one, at any depth (ZooKeeper 3.6+). @throws NoNodeError */
  async getAllChildrenNumber(path: string, options?: WaitOptions): Promise<number> {
    return (
      await this[SUBMIT](
        'getAllChildrenNumber',
        'getAllChildrenNumber',
        path,
        { path: this[ROOTED](path) },
        requireLimits(options, LIMITS),
      )
    ).totalNumber;
  }

  /** Several reads from the same point in time (ZooKeeper 3.6+). A failed read has its error in its place. */
  async multiRead(
    operations: readonly MultiReadOperation[],
    options?: WaitOptions,
  ): Promise<([Buffer | null, ZnodeStat] | string[] | ZookeeperError)[]> {
    if (!Array.isArray(operations)) throw new TypeError(`operations must be an array, not ${describeValue(operations)}`);
    const parts = Array.from(operations as readonly MultiReadOperation[], (operation) => this.#readPart(operation));
    const results = await this[SUBMIT]('multiRead', 'multiRead', undefined, parts, requireLimits(options, LIMITS));
    return results.map(({ err, body }, index) => {
      const { op, request } = parts[index]!;
      if (err !== 0) return errorForCode(err, { operation: `multiRead ${op}`, path: this.unchroot(request.path) });
      const { data = null, stat, children } = body as { data?: Buffer | null; stat?: ZnodeStat; children?: string[] };
      return children ?? [data, stat!];
    });
  }

  /** The identities the server sees for this connection (ZooKeeper 3.7+). */
  async whoAmI(options?: WaitOptions): Promise<Id[]> {
    const { clientInfo } = await this[SUBMIT]('whoAmI', 'whoAmI', undefined, undefined, requireLimits(options, LIMITS));
    return clientInfo.map(({ scheme, user }) => new Id(scheme, user));
  }

  /** The ensemble's configuration: `/zookeeper/config`, regardless of the chroot (ZooKeeper 3.5+). */
  async getConfig(options?: ReadOptions): Promise<[Buffer, ZnodeStat]> {
    const given = requireLimits(options, READ_OPTIONS);
    const watch = checkWatch(given.watch);
    const { data, stat } = await this[SUBMIT](
      'getConfig',
      'getData',
      CONFIG_PATH,
      { path: CONFIG_PATH, watch: watch !== undefined },
      given,
      watch,
    ).catch((error: unknown) => {
      throw error instanceof NoNodeError
        ? new NoNodeError(`getConfig: ${CONFIG_PATH} needs ZooKeeper 3.5.0 or later`, error)
        : error;
    });
    return [data ?? Buffer.alloc(0), stat];
  }

  /**
   * Changes the ensemble's members: incrementally (`joining`, `leaving`) or as a whole (`newMembers`) (ZooKeeper 3.5+).
   * @param options.fromConfig the expected configuration version; -1 (default) for any
   * @throws ReconfigDisabledError; NewConfigNoQuorumError; ReconfigInProcessError; BadVersionError; NoAuthError
   */
  async reconfig(
    options: {
      joining?: string | undefined;
      leaving?: string | undefined;
      newMembers?: string | undefined;
      fromConfig?: number | undefined;
    } & WaitOptions,
  ): Promise<[Buffer, ZnodeStat]> {
    const given = requireLimits(options, RECONFIG_OPTIONS);
    for (const name of ['joining', 'leaving', 'newMembers'] as const)
      if (given[name] !== undefined) requireString(name, given[name]);
    const { fromConfig = -1 } = given;
    if (!Number.isSafeInteger(fromConfig))
      throw new TypeError(`fromConfig must be a whole number, not ${describeValue(fromConfig)}`);
    const request = {
      joiningServers: given.joining ?? null,
      leavingServers: given.leaving ?? null,
      newMembers: given.newMembers ?? null,
      curConfigId: BigInt(fromConfig),
    };
    const { data, stat } = await this[SUBMIT]('reconfig', 'reconfig', CONFIG_PATH, request, given);
    return [data ?? Buffer.alloc(0), stat];
  }

  async #leaveWatch(
    kind: 'persistent' | 'recursive',
    path: string,
    full: string,
    own: WatchListener,
    wait: WaitOptions,
  ): Promise<void> {
    const mode = kind === 'recursive' ? AddWatchMode.PERSISTENT_RECURSIVE : AddWatchMode.PERSISTENT;
    const onZxid = (zxid: bigint): void => this[SESSION].rearm(full, zxid);
    if (kind === 'recursive') this.#leaving.push(full);
    try {
      await this[SUBMIT]('addWatch', 'addWatch', path, { path: full, mode }, { ...wait, onZxid }, own);
    } finally {
      if (kind === 'recursive') this.#leaving.splice(this.#leaving.indexOf(full), 1);
    }
  }

  #readPart(operation: MultiReadOperation): ReadPart {
    const given = Object(operation) as { get?: string; getChildren?: string };
    const isGet = 'get' in given;
    if (isGet === 'getChildren' in given)
      throw new TypeError(`an operation must be { get } or { getChildren }, not ${describeValue(operation)}`);
    return isGet
      ? { op: 'getData', request: { path: this[ROOTED](given.get!), watch: false } }
      : { op: 'getChildren', request: { path: this[ROOTED](given.getChildren!), watch: false } };
  }
}
