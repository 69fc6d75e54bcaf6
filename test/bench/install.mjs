// Brings the peers into the cache folder. They are no dependency of the project: a peer that cannot be had is left out, in one line.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

export const CACHE = join(process.env.KAZOO_CACHE ?? join(homedir(), '.cache', 'kazoo'), 'bench-peers');
const MODULES = join(CACHE, 'npm');
const JARS = join(CACHE, 'java', 'lib');
const CLASSES = join(CACHE, 'java', 'classes');
const PYTHON = join(CACHE, 'python');

/** Versions compared with. The Java artifacts hold the real server too. */
const NPM = { 'node-zookeeper-client': '1.1.3', zookeeper: '7.3.0' };
const KAZOO = '2.11.0';
export const ZOOKEEPER = '3.9.5';
const MAVEN = [
  ['org.apache.zookeeper', 'zookeeper', ZOOKEEPER],
  ['org.xerial.snappy', 'snappy-java', '1.1.10.5'],
  ['io.dropwizard.metrics', 'metrics-core', '4.1.12.1'],
  ['org.slf4j', 'slf4j-nop', '2.0.13'],
];

export const NAMES = {
  raw: 'raw socket',
  rawEach: 'raw socket, single writes',
  ours: 'kazoo (this package)',
  nzc: 'node-zookeeper-client',
  native: 'zookeeper (native)',
  java: 'Java client',
  python: 'Python Kazoo',
};

/** How to start each peer for a job: { raw: job => [command, args, env], ... }; `missing` says what could not be had. */
export async function installPeers() {
  mkdirSync(CACHE, { recursive: true });
  const missing = [];
  const raw = node('peer/raw.mjs');
  const peers = { raw, rawEach: (job) => raw({ ...job, each: true }) };
  const recipes = {};
  const attempt = async (label, install) => {
    try {
      await install();
    } catch (error) {
      missing.push(`${label}: ${firstLine(error)}`);
    }
  };

  if (existsSync(join(here, '../../dist/index.js'))) {
    peers.ours = node('peer/ours.mjs');
    recipes.ours = node('peer/ours-recipes.mjs');
  } else missing.push('this package: dist/index.js is not built (npm run build)');
  await attempt(NAMES.nzc, async () => {
    await npm('node-zookeeper-client');
    peers.nzc = node('peer/node-zookeeper-client.mjs');
  });
  await attempt(NAMES.native, async () => {
    await npm('zookeeper');
    peers.native = node('peer/zookeeper-native.mjs');
  });
  await attempt('Java client and ZooKeeper server', async () => {
    await java();
    peers.java = (job) => ['java', ['-cp', classPath(CLASSES), 'JavaPeer', job.address, job.op, String(job.inFlight)]];
  });
  await attempt(NAMES.python, async () => {
    await python();
    peers.python = recipes.python = (job) => [
      'python3',
      [join(here, 'peer/kazoo_peer.py'), JSON.stringify(job)],
      { PYTHONPATH: PYTHON },
    ];
  });
  return { peers, recipes, missing, server: existsSync(JARS) };
}

/** The command line of the real server. */
export function serverCommand(config) {
  // forceSync=no: the disk's flush time is not what is compared.
  const options = ['-Xmx2g', '-Dzookeeper.admin.enableServer=false', '-Dzookeeper.forceSync=no'];
  return ['java', [...options, '-cp', classPath(), 'org.apache.zookeeper.server.ZooKeeperServerMain', config]];
}

/** Compiles the canned responder and gives its path. */
export async function buildResponder() {
  const program = join(CACHE, 'canned-responder');
  mkdirSync(CACHE, { recursive: true });
  await run('cc', ['-O2', '-o', program, join(here, 'canned-responder.c')]);
  return program;
}

export function node(file, flags = []) {
  return (job) => [process.execPath, [...flags, join(here, file), JSON.stringify({ ...job, modules: MODULES })]];
}

async function npm(name) {
  const installed = join(MODULES, 'node_modules', name, 'package.json');
  if (!existsSync(installed) || JSON.parse(readFileSync(installed, 'utf8')).version !== NPM[name]) {
    mkdirSync(MODULES, { recursive: true });
    if (!existsSync(join(MODULES, 'package.json'))) writeFileSync(join(MODULES, 'package.json'), '{ "private": true }\n');
    await run('npm', ['install', '--no-audit', '--no-fund', `${name}@${NPM[name]}`], {
      cwd: MODULES,
      timeout: 600_000,
      maxBuffer: 1 << 26,
    });
  }
  await run(process.execPath, ['-e', `require(${JSON.stringify(name)})`], { cwd: MODULES });
}

async function java() {
  const home = join(CACHE, 'java');
  if (!existsSync(join(JARS, `zookeeper-${ZOOKEEPER}.jar`)) || !existsSync(join(JARS, 'slf4j-nop-2.0.13.jar'))) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'pom.xml'), pom());
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], { cwd: home, timeout: 600_000 });
  }
  mkdirSync(CLASSES, { recursive: true });
  await run('javac', ['-cp', classPath(), '-d', CLASSES, join(here, 'peer/JavaPeer.java')]);
}

async function python() {
  if (!existsSync(join(PYTHON, `kazoo-${KAZOO}.dist-info`))) {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--upgrade', '--target', PYTHON, `kazoo==${KAZOO}`], {
      timeout: 600_000,
    });
  }
  await run('python3', ['-c', 'import kazoo.client'], { env: { ...process.env, PYTHONPATH: PYTHON } });
}

function classPath(...first) {
  return [...first, join(JARS, '*')].join(delimiter);
}

function pom() {
  const dependencies = MAVEN.map(
    ([groupId, artifactId, version]) =>
      `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`,
  );
  return (
    '<project><modelVersion>4.0.0</modelVersion>' +
    '<groupId>bench</groupId><artifactId>peers</artifactId><version>1</version>' +
    `<dependencies>${dependencies.join('')}</dependencies></project>\n`
  );
}

function firstLine(error) {
  const text = (error.stderr || error.message || String(error)).trim().split('\n');
  return text.find((line) => /error|fail|not found|enoent/i.test(line)) ?? text[0];
}
