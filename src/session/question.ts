import { UnimplementedError, type ErrorContext } from '../base/errors.ts';
import { OPS, type OpName, type OpRow, type ResponseOf } from '../codec/ops.ts';
import type { Failure } from './failure.ts';
import { unimplemented } from './unimplemented.ts';

/** What all calls of a kind have in common, so that each of them need not have it: what the server is asked, and what the caller is told. */
export interface Question<K extends OpName = OpName, R = unknown> {
  readonly op: K;
  /** What the caller calls it: for the error. */
  readonly operation: string;
  /** Makes of the reply what the caller is given. */
  readonly result: (body: ResponseOf<K>) => R;
}

/** A question of some kind or other. */
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
