/** Settled already: `TURN.then(f)` runs `f` in the next turn of the microtask queue, for less than `queueMicrotask` takes. */
export const TURN = Promise.resolve();
