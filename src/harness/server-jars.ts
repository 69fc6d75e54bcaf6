import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where to look for a server's jars. The first option given decides; without any, see {@link findServerJars}. */
export interface ServerJarsOptions {
  /** A complete class path, used as it is. */
  classpath?: string | undefined;
  /** A folder with ZooKeeper's jars, or a distribution with the jars in `lib/`. */
  home?: string | undefined;
  /** A version installed with `npm run zookeeper:install <version>`. */
  version?: string | undefined;
  /** The Java executable. Default: that of `JAVA_HOME`, else `java`. */
  java?: string | undefined;
}

/** Everything needed to run a server on this machine. */
export interface ServerJars {
  available: true;
  java: string;
  classpath: string;
  /** From the jar's name, such as `3.9.5`; `null` if the name does not contain it. */
  version: string | null;
}

/** Why no server can run on this machine, in one sentence suitable for a log line. */
export interface NoServerJars {
  available: false;
  reason: string;
}

const JAR = /^zookeeper(?:-(\d[\w.-]*))?\.jar$/;
// /usr/share/java holds hundreds of unrelated jars: take only those that a ZooKeeper server needs.
const DISTRIBUTION = '/usr/share/java';
const NEEDED = /^(zookeeper|netty|slf4j-(api|simple)|metrics-core|snappy-java|commons-(cli|io)|jackson|jetty|servlet).*\.jar$/;

/**
 * Looks for a server's jars: the given class path, home or version; else the newest version in the cache
 * (`${KAZOO_CACHE:-~/.cache/kazoo}/zookeeper-<version>`, see `npm run zookeeper:install`; that of `ZOOKEEPER_VERSION` if it is set), then
 * `ZOOKEEPER_PATH` and `ZOOKEEPER_HOME` (Kazoo's name and ZooKeeper's), then the distribution's own packages in `/usr/share/java`;
 * with `ZOOKEEPER_VERSION`, skipping any known to be another version.
 * `ZOOKEEPER_CLASSPATH`, if set, comes before all of these. Never rejects.
 */
export async function findServerJars(options: ServerJarsOptions = {}): Promise<ServerJars | NoServerJars> {
  const java = options.java ?? javaOfEnvironment();
  if (!(await runs(java))) return { available: false, reason: `Java cannot be run as "${java}"` };
  const classpath = options.classpath ?? (namesNothing(options) ? process.env['ZOOKEEPER_CLASSPATH'] : undefined) ?? '';
  if (classpath !== '') return { available: true, java, classpath, version: versionOf(classpath.split(delimiter)) };
  const wanted = namesNothing(options) ? process.env['ZOOKEEPER_VERSION'] || null : null;
  const folders = await candidateFolders(options, wanted);
  for (const folder of folders) {
    const jars = await jarsIn(folder);
    const version = versionOf(jars);
    const isAnother = wanted !== null && version !== null && version !== wanted;
    if (jars.some(isServerJar) && !isAnother) return { available: true, java, classpath: jars.join(delimiter), version };
  }
  const what = wanted === null ? 'ZooKeeper jars' : `jars of ZooKeeper ${wanted} (ZOOKEEPER_VERSION)`;
  return { available: false, reason: `no ${what} in ${folders.join(', ')}; "npm run zookeeper:install" fetches them` };
}

function namesNothing(options: ServerJarsOptions): boolean {
  return options.home === undefined && options.version === undefined;
}

function javaOfEnvironment(): string {
  const home = process.env['JAVA_HOME'];
  return home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
}

function runs(java: string): Promise<boolean> {
  return new Promise((resolve) => execFile(java, ['-version'], (error) => resolve(error === null)));
}

async function candidateFolders({ home, version }: ServerJarsOptions, wanted: string | null): Promise<string[]> {
  if (home !== undefined) return [home];
  const cache = process.env['KAZOO_CACHE'] || join(homedir(), '.cache', 'kazoo');
  if (version !== undefined) return [join(cache, `zookeeper-${version}`)];
  const installed = (await list(cache)).filter((name) => /^zookeeper-\d/.test(name)).sort(newestFirst);
  const cached = wanted === null ? installed : [`zookeeper-${wanted}`];
  const named = [process.env['ZOOKEEPER_PATH'], process.env['ZOOKEEPER_HOME']].filter(
    (folder) => folder !== undefined && folder !== '',
  );
  return [...cached.map((name) => join(cache, name)), ...(named as string[]), DISTRIBUTION];
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

async function jarsIn(folder: string): Promise<string[]> {
  const wanted = folder === DISTRIBUTION ? NEEDED : /\.jar$/;
  const jars = await Promise.all([folder, join(folder, 'lib')].map(async (at) => (await list(at)).map((name) => join(at, name))));
  return jars.flat().filter((path) => wanted.test(nameOf(path)));
}

async function list(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

function isServerJar(path: string): boolean {
  return JAR.test(nameOf(path));
}

function versionOf(jars: readonly string[]): string | null {
  return jars.map((path) => JAR.exec(nameOf(path))?.[1]).find((version) => version !== undefined) ?? null;
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
