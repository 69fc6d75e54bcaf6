import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findServerJars } from '../../src/harness/server-jars.ts';

// Any program that ends well does for Java here.
const java = 'true';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kazoo-jars-'));
  vi.stubEnv('KAZOO_CACHE', folder);
  for (const name of ['ZOOKEEPER_CLASSPATH', 'ZOOKEEPER_PATH', 'ZOOKEEPER_HOME', 'ZOOKEEPER_VERSION', 'JAVA_HOME'])
    vi.stubEnv(name, '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function install(...path: string[]): Promise<string> {
  const at = join(folder, ...path);
  await mkdir(join(at, '..'), { recursive: true });
  await writeFile(at, '');
  return at;
}

describe.skipIf(process.platform === 'win32')('the jars of a server', () => {
  test('are those of the newest version in the cache', async () => {
    await install('zookeeper-3.8.4', 'zookeeper-3.8.4.jar');
    const newest = [await install('zookeeper-3.10.1', 'netty.jar'), await install('zookeeper-3.10.1', 'zookeeper-3.10.1.jar')];
    await install('zookeeper-3.10.1', 'notes.txt');
    expect(await findServerJars({ java })).toEqual({
      available: true,
      java,
      version: '3.10.1',
      classpath: newest.join(delimiter),
    });
  });

  test('are those of the version asked for', async () => {
    await install('zookeeper-3.8.4', 'zookeeper-3.8.4.jar');
    await install('zookeeper-3.9.5', 'zookeeper-3.9.5.jar');
    expect(await findServerJars({ java, version: '3.8.4' })).toMatchObject({ version: '3.8.4' });
    expect(await findServerJars({ java, version: '1.2.3' })).toMatchObject({
      available: false,
      reason: expect.stringContaining('zookeeper-1.2.3'),
    });
    vi.stubEnv('ZOOKEEPER_VERSION', '3.8.4');
    expect(await findServerJars({ java })).toMatchObject({ version: '3.8.4' });
  });

  test('are found in a distribution, by option or environment', async () => {
    await install('apache', 'lib', 'zookeeper-3.7.2.jar');
    const home = join(folder, 'apache');
    expect(await findServerJars({ java, home })).toMatchObject({ version: '3.7.2' });
    vi.stubEnv('ZOOKEEPER_HOME', home);
    expect(await findServerJars({ java })).toMatchObject({ version: '3.7.2' });
    vi.stubEnv('ZOOKEEPER_VERSION', '3.7.2');
    expect(await findServerJars({ java })).toMatchObject({ version: '3.7.2' });
    vi.stubEnv('ZOOKEEPER_VERSION', '1.2.3');
    expect(await findServerJars({ java })).toMatchObject({ available: false, reason: expect.stringContaining('1.2.3') });
    expect(await findServerJars({ java, home })).toMatchObject({ version: '3.7.2' });
    expect(await findServerJars({ java, home: '/nowhere' })).toMatchObject({
      available: false,
      reason: expect.stringContaining('/nowhere'),
    });
  });

  test('are taken from a class path as it is', async () => {
    const classpath = ['/opt/netty.jar', '/opt/zookeeper-3.4.14.jar'].join(delimiter);
    expect(await findServerJars({ java, classpath })).toEqual({ available: true, java, classpath, version: '3.4.14' });
    vi.stubEnv('ZOOKEEPER_CLASSPATH', '/opt/zookeeper.jar');
    expect(await findServerJars({ java })).toMatchObject({ classpath: '/opt/zookeeper.jar', version: null });
  });

  test('are of no use without Java', async () => {
    expect(await findServerJars({ java: '/nowhere/java' })).toEqual({
      available: false,
      reason: 'Java cannot be run as "/nowhere/java"',
    });
    vi.stubEnv('JAVA_HOME', '/nowhere');
    expect(await findServerJars()).toMatchObject({ reason: 'Java cannot be run as "/nowhere/bin/java"' });
  });
});
