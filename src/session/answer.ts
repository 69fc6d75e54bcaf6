import { TURN } from '../base/turn.ts';

/** Answers that have come but wait for the turn in which their promise settles. */
let late = 0;

/**
 * Settles a promise with what `make` gives, so that promises settle in the order of the calls of this function and of {@link failInTurn}.
 *
 * A result is given at once. An error is made in a step of its own that the promise follows, for only there does the engine see who awaits the promise,
 * and puts that into the error's stack; the promise settles two turns of the microtask queue later, and what comes meanwhile must go the same way.
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

/** The same, with the error that `make` gives. */
export function failInTurn(settle: Settle, make: () => unknown): void {
  settleLate(settle, () => {
    throw make();
  });
}

/** The same error with the stack of whoever awaits the promise, without the steps of ours: only for one that was made for it, and within its `make`. */
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
  // Not before the promise follows: the step would be over, and nobody seen.
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
