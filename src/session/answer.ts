import { TURN } from '../base/turn.ts';

/** Answers that have arrived but wait for the turn in which their promise settles. */
let late = 0;

/**
 * Settles a promise with the result of `make`, so that promises settle in the order of the calls of this function and of {@link failInTurn}.
 *
 * A result settles it at once. An error is created in a separate step that the promise follows, because only there the engine sees who awaits the promise,
 * and puts that into the error's stack; the promise settles two turns of the microtask queue later, and anything that comes meanwhile must take the same path.
 *
 *   [ error ][ result ][ result ] … turns …  settled in the same order      [ result ] settled at once
 */
export function giveInTurn<From, T>(settle: Settle, make: (from: From) => T, from: From): void {
  if (late > 0) return settleLate(settle, () => make(from));
  try {
    settle(make(from));
  } catch (error) {
    settle(Promise.reject(error));
  }
}

/** Like {@link giveInTurn}, with the error that `make` returns. */
export function failInTurn(settle: Settle, make: () => unknown): void {
  settleLate(settle, () => {
    throw make();
  });
}

/** Gives an error the stack of whoever awaits the promise, without our own frames: only for an error created for that promise, and within its `make`. */
export function seenByCaller<E extends Error>(error: E): E {
  Error.captureStackTrace(error, makeLate);
  return error;
}

/** The `resolve` of a promise. */
type Settle = (answer: unknown) => void;

function settleLate<T>(settle: Settle, make: () => T): void {
  late++;
  let begin!: (make: () => T) => void;
  settle(new Promise<() => T>((resolve) => (begin = resolve)).then(makeLate<T>));
  // Not before the promise follows: else the step would be over before the engine sees who awaits.
  begin(make);
}

function makeLate<T>(make: () => T): T {
  // In the next turn, right before the promise settles.
  void TURN.then(oneLess);
  return make();
}

function oneLess(): void {
  late--;
}
