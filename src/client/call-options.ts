import type { ACL } from '../base/security.ts';
import type { WatchListener } from '../base/states.ts';

/** What every call that waits takes. An abort rejects with `signal.reason`; a timeout (milliseconds) with OperationTimeoutError. */
export interface WaitOptions {
  /** Gives the call up. */
  signal?: AbortSignal | undefined;
  /** Milliseconds, for the whole call. */
  timeout?: number | undefined;
}

/** What `get`, `exists` and `getConfig` take. */
export interface ReadOptions extends WaitOptions {
  /** Told once, of the next change. */
  watch?: WatchListener | undefined;
}

/** What `getChildren` takes. */
export interface ChildrenOptions extends ReadOptions {
  /** Give the node's stat too. */
  includeData?: boolean | undefined;
}

/** What `set` and `setAcls` take. */
export interface VersionOptions extends WaitOptions {
  /** The version expected; -1 (default) for any. */
  version?: number | undefined;
}

/** What `delete` takes. */
export interface DeleteOptions extends VersionOptions {
  /** Delete everything below, too; nothing to delete is fine then. */
  recursive?: boolean | undefined;
}

/** What `create` takes. */
export interface CreateOptions extends WaitOptions {
  /** Default, as for an empty list: the client's `defaultAcl`, else open to all. */
  acl?: ACL[] | undefined;
  /** Goes with the session. */
  ephemeral?: boolean | undefined;
  /** The server appends a number of ten digits, which grows with each child made. */
  sequence?: boolean | undefined;
  /** Make missing parents, persistent and with the same ACL. */
  makepath?: boolean | undefined;
  /** Give the node's stat too (ZooKeeper 3.5+). */
  includeData?: boolean | undefined;
  /** Goes when its last child has gone (ZooKeeper 3.5.1+). */
  container?: boolean | undefined;
  /** Milliseconds without change after which the childless node goes (ZooKeeper 3.5.3+, extended types enabled). */
  ttl?: number | undefined;
  /** Survive a lost reply: the node's name carries an id of ours, by which it is found again instead of being made twice. */
  protected?: boolean | undefined;
}

/** One read of a `multiRead`. */
export type MultiReadOperation = { get: string } | { getChildren: string };

/** What data may be given as. */
export type ZnodeData = string | Uint8Array | null;
