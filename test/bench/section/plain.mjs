// Plain operations: against the canned responder (several and one in flight), real ZooKeeper and the embedded server.
import { CORES, allOn } from '../cores.mjs';
import { NAMES } from '../install.mjs';
import { cpuMicros, ratio, sideBySide, typical } from '../measure.mjs';
import { atLeast, atMost, markdownTable, times } from '../report.mjs';

const OPERATIONS = ['get', 'set', 'create', 'exists', 'getChildren'];
/**
 * How many times as many rounds there are where much depends on the machine's scheduler: one request in flight, and real ZooKeeper,
 * which sends some replies together and others by themselves.
 */
const PATIENCE = 2;
/** Where the peers run, beside a responder that has one core. */
const PLACES = [['', CORES?.clients], ...(CORES === undefined ? [] : [[' on one core', CORES.one]])];
const RIVALS = ['nzc', 'native', 'java', 'python'];

async function measure(context, address, inFlight, { operations = OPERATIONS, rawEach = false, cores } = {}) {
  const outcomes = {};
  const { rawEach: each, ...others } = context.peers;
  const peers = allOn(cores, rawEach ? { ...others, rawEach: each } : others);
  for (const op of operations) {
    context.progress(`${op}, ${inFlight} in flight`);
    outcomes[op] = await sideBySide(peers, { address, op, inFlight }, context.settings);
    context.note(outcomes[op], `${op}, ${inFlight} in flight`);
  }
  return outcomes;
}

export async function throughput(context) {
  const outcomes = await measure(context, await context.server('canned'), 256, { rawEach: true });
  const targets = Object.entries(outcomes).flatMap(([op, o]) => [
    atLeast(`1. ${op}: rate relative to node-zookeeper-client`, ratio(o, 'ours', 'nzc'), 10, times),
    atLeast(`1. ${op}: rate relative to the Java client`, ratio(o, 'ours', 'java'), 8, times),
    atLeast(`1. ${op}: rate relative to the raw socket`, ratio(o, 'ours', 'raw'), 1 / 3, times),
    atLeast(`1. ${op}: rate relative to the raw socket with single writes`, ratio(o, 'ours', 'rawEach'), 1 / 3, times),
    atMost(`1. ${op}: client CPU`, typical(o, 'ours', cpuMicros), 2, micros),
  ]);
  return section('Against the canned responder, 256 in flight', outcomes, targets);
}

/** The round trip twice, where cores can be told apart: with the responder on another core, as a server is, and on the same, where nobody is woken and only code costs time. */
export async function latency(context) {
  const settings = patiently(context.settings);
  const address = await context.server('canned', CORES?.one);
  const parts = [];
  for (const [where, cores] of PLACES) {
    const outcomes = await measure({ ...context, settings }, address, 1, { cores });
    const targets = Object.entries(outcomes).map(([op, o]) =>
      atMost(`2. ${op}: round-trip time${where} relative to the raw socket`, ratio(o, 'raw', 'ours'), 1.15, times),
    );
    parts.push(section(`Against the canned responder, one in flight${where}, ${settings.rounds} rounds`, outcomes, targets));
  }
  return joined(parts);
}

export async function real(context) {
  const address = await context.server('real', CORES?.servers);
  const settings = patiently(context.settings);
  const parts = [];
  for (const [inFlight, label] of [
    [256, '256 in flight'],
    [1, 'one in flight'],
  ]) {
    const outcomes = await measure({ ...context, settings }, address, inFlight, { cores: CORES?.clients });
    parts.push(section(`Against real ZooKeeper, ${label}, ${settings.rounds} rounds`, outcomes, realTargets(outcomes, label)));
  }
  return joined(parts);
}

export async function embedded(context) {
  const outcomes = await measure(context, await context.server('embedded'), 256, { operations: ['get', 'set', 'create'] });
  return section('Against the embedded server in another process, 256 in flight', outcomes, []);
}

/** Several parts as one section, with the plot of the first. */
function joined(parts) {
  return {
    markdown: parts.map((part) => part.markdown).join('\n\n'),
    targets: parts.flatMap((part) => part.targets),
    plot: parts[0].plot,
  };
}

function patiently(settings) {
  return { ...settings, rounds: settings.rounds * PATIENCE };
}

function realTargets(outcomes, label) {
  return Object.entries(outcomes).flatMap(([op, o]) => [
    atLeast(
      `3. ${op}, ${label}: rate relative to the fastest peer`,
      Math.min(...RIVALS.map((r) => ratio(o, 'ours', r)).filter((x) => !Number.isNaN(x))),
      1,
      times,
    ),
    atMost(`3. ${op}, ${label}: client CPU relative to the raw socket`, ratio(o, 'ours', 'raw', cpuMicros), 1.3, times),
  ]);
}

function section(title, outcomes, targets) {
  const rows = (names, cell) => Object.entries(outcomes).map(([op, o]) => [op, ...names.map((name) => cell(o, name))]);
  const all = Object.keys(NAMES).filter((n) => n !== 'rawEach' || Object.values(outcomes).some((o) => n in o));
  const markdown = [
    `## ${title}`,
    'Rate relative to the raw socket:',
    markdownTable(
      ['', ...all.map((n) => NAMES[n])],
      rows(all, (o, n) => times(ratio(o, n, 'raw'))),
    ),
    "This package's rate relative to each peer:",
    markdownTable(
      ['', ...RIVALS.map((n) => NAMES[n])],
      rows(RIVALS, (o, n) => times(ratio(o, 'ours', n))),
    ),
    'Client CPU per operation, all threads:',
    markdownTable(
      ['', ...all.map((n) => NAMES[n])],
      rows(all, (o, n) => micros(typical(o, n, cpuMicros))),
    ),
  ].join('\n\n');
  const bars = Object.entries(outcomes).map(([op, o]) => ({
    label: op,
    values: Object.fromEntries(all.map((n) => [n, ratio(o, n, 'raw')])),
  }));
  return { markdown, targets, plot: { title: `${title}: rate relative to the raw socket`, bars } };
}

function micros(value) {
  return Number.isFinite(value) ? `${value.toFixed(value < 10 ? 2 : 0)} µs` : '–';
}
