import { create, deletion, sequential } from './create.ts';
import { multi } from './multi.ts';
import { reads } from './reads.ts';
import { setData } from './set-data.ts';
import { persistentWatches, removedWatches, setWatches, standardWatches } from './watches.ts';
import type { Probe } from './trial.ts';

/** Every statement of the list of server behaviours, in its order: those on a fresh server come first. */
export const PROBES: readonly Probe[] = [
  ...create,
  ...sequential,
  ...deletion,
  ...setData,
  ...reads,
  ...multi,
  ...standardWatches,
  ...persistentWatches,
  ...removedWatches,
  ...setWatches,
];
