import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';
import { HarnessError } from '../../src/harness/harness-error.ts';
import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { makeCertificates } from './certificates.ts';
import { expectRefusal } from './refused.ts';

const missing = await whyNoRealZooKeeper();

describe.skipIf(missing)('a managed server', () => {
  test('starts, answers and leaves nothing behind when disposed of', async () => {
    const server = await ManagedZooKeeper.start();
    expect(server.running).toBe(true);
    expect(server.connectString).toBe(`127.0.0.1:${server.clientPort}`);
    expect(await server.command('ruok')).toBe('imok');
    expect(await server.mode()).toBe('standalone');
    const pid = server.pid!;
    await server[Symbol.asyncDispose]();
    expect(server.running).toBe(false);
    expect(server.pid).toBeUndefined();
    expect(existsSync(server.workingPath)).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(server.start()).rejects.toThrow(/has been destroyed/);
    await server.destroy();
  });

  test('keeps its port and its data across kill and restart, and forgets them on reset', async () => {
    await using server = await ManagedZooKeeper.start();
    const { clientPort } = server;
    await server.start();
    await openSession(server);
    expect(await zxid(server)).toBe(1);
    await server.kill();
    expect(server.running).toBe(false);
    expect(await server.command('ruok')).toBeNull();
    await server.start();
    expect(await zxid(server)).toBeGreaterThanOrEqual(1);
    await server.restart();
    expect(await zxid(server)).toBeGreaterThanOrEqual(1);
    await server.reset();
    await server.start();
    expect(await zxid(server)).toBe(0);
    expect(server.clientPort).toBe(clientPort);
  });

  test('says nothing while frozen, and goes on afterwards', async () => {
    await using server = await ManagedZooKeeper.start();
    server.freeze();
    // The system stops one thread after the other: one may still answer.
    await vi.waitFor(async () => expect(await server.command('ruok')).toBeNull(), { timeout: 10_000 });
    expect(await server.command('ruok')).toBeNull();
    server.thaw();
    await vi.waitFor(async () => expect(await server.command('ruok')).toBe('imok'), { timeout: 10_000 });
  });

  test.skipIf(process.platform === 'win32')('takes configuration, properties, a super user and JAAS', async () => {
    const login = 'org.apache.zookeeper.server.auth.DigestLoginModule';
    await using server = await ManagedZooKeeper.start({
      tickTime: 700,
      configuration: { maxClientCnxns: 7 },
      systemProperties: { 'kazoo.probe': 'found' },
      javaOptions: ['-Xss1m'],
      superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=',
      readOnlyMode: true,
      jaas: `Server { ${login} required user_jaasuser="jaas_password"; };\n`,
    });
    const settings = await server.command('conf');
    expect(settings).toContain('tickTime=700');
    expect(settings).toContain('maxClientCnxns=7');
    const flags = execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(server.pid)], { encoding: 'utf8' });
    expect(flags).toContain('-Dkazoo.probe=found');
    expect(flags).toContain('superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=');
    expect(flags).toContain('-Dreadonlymode.enabled=true');
    expect(flags).toContain('-Xss1m');
  });

  test('opens a TLS port from PEM', async ({ skip }) => {
    const certificates = await makeCertificates();
    if (certificates === null) return skip('there is no openssl program');
    const { ca, server: identity, client } = certificates;
    await using server = await ManagedZooKeeper.start({ tls: { ...identity, ca } });
    expect(server.secureConnectString).toBe(`127.0.0.1:${server.securePort}`);
    const socket = connectTls({ host: server.host, port: server.securePort!, ca, ...client, servername: 'localhost' });
    await once(socket, 'secureConnect');
    socket.write('ruok');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toBe('imok');
    socket.destroy();
  });

  test('that cannot start says why, with the end of its log', async () => {
    await using server = await ManagedZooKeeper.create({ configuration: { tickTime: 'soon' } });
    const failure = await server.start().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HarnessError);
    expect((failure as HarnessError).message).toMatch(/at 127\.0\.0\.1:\d+ ended before it was serving \(exit code \d+\)/);
    expect((failure as HarnessError).serverLog).toContain('soon');
    await expect(ManagedZooKeeper.start({ configuration: { tickTime: 'soon' } })).rejects.toThrow(HarnessError);
  });

  test('that is made by its class has a place from its start on', async () => {
    await using server = new ManagedZooKeeper();
    expect(() => server.connectString).toThrow(/before it is started: await start\(\)/);
    expect([await server.logs(), await server.mode(), server.running, server.pid]).toEqual(['', null, false, undefined]);
    await server.stop();
    await server.reset();
    await server.start();
    expect(await server.mode()).toBe('standalone');
    expect(server.connectString).toBe(`127.0.0.1:${server.clientPort}`);
  });

  test('that was never started is destroyed without a trace', async () => {
    const server = new ManagedZooKeeper();
    await server.destroy();
    await expect(server.start()).rejects.toThrow('the server has been destroyed and cannot start again');
  });

  test('that is started twice at once starts once, and not after it was destroyed', async () => {
    await using server = await ManagedZooKeeper.create();
    const starts = [server.start(), server.start()];
    await Promise.all(starts);
    const pid = server.pid!;
    await server.destroy();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    const other = await ManagedZooKeeper.create();
    const starting = other.start();
    await Promise.all([expect(starting).rejects.toThrow(HarnessError), other.destroy()]);
    expect(other.running).toBe(false);
    expect(existsSync(other.workingPath)).toBe(false);
  });

  test.each<[string, (server: ManagedZooKeeper) => Promise<void>]>([
    ['restarted', (server) => server.restart()],
    ['killed and started', (server) => server.kill().then(() => server.start())],
  ])('that is %s while it starts is up', async (_, startAgain) => {
    await using server = await ManagedZooKeeper.create();
    const first = expect(server.start()).rejects.toThrow(/ended before it was serving/);
    await vi.waitFor(() => expect(server.running).toBe(true), { timeout: 10_000, interval: 5 });
    await startAgain(server);
    await first;
    expect(await server.mode()).toBe('standalone');
  });

  test('leaves a folder that it was given, and what others put there', async () => {
    const workingPath = mkdtempSync(join(tmpdir(), 'kazoo-given-'));
    writeFileSync(join(workingPath, 'keep.txt'), '');
    const server = await ManagedZooKeeper.start({ workingPath });
    expect(existsSync(join(workingPath, 'data'))).toBe(true);
    await server.destroy();
    expect(readdirSync(workingPath)).toEqual(['keep.txt']);
    rmSync(workingPath, { recursive: true });
  });

  test('that is too slow is killed', async () => {
    await using server = await ManagedZooKeeper.create();
    await expect(server.start({ timeout: 1 })).rejects.toThrow(/was not serving within 1 ms and has been killed/);
    expect(server.running).toBe(false);
  });

  test.skipIf(process.platform === 'win32')('dies with the process that started it, even one that is killed', async () => {
    const script = fileURLToPath(new URL('./orphan.mjs', import.meta.url));
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const { pid, workingPath } = JSON.parse(line.toString()) as { pid: number; workingPath: string };
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, 0);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 10_000 });
    await vi.waitFor(() => expect(existsSync(workingPath)).toBe(false), { timeout: 10_000 });
  });
});

describe('without a server', () => {
  test.each([{ ticktime: 100 }, { tickTime: -5 }, { tls: 5 }, { javaOptions: 'x' }, { readOnlyMode: 1 }, 7])(
    '%j is refused',
    async (options) => {
      await expectRefusal(ManagedZooKeeper.create(options as never), options);
      expect(() => new ManagedZooKeeper(options as never)).toThrow(ConfigurationError);
    },
  );

  test('one that cannot be found is looked for again at the next start', async () => {
    const server = new ManagedZooKeeper({ java: '/nowhere/java' });
    for (let attempt = 0; attempt < 2; attempt++) await expect(server.start()).rejects.toThrow(/Java cannot be run/);
    await server.destroy();
  });

  test('available tells why', async () => {
    expect(await ManagedZooKeeper.available({ java: '/nowhere/java' })).toEqual({
      available: false,
      reason: 'Java cannot be run as "/nowhere/java"',
    });
    await expect(ManagedZooKeeper.create({ java: '/nowhere/java' })).rejects.toThrow(
      /no real ZooKeeper server can run here: Java cannot/,
    );
  });
});

async function zxid(server: ManagedZooKeeper): Promise<number> {
  return Number.parseInt(/^Zxid: 0x(.*)$/m.exec((await server.command('srvr'))!)![1]!, 16) & 0xffffffff;
}

/** One ConnectRequest by hand: the first transaction. */
async function openSession(server: ManagedZooKeeper): Promise<void> {
  const socket = connect(server.clientPort, server.host);
  const request = Buffer.alloc(4 + 45);
  request.writeInt32BE(45, 0);
  request.writeInt32BE(30_000, 4 + 12);
  request.writeInt32BE(16, 4 + 24);
  socket.write(request);
  await once(socket, 'data');
  socket.destroy();
}
