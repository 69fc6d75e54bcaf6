// Runs the client's conformance suite on real ZooKeeper servers of many versions, and tells what each cannot do.
//   node .config/test-versions.mjs [version ...]     default: the list "all" of zookeeper-versions.json
// A version that cannot be fetched or does not start is a failure, said in the table.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { all } = JSON.parse(readFileSync(new URL('zookeeper-versions.json', import.meta.url), 'utf8'));
const asked = process.argv.slice(2);
const versions = asked.length > 0 ? asked : all;
const folder = mkdtempSync(join(tmpdir(), 'kazoo-versions-'));

try {
  const reports = versions.map((version) => report(version));
  console.log(`\n${table(reports)}\n`);
  for (const { version, said } of reports.filter(({ said }) => said.size > 0)) {
    console.log(`ZooKeeper ${version} cannot do this; the client says:`);
    for (const [capability, sentence] of said) console.log(`  ${capability}: ${sentence}`);
    console.log();
  }
  process.exitCode = reports.every(({ passed, failed }) => passed > 0 && failed === 0) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** One version's run; without a server there is nothing but the reason. */
function report(version) {
  const none = { version, passed: 0, failed: 0, skipped: 0, refusals: 0, said: new Map() };
  console.log(`\n== ZooKeeper ${version}`);
  if (run(process.execPath, ['.config/zookeeper-install.mjs', version]) !== 0) return { ...none, note: 'cannot be fetched' };
  const results = join(folder, `${version}.json`);
  const vitest = [
    'vitest',
    'run',
    '--config',
    '.config/vitest.config.ts',
    'test/conformance/client.test.ts',
    '-t',
    ' on the real server',
  ];
  run('npx', vitest, { ZOOKEEPER_VERSION: version, KAZOO_TEST_RESULTS: results });
  const tests = readTests(results).filter(({ fullName }) => fullName.includes(' on the real server'));
  const count = (status) => tests.filter((test) => test.status === status).length;
  const refused = tests.filter(({ meta }) => meta?.said !== undefined);
  return {
    ...none,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped') + count('pending'),
    refusals: refused.length,
    said: new Map(refused.map(({ meta: { said } }) => [said.capability, withoutNames(said.sentence)])),
    note: count('passed') === 0 ? 'does not start here' : '',
  };
}

function run(command, args, environment = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment } }).status;
}

function readTests(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch {
    return [];
  }
}

/** Paths that a test made up say nothing to a reader. */
function withoutNames(sentence) {
  return sentence.replaceAll(/\/world-\d+-\d+(\/[\w-]+)?/g, '/path');
}

function table(reports) {
  const head = ['ZooKeeper', 'passed', 'failed', 'skipped', 'of them refusals', 'cannot do'];
  const rows = reports.map(({ version, passed, failed, skipped, refusals, said, note }) => [
    version,
    ...[passed, failed, skipped, refusals].map(String),
    note || [...said.keys()].join(', ') || 'nothing is missing',
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  return [head, widths.map((width) => '-'.repeat(width)), ...rows]
    .map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`)
    .join('\n');
}
