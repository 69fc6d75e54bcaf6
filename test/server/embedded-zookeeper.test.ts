import { once } from 'node:events';
import { connect as dialSocket } from 'node:net';
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConfigurationError } from '../../src/base/errors.ts';
import { type EmbeddedSession, EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { body, cat, connectRequest, frame, fourLetterWord, int, OP, RawConnection } from '../conformance/wire.ts';
import { connect, dial, resume, serve } from './raw-client.ts';

test('a server starts on a free port of this machine, and says where', async () => {
  const server = await serve();
  expect(server.connectString).toBe(`127.0.0.1:${server.port}`);
  expect(server.port).toBeGreaterThan(0);
});

test('a server on every address is reached at the local one', async () => {
  const server = await serve({ host: '0.0.0.0' });
  expect(server.connectString).toBe(`127.0.0.1:${server.port}`);
});

test('a port that is taken is an error of start', async () => {
  const { port } = await serve();
  await expect(EmbeddedZooKeeper.start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('an option that is unknown is named', async () => {
  await expect(EmbeddedZooKeeper.start({ tickTimes: 1 } as object)).rejects.toThrow(ConfigurationError);
  await expect(EmbeddedZooKeeper.start({ tickTimes: 1 } as object)).rejects.toThrow('"tickTimes"');
});

test('close is idempotent, frees the port and ends the connections', async () => {
  const server = await serve();
  const client = await connect(server);
  await Promise.all([server.close(), client.ended()]);
  await server.close();
  await expect(RawConnection.dial('127.0.0.1', server.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await expect(server.restart()).rejects.toThrow(TypeError);
});

test('a server is disposed of at the end of its scope', async () => {
  let port = 0;
  {
    await using server = await EmbeddedZooKeeper.start();
    port = server.port;
  }
  await expect(RawConnection.dial('127.0.0.1', port)).rejects.toThrow('ECONNREFUSED');
});

test('sessions are told with their ephemeral nodes and whether they are connected', async () => {
  const server = await serve();
  const client = await connect(server, { timeout: 6000 });
  await client.create('/e', { flags: 1 });
  const sessionId = client.session!.sessionId;
  expect(server.sessions()).toEqual([{ sessionId, timeout: 6000, ephemerals: ['/e'], connected: true }]);
  server.dropConnections();
  await client.ended();
  expect(server.sessions()).toMatchObject([{ sessionId, connected: false }]);
});

test('a snapshot is the whole tree, and stays as it was', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/a', { data: 'x' });
  const snapshot = server.snapshot();
  await client.set('/a', 'y');
  await client.create('/a/b');
  expect(Object.keys(snapshot)).toEqual(['/', '/a', '/zookeeper', '/zookeeper/config', '/zookeeper/quota']);
  expect(snapshot['/a']).toMatchObject({
    data: Buffer.from('x'),
    acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
    children: [],
  });
  expect(snapshot['/a']!.stat.version).toBe(0);
  expect(snapshot['/']!.children).toEqual(['a', 'zookeeper']);
});

test('an expired session loses its nodes and its connection, and watches fire', async () => {
  const server = await serve();
  const [client, other] = [await connect(server), await connect(server)];
  await client.create('/e', { flags: 1 });
  await other.exists('/e', true);
  server.expireSession(client.session!.sessionId);
  await client.ended();
  await other.ping();
  expect(other.events).toMatchObject([{ type: 2, path: '/e' }]);
  expect((await resume(client, server)).session).toMatchObject({ timeout: 0, sessionId: 0n });
  server.expireSession(client.session!.sessionId);
  expect(() => server.expireSession(1 as never)).toThrow('bigint');
});

test('sessions expire by the injected clock, whole ticks later', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock, tickTime: 1000 });
  const client = await connect(server, { timeout: 5000 });
  await client.create('/e', { flags: 1 });
  clock.advance(4999);
  expect(server.sessions()).toHaveLength(1);
  await client.ping();
  clock.advance(5000);
  expect(server.sessions()).toHaveLength(1);
  clock.advance(1001);
  expect(server.sessions()).toEqual([]);
  expect(server.snapshot()['/e']).toBeUndefined();
  await client.ended();
});

test('a connection that asks for no session is ended after ten to twenty seconds', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock });
  const [silent, client] = [await dial(server), await connect(server, { timeout: 40_000 })];
  await fourLetterWord('127.0.0.1', server.port, 'ruok');
  clock.advance(9999);
  await client.ping();
  expect(silent.open).toBe(true);
  clock.advance(10_001);
  await silent.ended();
  expect((await client.ping()).err).toBe(0);
});

test('a frozen server accepts and reads but answers nothing, until it thaws', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock });
  const client = await connect(server);
  server.freeze();
  server.freeze();
  const reply = client.create('/a');
  const late = await dial(server);
  const handshake = late.handshake();
  const word = fourLetterWord('127.0.0.1', server.port, 'ruok');
  const silent = await dial(server);
  clock.advance(60_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([client.replies.length, late.received, server.snapshot()['/a']]).toEqual([0, 0, undefined]);
  expect(server.sessions()).toHaveLength(1);
  expect(silent.open).toBe(true);
  server.thaw();
  server.thaw();
  expect((await reply).err).toBe(0);
  expect((await handshake)?.sessionId).not.toBe(0n);
  expect(await word).toBe('imok');
});

test('while connections are refused those there are stay', async () => {
  const server = await serve();
  const client = await connect(server);
  server.refuseConnections(true);
  const refused = await dial(server).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
  if (typeof refused === 'object') await refused.ended();
  expect(typeof refused === 'object' ? refused.received : refused).toBeOneOf([0, 'ECONNRESET']);
  expect((await client.ping()).err).toBe(0);
  server.refuseConnections(false);
  await connect(server);
  expect(() => server.refuseConnections(1 as never)).toThrow(TypeError);
});

test('a read-only server lets in who asks for it, and refuses writes', async () => {
  const server = await serve();
  const before = await connect(server);
  await before.create('/a', { data: 'x' });
  server.setReadOnly(true);
  server.setReadOnly(true);
  await before.ended();
  const plain = await dial(server);
  expect(await plain.handshake()).toBeUndefined();
  const reader = await connect(server, { readOnly: true });
  expect(reader.session).toMatchObject({ readOnly: true });
  expect((await reader.get('/a')).data).toBe('x');
  expect((await reader.set('/a', 'y')).err).toBe(-119);
  expect((await reader.sync('/a')).err).toBe(-119);
  expect(await fourLetterWord('127.0.0.1', server.port, 'isro')).toBe('ro');
});

test('a session of a read-only server is unknown to one that writes, and the reverse', async () => {
  const server = await serve({ readOnly: true });
  const local = await connect(server, { readOnly: true });
  expect((await resume(local, server, { readOnly: true })).session?.sessionId).toBe(local.session?.sessionId);
  server.setReadOnly(false);
  expect((await resume(local, server, { readOnly: true })).session?.timeout).toBe(0);
  const global = await connect(server);
  server.setReadOnly(true);
  await expect(resume(global, server, { readOnly: true })).rejects.toThrow('hung up');
});

test('a read-only server ends its own sessions without a transaction, and no others', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock });
  const global = await connect(server);
  server.setReadOnly(true);
  const [left, lost] = [await connect(server, { readOnly: true }), await connect(server, { readOnly: true })];
  expect(await left.closeSession()).toMatchObject({ err: 0, zxid: 1n });
  await left.ended();
  clock.advance(60_000);
  await lost.ended();
  expect(server.sessions().map(({ sessionId }) => sessionId)).toEqual([global.session!.sessionId]);
  server.setReadOnly(false);
  expect((await resume(global, server)).session?.sessionId).toBe(global.session!.sessionId);
});

test('a wiped server is as new', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/a');
  server.wipe();
  await client.ended();
  expect(server.sessions()).toEqual([]);
  expect(Object.keys(server.snapshot())).not.toContain('/a');
  const behind = await dial(server);
  expect(await behind.handshake({ lastZxidSeen: 2n })).toBeUndefined();
  expect((await resume(client, server)).session?.timeout).toBe(0);
  expect((await (await connect(server)).create('/b')).zxid).toBe(2n);
});

test('a restarted server has its port, data and sessions', async () => {
  const server = await serve();
  const { port } = server;
  const client = await connect(server);
  await client.create('/e', { flags: 1 });
  await Promise.all([server.restart(), client.ended()]);
  expect(server.port).toBe(port);
  const again = await resume(client, server);
  expect((await again.exists('/e')).stat?.ephemeralOwner).toBe(client.session!.sessionId);
});

test('restarts and a close asked for at once come one after the other; closed, it stays closed', async () => {
  const server = await serve();
  const client = await connect(server);
  const moves = [server.restart(), server.restart()];
  expect(await Promise.allSettled(moves)).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
  expect((await resume(client, server)).session?.sessionId).toBe(client.session!.sessionId);
  const restart = server.restart().catch((error: unknown) => error);
  await server.close();
  expect(await restart).toBeInstanceOf(TypeError);
  await expect(dial(server)).rejects.toThrow('ECONNREFUSED');
});

test('a client that does not read what it is still owed does not hold a close up', async () => {
  const server = await serve();
  const writer = await connect(server);
  await writer.create('/large', { data: 'x'.repeat(900_000) });
  const socket = dialSocket(server.port, '127.0.0.1').on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.pause();
  socket.write(frame(connectRequest()));
  const reading = (): EmbeddedSession | undefined =>
    server.sessions().find((each) => each.sessionId !== writer.session!.sessionId);
  await expect.poll(reading).toBeDefined();
  const served = async (): Promise<number> =>
    Number(/zk_packets_received\t(\d+)/.exec(await fourLetterWord('127.0.0.1', server.port, 'mntr'))![1]);
  const before = await served();
  for (let xid = 1; xid <= 30; xid++) socket.write(frame(cat(int(xid), int(OP.getData), body.pathWatch('/large', false))));
  await expect.poll(served).toBeGreaterThan(before + 2);
  server.expireSession(reading()!.sessionId);
  await server.close();
  socket.resume();
  await closed;
});

test('so many connections an address may have', async () => {
  const server = await serve({ maxClientCnxns: 2 });
  await connect(server);
  await connect(server);
  const third = await dial(server);
  await third.ended();
  expect(third.received).toBe(0);
});

test('containers go once their last child has, and nodes once their time is over', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock, containerCheckIntervalMs: 1000, containerMaxNeverUsedIntervalMs: 5000 });
  const client = await connect(server, { timeout: 40_000 });
  await client.createContainer('/unused');
  await client.createContainer('/c');
  await client.create('/c/x');
  await client.createTTL('/t', { ttl: 1500 });
  clock.advance(1000);
  await client.delete('/c/x');
  expect(Object.keys(server.snapshot())).toEqual(expect.arrayContaining(['/c', '/t', '/unused']));
  clock.advance(1000);
  expect(Object.keys(server.snapshot())).not.toEqual(expect.arrayContaining(['/c']));
  expect(server.snapshot()['/t']).toBeUndefined();
  expect(server.snapshot()['/unused']).toBeDefined();
  clock.advance(4000);
  expect(server.snapshot()['/unused']).toBeUndefined();
});

test('a client that has gone leaves nothing with the server', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.addWatch('/', 1);
  await client.closeSession();
  await client.ended();
  expect(server.sessions()).toEqual([]);
  expect(await fourLetterWord('127.0.0.1', server.port, 'wchs')).toBe('0 connections watching 0 paths\nTotal watches:0\n');
});

test('starting takes a moment, and a thousand servers leave nothing behind', { timeout: 120_000 }, async () => {
  const handles = (): number => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).length;
  await (await EmbeddedZooKeeper.start()).close();
  const before = handles();
  let fastest = Infinity;
  for (let i = 0; i < 1000; i++) {
    const at = performance.now();
    const server = await EmbeddedZooKeeper.start();
    fastest = Math.min(fastest, performance.now() - at);
    if (i % 10 === 0) await shakeHands(server.port);
    await server.close();
  }
  expect(fastest).toBeLessThan(20);
  await expect.poll(handles, { timeout: 10_000 }).toBeLessThanOrEqual(before + 1);
});

async function shakeHands(port: number): Promise<void> {
  const socket = dialSocket(port, '127.0.0.1').on('error', () => undefined);
  socket.write(frame(connectRequest()));
  await once(socket, 'data');
  socket.destroy();
}
