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

/** The events a client emits. */
export interface KazooClientEvents {
  /** Emitted before the event for the new state itself. A listener that returns exactly true is removed, as in Kazoo. */
  state: [state: KazooState];
  /** The session is usable: every credential has been answered. */
  connected: [];
  /** The connection is lost; the session may still be alive. */
  suspended: [];
  /** The session is over, and its ephemeral nodes with it. */
  lost: [];
  /** An error from a user's callback, or from a recipe's background work. Logged if there is no listener. */
  error: [error: Error];
  /** One attempt to reach a server failed; others follow. */
  connectFailed: [failure: ConnectFailure];
}

/** A watch that stays until removed. */
export interface WatchHandle extends AsyncDisposable {
  remove(): Promise<void>;
}

/** A watch on a whole tree. */
export interface TreeWatchHandle extends WatchHandle {
  /** Reports once per node, with CHILD, that children came or went after the zxid `since`, even children that this client may not read. */
  watchChildren(paths: readonly string[], since: bigint): Promise<void>;
}

/** A session, and the secret needed to resume it. */
export interface ClientId {
  readonly sessionId: bigint;
  readonly password: Buffer;
}

/** How to create a node that stands for this process. */
export interface OwnedFlags {
  readonly ephemeral: boolean;
  readonly sequence: boolean;
}

/** The parts of a node's stat that are fixed at its creation. */
export interface OwnedBirth {
  readonly czxid: bigint;
  /** 0 for a node that outlives its session; null if the session was over when the reply came. */
  readonly ephemeralOwner: bigint | null;
}

/**
 * The parts of a client that recipes use. `KazooClient` implements it.
 * Paths are without the chroot: the client adds and strips it.
 */
export interface RecipeClient extends EventEmitter<KazooClientEvents> {
  readonly state: KazooState;
  readonly connected: boolean;
  /** Why the connection ended; null while connected, and before the first connection. */
  readonly stateCause: Error | null;
  /** Resolves when the session is lost, or there is no hope of getting one, which no state shows. @internal */
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
  /** Creates a node, and returns what its stat would say about its creation, without another request. */
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
   * A recursive watch that misses no change of the nodes the caller knows: after a reconnect within the session the listener gets an event for each node of
   * `known` that changed meanwhile, also for changed children (CHILD).
   */
  watchTree(path: string, listener: WatchListener, known: ReadonlyMap<string, unknown>): Promise<TreeWatchHandle>;
  multiRead(
    operations: readonly MultiReadOperation[],
    options?: WaitOptions,
  ): Promise<([Buffer | null, ZnodeStat] | string[] | ZookeeperError)[]>;

  /**
   * Removes a one-shot watch of any kind; if it was the last, removes the server's too.
   * Never rejects; harmless if the watch has already fired.
   */
  unwatch(path: string, listener: WatchListener): Promise<void>;
  /** Reports an error from a user's callback or from a recipe's background work: to the `error` event, else to the log. */
  reportError(error: unknown): void;
  /** Runs a user's callback in the same queue as watch callbacks (one at a time, each awaited). */
  dispatch(callback: () => unknown): void;
}
