import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects all garbage, at once. What a WeakRef points to is kept to the end of the turn in which that was asked: let one go by. */
export const collectGarbage = runInNewContext('gc') as () => void;
