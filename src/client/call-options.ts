import type { ACL } from '../base/security.ts';
import type { WatchListener } from '../base/states.ts';

/** Options of every call that waits. An abort rejects with `signal.reason`; a timeout (milliseconds) rejects with OperationTimeoutError. */
export interface WaitOptions {
  /** Aborts the call. */
  signal?: AbortSignal | undefined;
  /** Milliseconds, for the whole call. */
  timeout?: number | undefined;
}

/** Options of `get`, `exists` and `getConfig`. */
export interface ReadOptions extends WaitOptions {
  /** Called once, at the next change. */
  watch?: WatchListener | undefined;
}

/** Options of `getChildren`. */
export interface ChildrenOptions extends ReadOptions {
  /** Return the node's stat too. */
  includeData?: boolean | undefined;
}

/** Options of `set` and `setAcls`. */
export interface VersionOptions extends WaitOptions {
  /** The expected version; -1 (default) for any. */
  version?: number | undefined;
}

/** Options of `delete`. */
export interface DeleteOptions extends VersionOptions {
  /** Also delete everything below; then a missing node is no error. */
  recursive?: boolean | undefined;
}

/** Options of `create`. */
export interface CreateOptions extends WaitOptions {
  /** If missing or empty: the client's `defaultAcl`, else open to all. */
  acl?: ACL[] | undefined;
  /** The node is deleted when the session ends. */
  ephemeral?: boolean | undefined;
  /** The server appends a ten-digit number, which grows with each child created. */
  sequence?: boolean | undefined;
  /** Create missing parents, persistent and with the same ACL. */
  makepath?: boolean | undefined;
  /** Return the node's stat too (ZooKeeper 3.5+). */
  includeData?: boolean | undefined;
  /** The server deletes the node after its last child is gone (ZooKeeper 3.5.1+). */
  container?: boolean | undefined;
  /** The server deletes a childless node after this many milliseconds without change (ZooKeeper 3.5.3+, extended types enabled). */
  ttl?: number | undefined;
  /** Survive a lost reply: an id in the node's name lets the client find the node again instead of creating it twice, or remove it if the call is aborted or times out. */
  protected?: boolean | undefined;
}

/** One read of a `multiRead`. */
export type MultiReadOperation = { get: string } | { getChildren: string };

/** The forms in which data may be given. */
export type ZnodeData = string | Uint8Array | null;
