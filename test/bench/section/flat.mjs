// What must not grow faster than its size: requests in flight, watches, lists of children, values.
import { node } from '../install.mjs';
import { cpuMicros, median, ratio, sideBySide, typical } from '../measure.mjs';
import { atMost, markdownTable, times } from '../report.mjs';

const FLAT = node('peer/ours-flat.mjs', ['--expose-gc']);
const WATCHES = { few: 1000, many: 100_000 };
const SIZES = {
  getChildren: { few: 10_000, many: 100_000, unit: 'name' },
  get: { few: 100_000, many: 1_000_000, unit: 'byte' },
  set: { few: 100_000, many: 1_000_000, unit: 'byte' },
};

export async function flat(context) {
  const address = await context.server('canned');
  const parts = [await inFlight(context, address), await watches(context, address)];
  for (const kind of Object.keys(SIZES)) parts.push(await sizes(context, address, kind));
  const targets = parts.flat();
  const markdown = [
    '## Flat cost',
    markdownTable(
      ['', 'measured'],
      targets.map((t) => [t.what.slice(3), t.shown]),
    ),
  ].join('\n\n');
  return { markdown, targets };
}

async function inFlight(context, address) {
  context.progress('10,000 in flight and 256');
  const peers = {
    few: (job) => context.peers.ours({ ...job, inFlight: 256 }),
    many: (job) => context.peers.ours({ ...job, inFlight: 10_000 }),
  };
  const outcome = await sideBySide(peers, { address, op: 'get' }, context.settings);
  context.note(outcome, 'flat cost');
  return [atMost('4. CPU of a get at 10,000 in flight relative to 256', ratio(outcome, 'many', 'few', cpuMicros), 1.5, times)];
}

async function watches(context, address) {
  context.progress('100,000 watches and 1,000');
  const peers = { few: (job) => FLAT({ ...job, size: WATCHES.few }), many: (job) => FLAT({ ...job, size: WATCHES.many }) };
  // Few are done ten times over, so that both take long enough to tell.
  const counts = { few: WATCHES.few * 10, many: WATCHES.many };
  const outcome = await sideBySide(peers, { address, kind: 'watches' }, context.settings, { fixed: counts });
  context.note(outcome, 'flat cost');
  const per = (figure) => (run) => run[figure] / run.ops;
  return [
    atMost('4. setting a watch, 100,000 watches relative to 1,000', ratio(outcome, 'many', 'few', per('setSeconds')), 1.5, times),
    atMost(
      '4. restoring a watch, 100,000 watches relative to 1,000',
      ratio(outcome, 'many', 'few', per('restoreSeconds')),
      1.5,
      times,
    ),
    atMost('4. firing a watch, 100,000 watches relative to 1,000', ratio(outcome, 'many', 'few', per('fireSeconds')), 1.5, times),
    atMost(
      '4. heap of 100,000 watches',
      typical(outcome, 'many', (run) => run.heapMiB),
      40,
      (x) => unit(x, 'MiB'),
    ),
  ];
}

async function sizes(context, address, kind) {
  const { few, many, unit: what } = SIZES[kind];
  context.progress(`${kind} of ${many} ${what}s and ${few}`);
  const peers = { few: (job) => FLAT({ ...job, size: few }), many: (job) => FLAT({ ...job, size: many }) };
  const outcome = await sideBySide(peers, { address, kind }, context.settings, { fixed: { few: many * 10, many: many * 10 } });
  context.note(outcome, 'flat cost');
  const label = `${kind} of ${many.toLocaleString('en')} ${what}s`;
  return [
    atMost(`4. ${label}: time per ${what} relative to ${few.toLocaleString('en')}`, ratio(outcome, 'few', 'many'), 1.5, times),
    atMost(`4. ${label}: longest event-loop stall`, stall(outcome), 50, (x) => unit(x, 'ms')),
  ];
}

function stall(outcome) {
  return outcome.many?.rounds ? median(outcome.many.rounds.map((run) => run.longestStall)) : NaN;
}

function unit(value, name) {
  return Number.isFinite(value) ? `${value.toFixed(1)} ${name}` : '–';
}
