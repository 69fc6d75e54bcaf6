import { errorForCode, type ErrorContext } from '../base/errors.ts';
import type { Exchange } from '../connection/connection.ts';

/**
 * Why a call failed, in place of its result.
 * The error itself is created behind the promise that the caller awaits: so it has the caller's stack, and a success costs nothing.
 */
export class Failure {
  readonly #code: number;
  readonly #make: (context: ErrorContext) => unknown;
  /** Whether `make` creates its error for this one call, which may then be changed. */
  readonly isOwn: boolean;

  private constructor(code: number, make: (context: ErrorContext) => unknown, isOwn: boolean) {
    this.#code = code;
    this.#make = make;
    this.isOwn = isOwn;
  }

  /** A failure with one of ZooKeeper's codes. */
  static ofCode(code: number, cause?: unknown): Failure {
    return new Failure(code, ({ operation, path }) => errorForCode(code, { operation, path, cause }), true);
  }

  /** A failure with an error that `make` creates for each call. */
  static of(make: (context: ErrorContext) => Error): Failure {
    return new Failure(0, make, true);
  }

  /** A failure whose error `make` returns; thrown unchanged, for example a signal's reason. */
  static ofError(make: (context: ErrorContext) => unknown): Failure {
    return new Failure(0, make, false);
  }

  /** ZooKeeper's code; 0 if it has none. */
  get code(): number {
    return this.#code;
  }

  toError(context: ErrorContext): unknown {
    return this.#make(context);
  }
}

/** Fails all calls. */
export function failAll(calls: readonly Exchange[], error: Error): void {
  for (const call of calls) call.fail(error);
}
