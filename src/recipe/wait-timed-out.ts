import { OperationTimeoutError } from '../base/errors.ts';

/** The error of a recipe's call that timed out. */
export function waitTimedOut(path: string, operation: string): OperationTimeoutError {
  return new OperationTimeoutError(undefined, { path, operation });
}
