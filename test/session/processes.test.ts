import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kazoo-processes-'));
  const contents = `export { KazooClient } from './src/kazoo-client.ts'; export { EmbeddedZooKeeper } from './src/server/embedded-zookeeper.ts';`;
  await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    outfile: join(folder, 'kazoo.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    logLevel: 'silent',
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program that says "done" at its end; how it ended, and what it said. One that lives on is killed. */
async function run(name: string, program: string): Promise<{ code: number | null; said: string }> {
  const script = join(folder, `${name.replaceAll(/\W+/g, '-')}.cjs`);
  await writeFile(script, PRELUDE + program + POSTLUDE);
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (words: Buffer) => {
    said += String(words);
    if (said.includes('done')) setTimeout(() => child.kill('SIGKILL'), 15_000).unref();
  });
  child.stderr.on('data', (words: Buffer) => (said += String(words)));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, said };
}

const PRELUDE = `const { KazooClient, EmbeddedZooKeeper } = require('./kazoo.cjs');
const told = (client, event) => new Promise((resolve) => client.once(event, resolve));
const ignore = () => undefined;
async function main() {
`;
const POSTLUDE = `
}
main().then(() => console.log('done'), (error) => { console.error(error); process.exitCode = 1; });
`;

const PROGRAMS: Record<string, string> = {
  'was never started': `
    const client = new KazooClient('127.0.0.1:1');
    client.lock('/lock');
    client.dataWatch('/data', ignore).ready.catch(ignore);
    await client.get('/').catch(ignore);`,
  'could not start in time': `
    const client = new KazooClient('127.0.0.1:1');
    await client.start({ timeout: 100 }).catch(ignore);`,
  'gave up': `
    const client = new KazooClient({ hosts: '127.0.0.1:1', connectionRetry: { maxTries: 2, delay: 1 } });
    await client.start().catch(ignore);`,
  'was refused': `
    const server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    await client.addAuth('no-such-scheme', 'x').catch(ignore);
    await server.close();`,
  'was stopped while connected': `
    const server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    await client.exists('/a', { watch: ignore, timeout: 60_000 });
    await client.stop();
    await server.close();`,
  'was stopped while suspended': `
    const server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    const suspended = told(client, 'suspended');
    server.refuseConnections(true);
    server.dropConnections();
    await suspended;
    client.exists('/b', { timeout: 60_000 }).catch(ignore);
    await client.stop();
    await server.close();`,
  'was stopped while connecting': `
    const client = new KazooClient({
      hosts: '192.0.2.1:2181,slow.invalid:2181',
      resolver: (host) => (host === 'slow.invalid' ? new Promise(ignore) : Promise.resolve([host])),
    });
    client.start().catch(ignore);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await client.stop();`,
  'was stopped before a black hole': `
    const server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, timeout: 2_000 });
    await client.start();
    server.freeze();
    const calls = [1, 2, 3].map(() => client.get('/', { timeout: 60_000 }).catch(ignore));
    await client.stop();
    await Promise.all(calls);
    await server.close();`,
  'was stopped inside a watch': `
    const server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    await new Promise((resolve) => {
      client.exists('/a', { watch: async () => { await client.stop(); resolve(); } }).then(() => client.create('/a')).catch(ignore);
    });
    await server.close();`,
  'was stopped after it had lost its session': `
    const server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    const client = new KazooClient({ hosts: server.connectString, timeout: 3_000, connectionRetry: { maxTries: -1, delay: 60_000 } });
    await client.start();
    const lost = told(client, 'lost');
    await server.close();
    await lost;
    client.get('/', { timeout: 60_000 }).catch(ignore);
    await client.stop();`,
  'was stopped with every recipe in use': `
    const server = await EmbeddedZooKeeper.start();
    const [client, other] = [new KazooClient(server.connectString), new KazooClient(server.connectString)];
    await Promise.all([client.start(), other.start()]);
    await client.lock('/held').acquire();
    await other.lock('/lock').acquire();
    const waits = [
      client.lock('/lock').acquire({ timeout: 60_000 }),
      client.semaphore('/semaphore').acquire(),
      client.queue('/queue').get({ timeout: 60_000 }),
      client.barrier('/lock').wait({ timeout: 60_000 }),
      client.watchData('/data').next(),
      client.election('/election').run(() => new Promise(ignore)),
    ].map((wait) => wait.catch(ignore));
    const cache = client.treeCache('/tree');
    await cache.start();
    client.dataWatch('/data', ignore);
    client.setPartitioner('/set', [1, 2]);
    const patient = client.patientChildrenWatch('/tree', { timeBoundary: 60_000 }).start().catch(ignore);
    await client.addWatch('/', ignore, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await client.stop();
    await other.stop();
    await server.close();`,
};

test.each(Object.entries(PROGRAMS))(
  'a client that %s keeps no process alive (pain-points 10)',
  { timeout: 60_000 },
  async (name, program) => {
    expect(await run(name, program)).toEqual({ code: 0, said: 'done\n' });
  },
);

const WORK = `
  const client = new KazooClient(hosts);
  await client.start();
  const changed = new Promise((resolve) => client.exists('/watched-' + id, { watch: resolve }).then(() => client.create('/watched-' + id)));
  await changed;
  for (let i = 0; i < 10; i++) {
    await client.lock('/lock').withLock(async () => {
      const [data] = await client.get('/count');
      await client.set('/count', String(Number(data) + 1));
    });
  }
  await client.stop();`;

test('works inside worker threads (pain-points 77)', { timeout: 60_000 }, async () => {
  const program = `
    const { isMainThread, Worker, workerData } = require('node:worker_threads');
    if (!isMainThread) {
      const { hosts, id } = workerData;
      ${WORK}
      return;
    }
    const server = await EmbeddedZooKeeper.start();
    const own = new KazooClient(server.connectString);
    await own.start();
    await own.create('/count', '0');
    const workers = [1, 2, 3].map((id) => new Worker(__filename, { workerData: { hosts: server.connectString, id }, stdout: true }));
    const codes = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
    console.log(String((await own.get('/count'))[0]), codes.join(' '));
    await own.stop();
    await server.close();`;
  expect(await run('threads', program)).toEqual({ code: 0, said: '30 0 0 0\ndone\n' });
});

test(
  'works inside the children of a cluster, each with a client of its own (pain-points 77, 85)',
  { timeout: 60_000 },
  async () => {
    const program = `
    const cluster = require('node:cluster');
    if (!cluster.isPrimary) {
      const { HOSTS: hosts, ID: id } = process.env;
      ${WORK}
      cluster.worker.disconnect();
      return;
    }
    const server = await EmbeddedZooKeeper.start();
    const own = new KazooClient(server.connectString);
    await own.start();
    const { sessionId } = own.clientId;
    await own.create('/count', '0');
    cluster.setupPrimary({ silent: true });
    const children = [1, 2, 3].map((ID) => cluster.fork({ HOSTS: server.connectString, ID }));
    const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
    console.log(String((await own.get('/count'))[0]), codes.join(' '), own.clientId.sessionId === sessionId);
    await own.stop();
    await server.close();`;
    expect(await run('cluster', program)).toEqual({ code: 0, said: '30 0 0 0 true\ndone\n' });
  },
);
