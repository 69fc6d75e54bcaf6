// npm run bench: this package beside its peers. What is measured and how: docs/performance.md, which this writes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { installPeers } from './install.mjs';
import { page, targetTable } from './report.mjs';
import { plot } from './plot.mjs';
import { flat } from './section/flat.mjs';
import { packageCost } from './section/package.mjs';
import { embedded, latency, real, throughput } from './section/plain.mjs';
import { recipes } from './section/recipes.mjs';
import { cannedServer, embeddedServer, realServer } from './servers.mjs';

/** Each section, and what it cannot do without. */
const SECTIONS = {
  throughput: { measure: throughput, needs: [] },
  latency: { measure: latency, needs: [] },
  real: { measure: real, needs: ['server'] },
  embedded: { measure: embedded, needs: ['ours'] },
  flat: { measure: flat, needs: ['ours'] },
  recipes: { measure: recipes, needs: ['server'] },
  package: { measure: packageCost, needs: ['ours'] },
};
const SERVERS = { canned: cannedServer, real: realServer, embedded: embeddedServer };
const FULL = { rounds: 5, roundSeconds: 0.4, warmSeconds: 1.5 };
const QUICK = { rounds: 3, roundSeconds: 0.2, warmSeconds: 0.5 };
const DOCS = new URL('../../docs/', import.meta.url);

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
});
const unknown = (options.only ?? []).find((name) => !(name in SECTIONS));
if (unknown !== undefined) throw new Error(`--only ${unknown}: expected one of ${Object.keys(SECTIONS).join(', ')}`);
await bench(options.only ?? Object.keys(SECTIONS), options.quick ? QUICK : FULL, options.quick || options.only !== undefined);

async function bench(names, settings, printOnly) {
  const { peers, recipes: recipePeers, missing, server } = await installPeers();
  for (const line of missing) console.log(`missing: ${line}`);
  const have = { server, ours: 'ours' in peers };
  const servers = new Map();
  const versions = {};
  const failures = new Set();
  const context = {
    peers,
    recipes: recipePeers,
    settings,
    server: async (kind, cores) => {
      if (!servers.has(kind)) servers.set(kind, await SERVERS[kind](cores));
      return servers.get(kind).address;
    },
    progress: (text) => process.stderr.write(`  ${text}\n`),
    note: (outcome, label) => {
      for (const [name, { version, error }] of Object.entries(outcome)) {
        if (error !== undefined) failures.add(`${label}: ${error}`);
        else if (name in peers) versions[name] ??= version;
      }
    },
  };
  const sections = [];
  try {
    for (const name of names) {
      const lacking = SECTIONS[name].needs.find((need) => !have[need]);
      if (lacking !== undefined) {
        missing.push(`section ${name}: without ${lacking === 'ours' ? 'the built package' : 'the ZooKeeper server'}`);
        continue;
      }
      process.stderr.write(`${name}\n`);
      try {
        const section = await SECTIONS[name].measure(context);
        sections.push(section);
        console.log(`\n${section.markdown}\n\n${targetTable(section.targets)}`);
      } catch (error) {
        missing.push(`section ${name}: ${error.message}`);
      }
      for (const server of servers.values()) await server.stop();
      servers.clear();
    }
  } finally {
    for (const server of servers.values()) await server.stop();
  }
  missing.push(...failures);
  for (const line of missing) console.log(`missing: ${line}`);
  if (!printOnly) write({ sections, versions, missing: missing.map(withoutPaths), settings });
}

function write(results) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', DOCS), 'utf8'));
  mkdirSync(DOCS, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(new URL('performance.md', DOCS), page({ ...results, packageVersion: version, date }));
  writeFileSync(new URL('performance.svg', DOCS), plot(results.sections.flatMap((section) => section.plot ?? [])));
  console.log('written: docs/performance.md, docs/performance.svg');
}

/** The page speaks of no machine's folders. */
function withoutPaths(text) {
  return text.replaceAll(/(file:\/\/)?\/(?:[^\s'":]+\/)+/g, '');
}
