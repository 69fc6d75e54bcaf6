import type { ACL } from '../base/security.ts';
import type { WatchListener } from '../base/states.ts';

/** What every call that waits takes. An abort rejects with `signal.reason`; a timeout (milliseconds) with OperationTimeoutError. */
export interface WaitOptions {
  signal?: AbortSignal | undefined;
  timeout?: number | undefined;
}

export interface ReadOptions extends WaitOptions {
  /** Told once, of the next change. */
  watch?: WatchListener | undefined;
}

export interface ChildrenOptions extends ReadOptions {
  /** Give the node's stat too. */
  includeData?: boolean | undefined;
}

export interface VersionOptions extends WaitOptions {
  /** The version expected; -1 (default) for any. */
  version?: number | undefined;
}

export interface DeleteOptions extends VersionOptions {
  /** Delete everything below, too; nothing to delete is fine then. */
  recursive?: boolean | undefined;
}

export interface CreateOptions extends WaitOptions {
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
