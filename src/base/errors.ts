import { ConnectionDropped, KazooException, keepNames } from './exceptions.ts';

export * from './exceptions.ts';

/** The context of an error: the operation and the node. */
export interface ErrorContext {
  readonly path?: string | undefined;
  readonly operation?: string | undefined;
  readonly cause?: unknown;
}

/**
 * An error with one of ZooKeeper's codes. Usually one of the subclasses below; plain for a code without a class in this package.
 *
 * `path` and `operation` say what was requested; they are absent if the error concerns no single node.
 */
export class ZookeeperError extends KazooException {
  /** ZooKeeper's code for this error; 0 for a class without a code. */
  static readonly code: number = 0;
  static readonly meaning: string = 'the server refused the request';
  readonly code: number;
  /** The node concerned, without the chroot. */
  declare readonly path?: string;
  /** The method called, such as `create`. */
  declare readonly operation?: string;

  constructor(message?: string, context: ErrorContext & { code?: number | undefined } = {}) {
    const code = context.code ?? new.target.code;
    super(
      message ?? describe(new.target.meaning, code, context),
      context.cause === undefined ? undefined : { cause: context.cause },
    );
    this.code = code;
    // The empty path means the root.
    if (context.path !== undefined) this.path = context.path || '/';
    if (context.operation !== undefined) this.operation = context.operation;
  }
}

function describe(meaning: string, code: number, context: ErrorContext): string {
  const { cause } = context;
  // Only the cause knows the exceeded limit, and the option that sets it.
  const why = code === MarshallingError.code && cause instanceof Error ? `: ${cause.message}` : '';
  return `${subjectOf(context)}${meaning} (code ${code})${why}`;
}

/** The start of a message: the operation and the node. */
export function subjectOf({ operation, path }: ErrorContext): string {
  const words = [operation, path === '' ? '/' : path].filter((word) => word !== undefined);
  return words.length === 0 ? '' : `${words.join(' ')}: `;
}

/** An operation of a transaction, undone because a later one failed. */
export class RolledBackError extends ZookeeperError {
  static override readonly code = 0;
  static override readonly meaning: string = 'rolled back, because another operation of the transaction failed';
}
export class SystemZookeeperError extends ZookeeperError {
  static override readonly code = -1;
  static override readonly meaning: string = 'system error';
}
/** An operation of a transaction, not attempted because an earlier one failed. */
export class RuntimeInconsistency extends ZookeeperError {
  static override readonly code = -2;
  static override readonly meaning: string = 'not attempted, because an earlier operation of the transaction failed';
}
export class DataInconsistency extends ZookeeperError {
  static override readonly code = -3;
  static override readonly meaning: string = 'data inconsistency';
}
/** The connection was lost before the reply arrived: whether the request took effect is unknown. */
export class ConnectionLoss extends ZookeeperError {
  static override readonly code = -4;
  static override readonly meaning =
    'the connection was lost before the reply came; the request may or may not have taken effect';
}
export class MarshallingError extends ZookeeperError {
  static override readonly code = -5;
  static override readonly meaning: string = 'the request or the reply could not be read';
}
export class UnimplementedError extends ZookeeperError {
  static override readonly code = -6;
  static override readonly meaning: string = 'the server does not know this operation, or has the feature turned off';
}
/** The call's own `timeout` expired: whether the request took effect is unknown. */
export class OperationTimeoutError extends ZookeeperError {
  static override readonly code = -7;
  static override readonly meaning: string = 'the time limit of the call expired';
}
export class BadArgumentsError extends ZookeeperError {
  static override readonly code = -8;
  static override readonly meaning: string = 'the server refused the arguments';
}
export class UnknownSessionError extends ZookeeperError {
  static override readonly code = -12;
  static override readonly meaning: string = 'unknown session';
}
export class NewConfigNoQuorumError extends ZookeeperError {
  static override readonly code = -13;
  static override readonly meaning: string = 'no quorum of the new configuration is connected to the leader';
}
export class ReconfigInProcessError extends ZookeeperError {
  static override readonly code = -14;
  static override readonly meaning: string = 'another reconfiguration is in progress';
}
export class APIError extends ZookeeperError {
  static override readonly code = -100;
  static override readonly meaning: string = 'API error';
}
export class NoNodeError extends ZookeeperError {
  static override readonly code = -101;
  static override readonly meaning: string = 'the node does not exist';
}
export class NoAuthError extends ZookeeperError {
  static override readonly code = -102;
  static override readonly meaning: string = 'the ACL does not permit it';
}
export class BadVersionError extends ZookeeperError {
  static override readonly code = -103;
  static override readonly meaning: string = 'the version differs from the one expected';
}
export class NoChildrenForEphemeralsError extends ZookeeperError {
  static override readonly code = -108;
  static override readonly meaning: string = 'an ephemeral node cannot have children';
}
export class NodeExistsError extends ZookeeperError {
  static override readonly code = -110;
  static override readonly meaning: string = 'the node already exists';
}
export class NotEmptyError extends ZookeeperError {
  static override readonly code = -111;
  static override readonly meaning: string = 'the node has children';
}
/** The server ended the session; its ephemeral nodes are gone. */
export class SessionExpiredError extends ZookeeperError {
  static override readonly code: number = -112;
  static override readonly meaning: string = 'the session has expired';
}
export class InvalidCallbackError extends ZookeeperError {
  static override readonly code = -113;
  static override readonly meaning: string = 'invalid callback';
}
export class InvalidACLError extends ZookeeperError {
  static override readonly code = -114;
  static override readonly meaning: string = 'the ACL is not valid';
}
export class AuthFailedError extends ZookeeperError {
  static override readonly code = -115;
  static override readonly meaning: string = 'authentication failed';
}
export class SessionMovedError extends ZookeeperError {
  static override readonly code = -118;
  static override readonly meaning: string = 'the session moved to another server';
}
export class NotReadOnlyCallError extends ZookeeperError {
  static override readonly code = -119;
  static override readonly meaning: string = 'a write was sent to a read-only server';
}
export class EphemeralOnLocalSessionError extends ZookeeperError {
  static override readonly code = -120;
  static override readonly meaning: string = 'a local session cannot own ephemeral nodes';
}
export class NoWatcherError extends ZookeeperError {
  static override readonly code = -121;
  static override readonly meaning: string = 'there is no such watch';
}
export class RequestTimeoutError extends ZookeeperError {
  static override readonly code = -122;
  static override readonly meaning: string = 'the request timed out';
}
export class ReconfigDisabledError extends ZookeeperError {
  static override readonly code = -123;
  static override readonly meaning: string = 'reconfiguration is disabled on the server (reconfigEnabled)';
}
export class SessionClosedRequireSaslError extends ZookeeperError {
  static override readonly code = -124;
  static override readonly meaning: string = 'the server requires SASL authentication and closed the session';
}
export class QuotaExceededError extends ZookeeperError {
  static override readonly code = -125;
  static override readonly meaning: string = 'a quota would be exceeded';
}
export class ThrottledOpError extends ZookeeperError {
  static override readonly code = -127;
  static override readonly meaning: string = 'the server throttled the request and did not execute it';
}

/**
 * The client is not running: it was never started, or it was stopped.
 * A `SessionExpiredError` in Kazoo's hierarchy, but never retried (Kazoo RE-2).
 */
export class ConnectionClosedError extends SessionExpiredError {
  static override readonly meaning: string = 'the client is not running';
}

/** Every class for a server's error code, once. */
const CODED = {
  RolledBackError,
  SystemZookeeperError,
  RuntimeInconsistency,
  DataInconsistency,
  ConnectionLoss,
  MarshallingError,
  UnimplementedError,
  OperationTimeoutError,
  BadArgumentsError,
  UnknownSessionError,
  NewConfigNoQuorumError,
  ReconfigInProcessError,
  APIError,
  NoNodeError,
  NoAuthError,
  BadVersionError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NotEmptyError,
  SessionExpiredError,
  InvalidCallbackError,
  InvalidACLError,
  AuthFailedError,
  SessionMovedError,
  NotReadOnlyCallError,
  EphemeralOnLocalSessionError,
  NoWatcherError,
  RequestTimeoutError,
  ReconfigDisabledError,
  SessionClosedRequireSaslError,
  QuotaExceededError,
  ThrottledOpError,
} as const;

/** Code to class, Kazoo's `EXCEPTIONS`. */
export const EXCEPTIONS: ReadonlyMap<number, typeof ZookeeperError> = new Map(
  Object.values(CODED).map((type) => [type.code, type]),
);

/** The error for a server's code; a plain {@link ZookeeperError} if the code is unknown. */
export function errorForCode(code: number, context: ErrorContext = {}): ZookeeperError {
  const type = EXCEPTIONS.get(code);
  if (type !== undefined) return new type(undefined, context);
  return new ZookeeperError(describe('the server answered with an unknown error code', code, context), { ...context, code });
}

/** One failed attempt to reach a server. */
export interface ConnectFailure {
  /** As configured. */
  readonly host: string;
  readonly port: number;
  /** The address dialled, or null if the name did not resolve. */
  readonly address: string | null;
  readonly cause: Error;
}

/** The message of an error, with a line for each server that could not be reached; and its cause, if there were any. */
export function unreached(
  message: string,
  failures: readonly ConnectFailure[],
): [message: string, options?: { cause: AggregateError }] {
  const errors = failures.map(
    ({ host, port, address, cause }) =>
      new ConnectionDropped(`${host}:${port} (${address ?? 'not resolved'}): ${cause.message}`, { cause }),
  );
  const lines = [message, ...errors.map((error) => `  ${error.message}`)].join('\n');
  return errors.length === 0 ? [lines] : [lines, { cause: new AggregateError(errors, 'no server could be reached') }];
}

/** `start()` did not reach a server in time; `failures` (and `cause`, an AggregateError) say why, server by server. */
export class KazooTimeoutError extends KazooException {
  /** The last failure of each address tried; having no answer yet counts as one. */
  readonly failures: readonly ConnectFailure[];

  constructor(message: string, failures: readonly ConnectFailure[] = []) {
    super(...unreached(message, failures));
    this.failures = failures;
  }
}

/** An operation of a transaction. */
export interface TransactionOperation {
  readonly type: 'create' | 'delete' | 'setData' | 'check';
  readonly path: string;
}

/** A transaction was refused; nothing took effect. `index` and `op` name the failed operation; `cause` is its own error. */
export class TransactionError extends KazooException {
  /** The index of the failed operation, from 0. */
  readonly index: number;
  readonly op: TransactionOperation;
  readonly path: string;
  readonly code: number;
  /** The results, as {@link TransactionRequest.commit} returns them. */
  readonly results: readonly unknown[];

  constructor(index: number, op: TransactionOperation, results: readonly unknown[], cause: ZookeeperError) {
    super(`operation ${index} of the transaction failed, and all were rolled back: ${cause.message}`, { cause });
    this.index = index;
    this.op = op;
    this.path = op.path || '/';
    this.code = cause.code;
    this.results = results;
  }
}

keepNames({ ...CODED, ZookeeperError, ConnectionClosedError, KazooTimeoutError, TransactionError });
