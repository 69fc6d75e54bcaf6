/** Already settled: `TURN.then(f)` runs `f` in the next turn of the microtask queue, and is cheaper than `queueMicrotask`. */
export const TURN = Promise.resolve();
