import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WorkerThreadHandler } from '../../src/connection/worker-thread-handler.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { makeCertificates } from '../harness/certificates.ts';
import { FakeServer } from '../support/fake-server.ts';
import { block, record, rejection, until } from '../support/waiting.ts';

const execute = promisify(execFile);

let folder: string;
let workerUrl: URL;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kazoo-worker-'));
  const outfile = join(folder, 'connection-worker.mjs');
  const entry = fileURLToPath(new URL('../../src/connection-worker.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' });
  workerUrl = pathToFileURL(outfile);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const handler = (): WorkerThreadHandler => new WorkerThreadHandler({ workerUrl });

/** A server in a process of its own, which a blocked test does not block. */
async function remoteServer(sessionTimeout: number): Promise<{ hosts: string; close: () => void }> {
  const { spawn } = await import('node:child_process');
  const script = join(folder, 'server.mjs');
  const source = fileURLToPath(new URL('../../src/server/embedded-zookeeper.ts', import.meta.url));
  const outfile = join(folder, 'embedded.cjs');
  await build({ entryPoints: [source], outfile, bundle: true, format: 'cjs', platform: 'node', logLevel: 'silent' });
  await writeFile(
    script,
    `import { EmbeddedZooKeeper } from './embedded.cjs';
     const server = await EmbeddedZooKeeper.start({ minSessionTimeout: ${sessionTimeout}, tickTime: 100, maxSessionTimeout: 60000 });
     console.log(server.connectString);`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const hosts = await new Promise<string>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim())),
  );
  return { hosts, close: () => child.kill('SIGKILL') };
}

describe('a connection in a worker thread', () => {
  test('carries every operation, watches and large data', async () => {
    await using server = await EmbeddedZooKeeper.start({ juteMaxbuffer: 8_000_000 });
    await using client = new KazooClient({ hosts: server.connectString, handler: handler(), maxRequestBytes: 8_000_000 });
    await client.start();
    const events: string[] = [];
    await client.create('/a', 'one');
    await client.get('/a', { watch: ({ type, path }) => void events.push(`${type} ${path}`) });
    const large = Buffer.alloc(5_000_000, 3);
    await client.set('/a', large);
    expect((await client.get('/a'))[0]!.equals(large)).toBe(true);
    const many = await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.create(`/n-${i}`)));
    expect(many).toHaveLength(1_000);
    expect(events).toEqual(['CHANGED /a']);
    expect(await client.command('ruok')).toBe('imok');
  });

  test('starts wherever its file is copied to, a folder of CommonJS too', async () => {
    const copy = join(folder, 'connection-worker.cjs');
    await copyFile(workerUrl, copy);
    await using server = await EmbeddedZooKeeper.start();
    const handler = new WorkerThreadHandler({ workerUrl: pathToFileURL(copy) });
    await using client = new KazooClient({ hosts: server.connectString, handler });
    await client.start();
    expect(await client.create('/a')).toBe('/a');
  });

  test.each([
    ['--input-type=module'],
    ['--input-type', 'module'],
    ['--max-old-space-size=512', '--title=report'],
    ['--max-old-space-size=512', '--input-type=module'],
  ])('can be had by a program that is given on the command line, with %s %s', { timeout: 20_000 }, async (...flags) => {
    const outfile = join(folder, 'kazoo.mjs');
    const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
    // What is CommonJS among the dependencies asks for Node's modules by require.
    const banner = { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` };
    await build({ entryPoints: [entry], outfile, banner, bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' });
    await using server = await EmbeddedZooKeeper.start();
    const program = `import { KazooClient, WorkerThreadHandler } from ${JSON.stringify(pathToFileURL(outfile).href)};
        const handler = new WorkerThreadHandler({ workerUrl: new URL(${JSON.stringify(workerUrl.href)}) });
        const client = await new KazooClient({ hosts: '${server.connectString}', handler }).start();
        console.log(await client.create('/from-the-command-line'));`;
    const { stdout } = await execute(process.execPath, [...flags, '-e', `${program} await client.stop();`]);
    expect(stdout).toBe('/from-the-command-line\n');
  });

  test('asks for the place of its worker in a bundle that is CommonJS', { timeout: 20_000 }, async () => {
    const outfile = join(folder, 'kazoo.cjs');
    const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
    await build({ entryPoints: [entry], outfile, bundle: true, format: 'cjs', platform: 'node', logLevel: 'silent' });
    const program = `const { KazooClient, WorkerThreadHandler } = require(${JSON.stringify(outfile)});
      new KazooClient({ hosts: '127.0.0.1:1', handler: new WorkerThreadHandler() }).start().catch((error) => console.log(String(error)));`;
    const { stdout } = await execute(process.execPath, ['-e', program]);
    expect(stdout).toMatch(
      /^ConfigurationError: connection-worker.js was not found next to this bundle: set the option workerUrl of WorkerThreadHandler/,
    );
  });

  test('keeps the session while the main thread is blocked for three times the session timeout, and nobody is told of anything', async () => {
    const server = await remoteServer(600);
    try {
      await using client = new KazooClient({ hosts: server.hosts, timeout: 600, handler: handler() });
      const states = record(client);
      await client.start();
      const { clientId } = client;
      await client.create('/mine', '', { ephemeral: true });
      block(1_900);
      expect((await client.exists('/mine'))!.ephemeralOwner).toBe(clientId!.sessionId);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(states.map(({ state }) => state)).toEqual(['CONNECTED']);
      expect(client.clientId).toEqual(clientId);
    } finally {
      server.close();
    }
  });

  test('is dropped by the worker within two thirds of the session timeout when the server is silent; LOST follows in time', async () => {
    await using server = await FakeServer.start({ accept: (peer) => server.peers.length > 1 && (peer.deaf = true) });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 1_200, handler: handler() });
    const states = record(client);
    await client.start();
    server.peers[0]!.deaf = true;
    const silent = performance.now();
    await until(() => states.length === 3, 'LOST');
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST']);
    expect(states[1]!.at - silent).toBeLessThan(800 + 250);
    expect(states[2]!.at - silent).toBeLessThan(1_600 + 250);
    expect(states[2]!.at - silent).toBeGreaterThan(1_150);
  });

  test('is dropped when a frame never ends, though the worker has its pings answered (pain-points 1)', async () => {
    await using server = await FakeServer.start({
      request: (peer, { xid }) => {
        if (server.peers.length > 1) return peer.reply(xid);
        const head = Buffer.alloc(5);
        head.writeInt32BE(50_000_000);
        peer.socket.write(head);
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 1_200, handler: handler() });
    const states = record(client);
    await client.start();
    const error = await rejection(client.sync('/'));
    expect(error.message).toMatch(/connection/i);
    expect((error.cause as Error).message).toMatch(/a frame of 50000000 bytes/);
    await until(() => states.length === 3, 'CONNECTED again');
  });

  test('that was found dead while the main thread was blocked delivers nothing of what came before', async () => {
    const server = await remoteServer(600);
    try {
      await using client = new KazooClient({ hosts: server.hosts, timeout: 600, handler: handler() });
      const states = record(client);
      await client.start();
      server.close();
      block(1_500);
      await until(() => states.length >= 2, 'SUSPENDED');
      expect(states[1]!.state).toBe('SUSPENDED');
      await until(() => states.length >= 3, 'LOST');
    } finally {
      server.close();
    }
  });

  test('rejects what cannot be dialled, with the cause', async () => {
    const client = new KazooClient({ hosts: '127.0.0.1:1', handler: handler() });
    const codes = new Set<unknown>();
    client.on('connectFailed', ({ cause }) => void codes.add((cause as { code?: unknown }).code));
    const error = await rejection(client.start({ timeout: 2_000 }));
    expect(error.message).toMatch(/ECONNREFUSED/);
    expect([...codes]).toEqual(['ECONNREFUSED']);
  });

  test('that loses its worker is a dropped connection, and the client gets another', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await writeFile(
      join(folder, 'dies.mjs'),
      `import { parentPort } from 'node:worker_threads'; import './connection-worker.mjs'; parentPort.on('message', () => setTimeout(() => { throw new Error('dies'); }, 400));`,
    );
    const dying = new WorkerThreadHandler({ workerUrl: pathToFileURL(join(folder, 'dies.mjs')) });
    await using client = new KazooClient({ hosts: server.connectString, handler: dying });
    const states = record(client);
    await client.start();
    await until(() => states.length >= 3, 'CONNECTED again');
    expect(states.slice(0, 3).map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
  });

  test('speaks TLS; options that are functions are refused by name', async ({ skip }) => {
    const certificates = await makeCertificates();
    if (certificates === null) return skip('no openssl');
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    await using client = new KazooClient({
      hosts: `localhost:${server.port}`,
      useSsl: true,
      ca: certificates.ca,
      handler: handler(),
    });
    await client.start();
    expect(await client.command('ruok')).toBe('imok');
    const odd = new KazooClient({
      hosts: server.connectString,
      useSsl: true,
      tls: { checkServerIdentity: () => undefined },
      handler: handler(),
    });
    const error = await rejection(odd.start());
    expect(error.name).toBe('ConfigurationError');
    expect(error.message).toMatch(/worker thread/);
  });

  test('may be shared by clients: the thread ends with the last of them', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const shared = handler();
    const [first, second] = [1, 2].map(() => new KazooClient({ hosts: server.connectString, handler: shared }));
    await Promise.all([first!.start(), second!.start()]);
    await first!.stop();
    expect(await second!.exists('/')).not.toBeNull();
    await second!.stop();
  });
});
