import { accounting, administration } from './accounting.ts';
import { acl, sasl } from './acl.ts';
import { create, deletion, sequential } from './create.ts';
import { handshake, initialTree } from './handshake.ts';
import { lifetimes, quota } from './lifetimes.ts';
import { multi } from './multi.ts';
import { reads } from './reads.ts';
import { setData } from './set-data.ts';
import { persistentWatches, removedWatches, setWatches, standardWatches } from './watches.ts';
import type { Probe } from './trial.ts';

/** Every statement of the list of server behaviours, in its order but for the first: those want a server nobody has written to. */
export const PROBES: readonly Probe[] = [
  ...initialTree,
  ...handshake,
  ...create,
  ...sequential,
  ...deletion,
  ...setData,
  ...reads,
  ...acl,
  ...sasl,
  ...multi,
  ...standardWatches,
  ...persistentWatches,
  ...removedWatches,
  ...setWatches,
  ...lifetimes,
  ...quota,
  ...accounting,
  ...administration,
];
