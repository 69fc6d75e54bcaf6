// Targets, tables, and docs/performance.md.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { NAMES, ZOOKEEPER } from './install.mjs';

const TRIED = new URL('tried.md', import.meta.url);

/** A target that is met from `limit` up. `show` formats a figure. */
export function atLeast(what, measured, limit, show) {
  return { what, measured, shown: show(measured), goal: `at least ${show(limit)}`, met: measured >= limit };
}

/** A target that is met up to `limit`. */
export function atMost(what, measured, limit, show) {
  return { what, measured, shown: show(measured), goal: `at most ${show(limit)}`, met: measured <= limit };
}

/** A ratio as people read it: `12x`, `0.34x`. */
export function times(value) {
  if (!Number.isFinite(value)) return '–';
  if (value < 0.0995) return `${Number(value.toPrecision(2))}x`;
  return `${value.toFixed(value < 9.95 ? 2 : value < 99.5 ? 1 : 0)}x`;
}

export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

export function targetTable(targets) {
  const rows = targets.map((t) => [
    t.what,
    t.shown,
    t.goal,
    Number.isNaN(t.measured) ? 'not measured' : t.met ? 'yes' : '**no**',
  ]);
  return markdownTable(['target', 'measured', 'goal', 'met'], rows);
}

/** The whole page. "What was tried" is written by hand, in tried.md. */
export function page({ sections, versions, missing, settings, packageVersion, date }) {
  const targets = sections.flatMap((section) => section.targets);
  const measured = targets.filter((t) => !Number.isNaN(t.measured));
  const parts = [
    '# Performance',
    '_Written by `npm run bench`; change the bench, not this page._',
    `Every figure is a ratio between processes that ran side by side in one run: the peers took turns, ${settings.rounds} rounds of about ` +
      `${settings.roundSeconds} s each after warming up; a ratio is taken within each round, and the median over the rounds is given. ` +
      'One connection, 100-byte values, each peer by its public interface, in a process of its own.',
    '![Rates beside the peers](performance.svg)',
    `${measured.filter((t) => t.met).length} of ${measured.length} measured targets were met in this run.`,
    '## Machine and versions',
    machine(versions, packageVersion, date),
    ...(missing.length > 0 ? [`Left out of this run:\n\n${missing.map((line) => `- ${line}`).join('\n')}`] : []),
    '## Targets',
    targetTable(targets),
    ...sections.map((section) => section.markdown),
    '## How it is measured',
    METHOD,
    '## To repeat it',
    REPEAT,
    '## What was tried',
    readFileSync(TRIED, 'utf8').trim(),
  ];
  return parts.join('\n\n') + '\n';
}

const METHOD = `- The raw socket is the ceiling: a bare Node socket that sends requests encoded beforehand and counts the frames that come back; it neither decodes a reply nor keeps a promise for it. What goes out at one time goes as one ready buffer: nothing that is called once a request can do so, hence the second, "a write each", which hands every request to the (corked) socket by itself. The goals are against the first; the second is given beside it.
- The canned responder is a C program of one thread that answers out of constants, one write for each read, so that the client alone is measured.
- Real ZooKeeper runs standalone with \`forceSync=no\`: the time a disk takes to flush is nobody's merit here.
- Plain operations against real ZooKeeper, and with one request in flight, are bound to cores: the peers run on one half of the cores and the server on the other, where the system has \`taskset\`. Left to itself the scheduler puts both on one core or on two as it happens, and that decides more than the client does: the raw socket was seen to make 108,000 round trips a second on one core and 12,000 on two. "On one core" all have the same, so that nobody is woken on another core and a round trip is nothing but code. Everything else is left to the scheduler: there client or server is busy all the time.
- "In flight" is a closed loop: each answer lets the next request go. Each answer's \`then\` calls this package again, as each callback does its peers: the driving is a part of every figure, and the same for all; with one in flight the Java client and Python Kazoo are called by their blocking calls, which is their fastest way.
- Client CPU is user and system time of the peer's whole process, every thread, garbage collection included.
- The times of watches are CPU times, so that a reconnection's waiting is not counted.
- \`create\` makes sequential nodes. \`getChildren\` gives 10 names.`;

const REPEAT = `\`\`\`sh
npm run bench                       # everything; writes this page and its plot
npm run bench -- --quick            # fewer, shorter rounds; prints, writes nothing
npm run bench -- --only throughput  # one section: throughput, latency, real, embedded, flat, recipes, package; prints, writes nothing
\`\`\`

It needs a C compiler (\`cc\`), and for the peers Java 17 with Maven, Python 3 with pip, and what npm needs to build a native addon.
The peers go to \`\${KAZOO_CACHE:-$HOME/.cache/kazoo}/bench-peers\`; one that cannot be installed is left out and named. The machine should have nothing else to do.`;

function machine(versions, packageVersion, date) {
  const [first] = cpus();
  const rows = [
    ['date', date],
    ['machine', `${cpus().length} cores, ${first?.model.trim() || 'unknown processor'}, ${process.platform} ${process.arch}`],
    ['Node', process.version],
    ['this package', packageVersion],
    ['ZooKeeper server', ZOOKEEPER],
    ...Object.entries(versions)
      .filter(([name]) => !['ours', 'raw', 'rawEach'].includes(name))
      .map(([name, version]) => [NAMES[name], version]),
  ];
  return markdownTable(['', ''], rows);
}
