// Side by side: every peer is started and warmed up, then they take turns, one round each at a time.
import { LineProcess } from './line-process.mjs';

/**
 * Measures `job` with each of `peers` (a map of name to command). Gives, for each, { version, rounds: [{ ops, seconds, cpuSeconds, … }] },
 * the rounds of all being aligned: round i of one ran in turn with round i of another. A peer that fails has { error } instead.
 * `fixed` says how many ops a run is (a number, or one for each peer); otherwise a run takes about `settings.roundSeconds`.
 */
export async function sideBySide(peers, job, settings, { fixed } = {}) {
  const outcome = {};
  const workers = new Map();
  const trying = async (name, action) => {
    try {
      await action();
    } catch (error) {
      outcome[name] = { error: error.message };
      await workers.get(name)?.worker.end(0);
      workers.delete(name);
    }
  };
  for (const [name, command] of Object.entries(peers)) {
    await trying(name, async () => {
      const worker = new LineProcess(name, command(job));
      workers.set(name, { worker });
      const { version } = await worker.json(30_000);
      outcome[name] = { version, rounds: [] };
      workers.get(name).count = await warmUp(worker, fixed?.[name] ?? fixed, settings, name);
    });
  }
  for (let round = 0; round < settings.rounds; round++) {
    for (const [name, { worker, count }] of rotated([...workers], round)) {
      await trying(name, async () => outcome[name].rounds.push(await runOnce(worker, count)));
    }
  }
  await Promise.all([...workers.values()].map(({ worker }) => worker.end()));
  return outcome;
}

/** Each round begins with another peer, so that none has always the same one before it. */
function rotated(list, by) {
  const first = by % Math.max(1, list.length);
  return [...list.slice(first), ...list.slice(0, first)];
}

export const rate = (run) => run.ops / run.seconds;
export const cpuMicros = (run) => (run.cpuSeconds / run.ops) * 1e6;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median over the rounds of figure(a) / figure(b); NaN if either is missing. */
export function ratio(outcome, a, b, figure = rate) {
  const [one, two] = [outcome[a], outcome[b]];
  if (!one?.rounds || !two?.rounds) return NaN;
  return median(one.rounds.map((run, i) => figure(run) / figure(two.rounds[i])));
}

/** The median over the rounds of one figure; NaN if missing. */
export function typical(outcome, name, figure = rate) {
  const rounds = outcome[name]?.rounds;
  return rounds?.length ? median(rounds.map(figure)) : NaN;
}

const WARM_OPS = 20_000;

/** Runs until it has run long enough to be compiled, and gives the count that takes about a round. */
async function warmUp(worker, fixed, { roundSeconds, warmSeconds }, name) {
  if (fixed) {
    await runOnce(worker, fixed);
    return fixed;
  }
  let count = 100;
  const enough = warmSeconds * (name === 'java' ? 2 : 1);
  // On a machine that has other things to do, the time alone may pass before anything is compiled.
  for (let spent = 0, done = 0; spent < enough || (done < WARM_OPS && spent < 2 * enough);) {
    const run = await runOnce(worker, count);
    spent += run.seconds;
    done += run.ops;
    count = Math.max(100, Math.ceil((rate(run) * roundSeconds) / 100) * 100);
    count = Math.min(count, run.ops * 20);
  }
  return count;
}

async function runOnce(worker, count) {
  worker.say(`run ${count}`);
  return worker.json();
}
