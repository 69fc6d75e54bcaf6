import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findServerJars } from '../../src/harness/server-jars.ts';
import { removeAtExit } from '../../src/harness/server-process.ts';
import { peersFolder } from './peers-folder.ts';

const execute = promisify(execFile);

/** Java's own start takes longer than ours; these make it shorter. */
const FAST_START = [
  '-Xshare:auto',
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-XX:-UsePerfData',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
];

/** A compiled program of this folder. */
export interface JavaProgram {
  /** Runs it to its end; gives the lines it printed. */
  run(...args: readonly string[]): Promise<string[]>;
  readonly command: string;
  readonly arguments: readonly string[];
}

/** Compiles `<name>.java` of this folder against `classpath`; the classes go with the process. */
export async function compileJava(name: string, classpath: string): Promise<JavaProgram> {
  const classes = await mkdtemp(join(tmpdir(), 'kazoo-classes-'));
  removeAtExit(classes);
  const source = fileURLToPath(new URL(`./${name}.java`, import.meta.url));
  await execute('javac', ['-cp', classpath, '-d', classes, source], { timeout: 120_000 });
  const args = [...FAST_START, '-cp', [classes, classpath].join(delimiter), name];
  return {
    command: 'java',
    arguments: args,
    run: async (...more) => (await execute('java', [...args, ...more], { timeout: 50_000 })).stdout.trim().split('\n'),
  };
}

/** The class path of ZooKeeper's own client; or the sentence to skip with, said loudly. */
export async function zookeeperClasspath(): Promise<{ classpath: string } | string> {
  const found = await findServerJars();
  if (!found.available) return loudly(`NO JAVA CLIENT: ${found.reason}`);
  if (/^3\.[0-6]\./.test(found.version ?? ''))
    return loudly(`NO JAVA CLIENT: the programs here are for 3.7 and later, not ${found.version}`);
  return (await runs('javac')) ? found : loudly('NO JAVA CLIENT: there is no javac on the PATH');
}

/** The class path of Curator's recipes and discovery, and of what Spring Cloud puts into the latter, fetched by Maven into the cache the first time; or the sentence to skip with, said loudly. */
export async function curatorClasspath(): Promise<{ classpath: string } | string> {
  const target = join(peersFolder(), `curator-${CURATOR}-discovery`);
  try {
    const zookeeper = await zookeeperClasspath();
    if (typeof zookeeper === 'string') return zookeeper;
    if (!existsSync(target)) await fetchCurator(target);
    return { classpath: [join(target, '*'), ...zookeeper.classpath.split(delimiter)].join(delimiter) };
  } catch (error) {
    return loudly(`NO CURATOR: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`);
  }
}

const CURATOR = '5.9.0';

const SPRING_CLOUD = '4.1.2';

const POM = `<project><modelVersion>4.0.0</modelVersion>
  <groupId>kazoo.test</groupId><artifactId>curator</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.curator</groupId><artifactId>curator-x-discovery</artifactId><version>${CURATOR}</version></dependency>
    <dependency><groupId>org.springframework.cloud</groupId><artifactId>spring-cloud-zookeeper-discovery</artifactId><version>${SPRING_CLOUD}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
    </dependency>
  </dependencies></project>
`;

/** ZooKeeper's own jars, which are there already. */
const NOT_NEEDED = 'org.apache.zookeeper,org.apache.yetus,org.slf4j,io.netty';

/** Beside the target, then renamed: nobody ever sees half of it. */
async function fetchCurator(target: string): Promise<void> {
  await mkdir(peersFolder(), { recursive: true });
  const partial = await mkdtemp(join(peersFolder(), '.fetching-'));
  try {
    await writeFile(join(partial, 'pom.xml'), POM);
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(partial, 'lib')}`, `-DexcludeGroupIds=${NOT_NEEDED}`];
    await execute('mvn', ['-B', '-q', '-f', join(partial, 'pom.xml'), ...goal], { timeout: 240_000 });
    await rename(join(partial, 'lib'), target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function runs(command: string): Promise<boolean> {
  return execute(command, ['-version']).then(
    () => true,
    () => false,
  );
}

function loudly(sentence: string): string {
  process.stderr.write(`*** ${sentence}; tests beside it are skipped ***\n`);
  return sentence;
}
