// Recipes on real ZooKeeper, beside Python Kazoo's.
import { ratio, sideBySide } from '../measure.mjs';
import { atLeast, markdownTable, times } from '../report.mjs';
import { layOut } from '../wire.mjs';

const TREE = { branches: 100, leaves: 99 }; // with the branches themselves: 10,000 nodes
const WATCHES = 5000;

const RECIPES = {
  lockCycle: { what: 'lock: acquire and release', goal: 3 },
  lockHandover: { what: 'lock contended by 4 clients: hand-over', goal: 3, job: { contenders: 4 } },
  queue: { what: 'queue: put 100 and get 100, 10 workers', goal: 3, job: { backlog: 100, workers: 10 } },
  queueAlone: { recipe: 'queue', what: 'queue: put 100 and get 100, one worker', goal: 3, job: { backlog: 100, workers: 1 } },
  counter: { what: 'counter: add', goal: 3 },
  treeCache: { what: 'TreeCache: load 10,000 nodes', goal: 10, job: { tree: '/bench/tree' }, fixed: 10_000 },
  watchFirings: { what: '5,000 watches fired', goal: 3, job: { watches: WATCHES }, fixed: WATCHES },
};

export async function recipes(context) {
  const address = await context.server('real');
  await layOut(address, [['/bench/py', ''], ['/bench/js', ''], ...treeNodes(), ...watchedNodes()]);
  const targets = [];
  const bars = [];
  for (const [name, { recipe = name, what, goal, job, fixed }] of Object.entries(RECIPES)) {
    context.progress(what);
    const outcome = await sideBySide(context.recipes, { address, recipe, ...job }, context.settings, { fixed });
    context.note(outcome, what);
    const measured = ratio(outcome, 'ours', 'python');
    targets.push(atLeast(`5. ${what}: rate relative to Python Kazoo`, measured, goal, times));
    bars.push({ label: what, values: { ours: measured, python: outcome.python?.rounds ? 1 : NaN } });
  }
  const rows = targets.map((t) => [t.what.slice(3), t.shown]);
  return {
    markdown: ['## Recipes against real ZooKeeper', markdownTable(['', 'measured'], rows)].join('\n\n'),
    targets,
    plot: { title: 'Recipes against real ZooKeeper: rate relative to Python Kazoo', bars },
  };
}

function treeNodes() {
  const nodes = [['/bench/tree', '']];
  for (let b = 0; b < TREE.branches; b++) {
    nodes.push([`/bench/tree/b${b}`]);
    for (let l = 0; l < TREE.leaves; l++) nodes.push([`/bench/tree/b${b}/l${l}`]);
  }
  return nodes;
}

function watchedNodes() {
  const paths = Array.from({ length: WATCHES }, (_, i) => [`/bench/watched/n${String(i).padStart(5, '0')}`]);
  return [['/bench/watched', ''], ...paths];
}
