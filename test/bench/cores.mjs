// Which cores the processes run on. Left to itself the scheduler puts a client and its server on one core or on two as it happens, and with few requests
// in flight that decides more than the client does: nobody has to be woken on another core, or everybody has.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const HALF = cpus().length >> 1;
const CAN = HALF > 0 && spawnSync('taskset', ['-c', '0', process.execPath, '-e', '0'], { stdio: 'ignore' }).status === 0;

/** The lower and the upper half of the cores, and one of the latter; undefined where processes cannot be bound to cores. */
export const CORES = CAN ? { clients: `0-${HALF - 1}`, servers: `${HALF}-${2 * HALF - 1}`, one: `${HALF}` } : undefined;

/** A command as it is started on these cores; unbound where they are undefined. */
export function on(cores, [command, args, env]) {
  return cores === undefined ? [command, args, env] : ['taskset', ['-c', cores, command, ...args], env];
}

/** The same for several peers, each a map of a job to a command. */
export function allOn(cores, peers) {
  return Object.fromEntries(Object.entries(peers).map(([name, command]) => [name, (job) => on(cores, command(job))]));
}
