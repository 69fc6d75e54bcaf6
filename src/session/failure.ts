import { errorForCode, type ErrorContext } from '../base/errors.ts';
import type { Exchange } from '../connection/connection.ts';

/**
 * Why a call failed, in place of its result.
 * The error itself is made behind the promise that the caller awaits: so its stack is the caller's, and a success pays nothing for it.
 */
export class Failure {
  readonly #code: number;
  readonly #cause: unknown;
  readonly #error: unknown;

  private constructor(code: number, cause: unknown, error: unknown) {
    this.#code = code;
    this.#cause = cause;
    this.#error = error;
  }

  /** One of ZooKeeper's codes. */
  static ofCode(code: number, cause?: unknown): Failure {
    return new Failure(code, cause, undefined);
  }

  /** To be thrown as it is: a signal's reason, for one. */
  static ofError(make: (context: ErrorContext) => unknown): Failure {
    return new Failure(0, undefined, make);
  }

  get code(): number {
    return this.#code;
  }

  toError(context: ErrorContext): unknown {
    if (this.#error !== undefined) return (this.#error as (context: ErrorContext) => unknown)(context);
    const { operation, path } = context;
    return errorForCode(this.#code, { operation, path, cause: this.#cause });
  }
}

/** Ends calls that nothing will come of any more. */
export function failAll(calls: readonly Exchange[], error: Error): void {
  for (const call of calls) call.fail(error);
}
