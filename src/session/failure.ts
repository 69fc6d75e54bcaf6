import { errorForCode, type ErrorContext } from '../base/errors.ts';
import type { Exchange } from '../connection/connection.ts';

/**
 * Why a call failed, in place of its result.
 * The error itself is made behind the promise that the caller awaits: so its stack is the caller's, and a success pays nothing for it.
 */
export class Failure {
  readonly #code: number;
  readonly #make: (context: ErrorContext) => unknown;

  private constructor(code: number, make: (context: ErrorContext) => unknown) {
    this.#code = code;
    this.#make = make;
  }

  /** One of ZooKeeper's codes. */
  static ofCode(code: number, cause?: unknown): Failure {
    return new Failure(code, ({ operation, path }) => errorForCode(code, { operation, path, cause }));
  }

  /** What `make` gives is thrown as it is: a signal's reason, for one. */
  static ofError(make: (context: ErrorContext) => unknown): Failure {
    return new Failure(0, make);
  }

  /** 0 for one that is none of ZooKeeper's. */
  get code(): number {
    return this.#code;
  }

  toError(context: ErrorContext): unknown {
    return this.#make(context);
  }
}

/** Ends calls that nothing will come of any more. */
export function failAll(calls: readonly Exchange[], error: Error): void {
  for (const call of calls) call.fail(error);
}
