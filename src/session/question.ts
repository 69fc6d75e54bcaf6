import { UnimplementedError, type ErrorContext } from '../base/errors.ts';
import { OPS, type OpName, type OpRow, type ResponseOf } from '../codec/ops.ts';
import type { Failure } from './failure.ts';
import { unimplemented } from './unimplemented.ts';

/** The common part of all calls of a kind, kept once: the operation sent to the server, and the result for the caller. */
export interface Question<K extends OpName = OpName, R = unknown> {
  readonly op: K;
  /** The caller's name for the operation, for the error. */
  readonly operation: string;
  /** Turns the reply into the caller's result. */
  readonly result: (body: ResponseOf<K>) => R;
}

/** A question of any kind. */
export interface AnyQuestion {
  readonly op: OpName;
  readonly operation: string;
  readonly result: (body: never) => unknown;
}

export function question<K extends OpName, R>(op: K, operation: string, result: (body: ResponseOf<K>) => R): Question<K, R> {
  return { op, operation, result };
}

/** The error for a failure of an operation. */
export function explain(failure: Failure, op: OpName, context: ErrorContext): unknown {
  const { since } = OPS[op] as OpRow;
  return failure.code === UnimplementedError.code && since !== undefined ? unimplemented(op, context) : failure.toError(context);
}
