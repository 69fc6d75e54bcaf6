import { accounting, administration } from './accounting.ts';
import { acl, sasl } from './acl.ts';
import { create, deletion, sequential } from './create.ts';
import { handshake, initialTree } from './handshake.ts';
import { lifetimes, quota } from './lifetimes.ts';
import { multi } from './multi.ts';
import { reads } from './reads.ts';
import { setData } from './set-data.ts';
import { persistentWatches, removedWatches, setWatches, standardWatches } from './watches.ts';
import { since, type Probe } from './trial.ts';

/** Statements that need an operation of 3.6 for being put, and those that hold since then. */
const NEED_3_6 = new Set(
  `A-14 A-16 H-38 I-09 I-10 L-16 M-28 M-29 M-30 M-31 R-15 R-16 R-17 R-18 V-01 V-02 V-03 V-04 V-05 V-07 V-08 V-10 V-12 V-13 V-14 V-17 V-19 V-20 X-11 Y-09 Y-13 Z-03 Z-05`.split(
    /\s+/,
  ),
);
const HOLD_SINCE_3_6 = new Set(['A-50', 'C-06', 'D-12', 'L-15', 'N-02']);

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
].map((probe) => withAge(probe));

function withAge(probe: Probe): Probe {
  const reason = NEED_3_6.has(probe.id) ? 'an operation it needs came' : HOLD_SINCE_3_6.has(probe.id) ? 'this holds' : undefined;
  if (reason === undefined) return probe;
  const age = since('3.6.0', reason);
  return { ...probe, skipOn: (target) => age(target) ?? probe.skipOn(target) };
}
