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
    `Every figure is a ratio between processes that ran side by side in one run: after warming up, the peers took turns for ${settings.rounds} rounds of about ` +
      `${settings.roundSeconds} s each. Each ratio is taken within a round, and the page gives the median over the rounds. ` +
      'One connection, 100-byte values; each peer runs in its own process and is called through its public interface.',
    '![Rates compared with the peers](performance.svg)',
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

const METHOD = `- The raw socket is the ceiling: a bare Node socket that sends pre-encoded requests and counts the frames that come back; it neither decodes a reply nor keeps a promise for it. It sends everything that goes out at one time as one ready buffer. Code that is called once per request cannot do that, hence the second raw socket, "single writes", which passes each request to the (corked) socket separately. The goals are relative to the first; the second is given for comparison.
- The canned responder is a single-threaded C program that answers from constants, one write for each read, so that only the client is measured.
- Real ZooKeeper runs standalone with \`forceSync=no\`: the time a disk takes to flush is no client's merit.
- Plain operations against real ZooKeeper, and those with one request in flight, are pinned to cores if the system has \`taskset\`: the peers run on one half of the cores and the server on the other. Left to itself, the scheduler puts both on one core or on two by chance, and that matters more than the client: the raw socket was seen to make 108,000 round trips a second on one core and 12,000 on two. "On one core" means that all share one core, so that nobody has to be woken on another core and a round trip is nothing but code. Everything else is left to the scheduler, because client or server is busy all the time there.
- "In flight" is a closed loop: each answer triggers the next request. Each answer's \`then\` calls this package again, as each callback calls its peers: this driving is part of every figure, and the same for all. With one in flight, the Java client and Python Kazoo are driven by their blocking calls, which are their fastest way.
- Client CPU is the user and system time of the peer's whole process, with all threads and garbage collection.
- The times of watches are CPU times, so that waiting for a reconnect is not counted.
- \`create\` makes sequential nodes. \`getChildren\` returns 10 names.`;

const REPEAT = `\`\`\`sh
npm run bench                       # everything; writes this page and its plot
npm run bench -- --quick            # fewer, shorter rounds; prints, writes nothing
npm run bench -- --only throughput  # one section: throughput, latency, real, embedded, flat, recipes, package; prints, writes nothing
\`\`\`

You need a C compiler (\`cc\`) and, for the peers, Java 17 with Maven, Python 3 with pip, and what npm needs to build a native addon.
The peers are installed in \`\${KAZOO_CACHE:-$HOME/.cache/kazoo}/bench-peers\`; a peer that cannot be installed is left out, and the page names it. The machine should be otherwise idle.`;

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
