// Provisions the jars of real Apache ZooKeeper servers outside the tree, in ${KAZOO_CACHE:-~/.cache/kazoo}/zookeeper-<version>.
//   node .config/zookeeper-install.mjs [version ...] [--if-possible]
//   version         that of ZOOKEEPER_VERSION, else the default of zookeeper-versions.json, unless told; several may be given
//   --if-possible   all that the tests run on; never fail: where Java or Maven or a version are missing, say in one line what cannot be run
// Without Maven the jars of ZOOKEEPER_HOME, then of /usr/share/java, serve; there is then nothing to install.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = JSON.parse(readFileSync(new URL('zookeeper-versions.json', import.meta.url), 'utf8'));
const DEFAULT_VERSION = process.env.ZOOKEEPER_VERSION || VERSIONS.default;
const pom = fileURLToPath(new URL('../test/support/pom-zookeeper.xml', import.meta.url));
const cache = process.env.KAZOO_CACHE || join(homedir(), '.cache', 'kazoo');
const ifPossible = process.argv.includes('--if-possible');
const versions = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

const older = ifPossible && !process.env.ZOOKEEPER_VERSION ? VERSIONS.tests.filter((version) => version !== DEFAULT_VERSION) : [];
for (const version of versions.length > 0 ? versions : [DEFAULT_VERSION, ...older]) {
  try {
    provide(version);
  } catch (error) {
    if (!ifPossible) {
      console.error(error.message);
      process.exit(1);
    }
    const missed = older.includes(version)
      ? 'the client on that version'
      : 'tests against real servers, ensembles and Python Kazoo';
    console.error(`*** NO REAL ZOOKEEPER ${version}: ${missed} cannot run (${error.message}) ***`);
  }
}

function provide(version) {
  if (!/^\d+\.\d+\.\d+(-\w+)*$/.test(version))
    throw new Error(`"${version}" is not a ZooKeeper version such as ${DEFAULT_VERSION}`);
  const target = join(cache, `zookeeper-${version}`);
  if (!runs('java', '-version')) throw new Error('there is no java on the PATH');
  if (holdsServer(target)) return ifPossible ? undefined : console.log(`ZooKeeper ${version} is already in ${target}`);
  const reason = runs('mvn', '-version') ? fetchJars(version, target) : 'there is no mvn on the PATH';
  if (reason === null) return console.log(`ZooKeeper ${version} installed in ${target}`);
  const fallback = versions.length === 0 && version === DEFAULT_VERSION ? findInstalled() : undefined;
  if (fallback === undefined) throw new Error(reason);
  console.log(`ZooKeeper ${version} not fetched (${reason}); ${fallback} serves instead`);
}

/** Fetches beside the target, then renames, so that nobody ever sees half a server. Gives the reason when it could not. */
function fetchJars(version, target) {
  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(join(cache, '.fetching-'));
  try {
    console.log(`fetching ZooKeeper ${version} with Maven ...`);
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
    const mvn = spawnSync('mvn', ['-B', '-q', '-f', pom, `-Dzookeeper.version=${version}`, ...goal], {
      encoding: 'utf8',
      timeout: 300_000,
    });
    if (mvn.status !== 0) return `mvn could not fetch ZooKeeper ${version}: ${firstError(mvn)}`;
    if (!holdsServer(target)) {
      // Another process may have put the same version there meanwhile, or an old attempt may have left an empty folder.
      try {
        renameSync(partial, target);
      } catch (error) {
        if (!holdsServer(target)) throw error;
      }
    }
    return null;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function firstError({ stdout, stderr, error }) {
  const lines = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n').filter((line) => line.includes('ERROR'));
  return (error?.message ?? lines[0] ?? 'no output')
    .replace(/^.*\[ERROR\]/, '')
    .trim()
    .slice(0, 300);
}

function findInstalled() {
  const home = process.env.ZOOKEEPER_HOME;
  return [home, home && join(home, 'lib'), '/usr/share/java'].find((folder) => folder && holdsServer(folder));
}

function holdsServer(folder) {
  return existsSync(folder) && readdirSync(folder).some((name) => /^zookeeper(-\d.*)?\.jar$/.test(name));
}

function runs(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore', shell: process.platform === 'win32' }).status === 0;
}
