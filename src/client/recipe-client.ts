import type { EventEmitter } from 'eventemitter3';
import type { Clock } from '../base/clock.ts';
import type { ConnectFailure, ZookeeperError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ACL } from '../base/security.ts';
import type { KazooState, WatchListener } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type {
  ChildrenOptions,
  CreateOptions,
  DeleteOptions,
  MultiReadOperation,
  ReadOptions,
  VersionOptions,
  WaitOptions,
  ZnodeData,
} from './call-options.ts';
import type { LOST } from './internals.ts';
import type { TransactionRequest } from './transaction.ts';

/** What a client emits. */
export interface KazooClientEvents {
  /** Before the event of the new state itself. A listener that returns exactly true is removed, as in Kazoo. */
  state: [state: KazooState];
  /** Every credential has been answered. */
  connected: [];
  /** The connection is lost; the session may live. */
  suspended: [];
  /** The session is over, its ephemeral nodes too. */
  lost: [];
  /** Thrown by a callback of the user's, or met by a recipe in the background. Without a listener it is logged. */
  error: [error: Error];
  /** One attempt to reach a server has failed; others follow. */
  connectFailed: [failure: ConnectFailure];
}

/** A watch that stays until removed. */
export interface WatchHandle extends AsyncDisposable {
  remove(): Promise<void>;
}

/** The watch of a whole tree. */
export interface TreeWatchHandle extends WatchHandle {
  /** Has the listener told once, with CHILD, of what comes and goes below each of the nodes, even of what this client may not read, from the zxid `since` on. */
  watchChildren(paths: readonly string[], since: bigint): Promise<void>;
}

/** A session, and the secret by which it can be resumed. */
export interface ClientId {
  readonly sessionId: bigint;
  readonly password: Buffer;
}

/** How a node is made that stands for this process. */
export interface OwnedFlags {
  readonly ephemeral: boolean;
  readonly sequence: boolean;
}

/** What a node's stat says of its making, and cannot change. */
export interface OwnedBirth {
  readonly czxid: bigint;
  /** 0 for a node that outlives its session; null when the session was over by the time of the reply. */
  readonly ephemeralOwner: bigint | null;
}

/**
 * What a recipe needs of a client, and no more. `KazooClient` is one.
 * Paths are the user's: the client adds and strips the chroot.
 */
export interface RecipeClient extends EventEmitter<KazooClientEvents> {
  readonly state: KazooState;
  readonly connected: boolean;
  /** Why it is not connected any more; null while it is, and before it was. */
  readonly stateCause: Error | null;
  /** Resolves when the session is lost, or the hope for one, of which no state tells. @internal */
  readonly [LOST]: Promise<void>;
  readonly clientId: ClientId | null;
  readonly sessionTimeout: number | null;
  /** The highest zxid seen in a reply. */
  readonly lastZxid: bigint;
  readonly clock: Clock;
  readonly logger: Logger;

  create(
    path: string,
    value: ZnodeData | undefined,
    options: CreateOptions & { includeData: true },
  ): Promise<[path: string, stat: ZnodeStat]>;
  create(path: string, value?: ZnodeData, options?: CreateOptions): Promise<string>;
  /** Creates a node, and tells what its stat would say of its making, with no further request. */
  createOwned(path: string, value: ZnodeData, flags: OwnedFlags): Promise<OwnedBirth & { path: string }>;
  ensurePath(path: string, options?: { acl?: ACL[] | undefined } & WaitOptions): Promise<true | string>;
  exists(path: string, options?: ReadOptions): Promise<ZnodeStat | null>;
  get(path: string, options?: ReadOptions): Promise<[data: Buffer | null, stat: ZnodeStat]>;
  getChildren(path: string, options: ChildrenOptions & { includeData: true }): Promise<[children: string[], stat: ZnodeStat]>;
  getChildren(path: string, options?: ChildrenOptions): Promise<string[]>;
  set(path: string, value: ZnodeData, options?: VersionOptions): Promise<ZnodeStat>;
  delete(path: string, options?: DeleteOptions): Promise<true>;
  sync(path: string, options?: WaitOptions): Promise<string>;
  transaction(): TransactionRequest;
  retry<T>(fn: () => T | Promise<T>): Promise<T>;
  addWatch(
    path: string,
    listener: WatchListener,
    options?: { recursive?: boolean | undefined } & WaitOptions,
  ): Promise<WatchHandle>;
  /**
   * A recursive watch that misses no change of the nodes the caller knows: after a reconnect within the session the listener is told of those of `known`
   * that have changed meanwhile, of children (CHILD), too.
   */
  watchTree(path: string, listener: WatchListener, known: ReadonlyMap<string, unknown>): Promise<TreeWatchHandle>;
  multiRead(
    operations: readonly MultiReadOperation[],
    options?: WaitOptions,
  ): Promise<([Buffer | null, ZnodeStat] | string[] | ZookeeperError)[]>;

  /**
   * Takes back a one-shot watch that is no longer wanted, whichever table it is in, and the server's with it when it was the last.
   * Never rejects; harmless when the watch has fired already.
   */
  unwatch(path: string, listener: WatchListener): Promise<void>;
  /** Where an error goes that a user's callback threw, or that a recipe met in the background: the `error` event, else the log. */
  reportError(error: unknown): void;
  /** Runs a user's callback in turn with the watches' (one at a time, each awaited). */
  dispatch(callback: () => unknown): void;
}
