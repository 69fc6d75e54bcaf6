import { describe, expect, test } from 'vitest';
import { SessionExpiredError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer } from '../support/fake-server.ts';
import { block, record, rejection, until } from '../support/waiting.ts';

const T = 1_200;
/** What a busy machine may add to an upper bound; the exact instants are in instants.test.ts. */
const SLACK = 5_000;

describe('LOST', () => {
  test('is presumed, once, between 1 and 4/3 of the session timeout after the last byte while every server is a black hole (pain-points 3)', async () => {
    let last = 0;
    await using server = await FakeServer.start({ accept: (peer) => server.peers.length > 1 && (peer.deaf = true) });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    const states = record(client);
    await client.start();
    const [peer] = server.peers;
    peer!.deaf = true;
    last = performance.now();
    await until(() => states.some(({ state }) => state === 'LOST'), 'LOST');
    await new Promise((resolve) => setTimeout(resolve, T));
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST']);
    expect(client.stateCause).toMatchObject({ code: 'presumed' });
    const lost = states[2]!.at - last;
    expect(lost).toBeGreaterThan(T - 50);
    expect(lost).toBeLessThan((4 / 3) * T + SLACK);
  });

  test('is presumed while connections are refused, too (pain-points 3)', async () => {
    const server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    const states = record(client);
    await client.start();
    const closed = performance.now();
    await server.close();
    await until(() => states.length === 3, 'LOST');
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST']);
    expect(states[2]!.at - closed).toBeGreaterThan(T - 50);
    expect(states[2]!.at - closed).toBeLessThan((4 / 3) * T + SLACK);
  });

  test('is written to the log, with the reason', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line.replace(/0x\w+|:\d+/g, '…'));
    await using client = new KazooClient({
      hosts: server.connectString,
      logger: { debug: note, info: note, warn: note, error: note },
    });
    const states = record(client);
    await client.start();
    server.expireSession(client.clientId!.sessionId);
    await until(() => states.length === 4, 'CONNECTED again');
    await client.stop();
    expect(lines).toEqual([
      'session … on 127.0.0.1…',
      'connection lost: the server closed the connection',
      'the session is over: the server no longer knows the session',
      'session … on 127.0.0.1…',
      'the session is over: the client was stopped',
    ]);
  });

  test('is not told when the session comes back in time', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 2_000 });
    const states = record(client);
    await client.start();
    const { clientId } = client;
    server.refuseConnections(true);
    server.dropConnections();
    await new Promise((resolve) => setTimeout(resolve, 700));
    server.refuseConnections(false);
    await until(() => client.connected, 'CONNECTED');
    expect(client.clientId).toEqual(clientId);
    await new Promise((resolve) => setTimeout(resolve, 2_800));
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
  });

  test('is followed by a fresh session as soon as a server can be reached, from one connection (pain-points 4)', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    const states = record(client);
    await client.start();
    const before = client.clientId!;
    const causes: unknown[] = [];
    client.on('state', () => void causes.push((client.stateCause as { code?: string } | null)?.code ?? client.stateCause?.name));
    server.expireSession(before.sessionId);
    await until(() => states.length === 4, 'CONNECTED again');
    expect(causes).toEqual(['ConnectionDropped', 'expired', undefined]);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST', 'CONNECTED']);
    expect(client.clientId!.sessionId).not.toBe(before.sessionId);
    expect(server.sessions().filter(({ connected }) => connected)).toHaveLength(1);
    expect(await client.exists('/')).not.toBeNull();
  });

  test('comes with a wiped server, whose zxids are behind: a fresh session within twice the session timeout (pain-points 5)', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    const states = record(client);
    await client.start();
    for (let i = 0; i < 20; i++) await client.create(`/node-${i}`);
    server.wipe();
    const wiped = performance.now();
    await until(() => states.at(-1)!.state === 'CONNECTED' && states.length > 2, 'CONNECTED');
    expect(performance.now() - wiped).toBeLessThan(2 * T + SLACK);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST', 'CONNECTED']);
    expect(await client.create('/after')).toBe('/after');
  });

  test('fails what was submitted during the outage with SessionExpiredError, and never sends it', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    await client.start();
    const { sessionId } = client.clientId!;
    server.refuseConnections(true);
    server.dropConnections();
    await until(() => client.state === 'SUSPENDED', 'SUSPENDED');
    const queued = rejection(client.create('/queued'));
    server.expireSession(sessionId);
    server.refuseConnections(false);
    expect(await queued).toBeInstanceOf(SessionExpiredError);
    await until(() => client.connected, 'CONNECTED');
    expect(await client.exists('/queued')).toBeNull();
  });
});

describe('a blocked event loop', () => {
  test('of twice the session timeout is noticed before any callback runs (pain-points 14)', async () => {
    const order: string[] = [];
    await using server = await FakeServer.start();
    await using client = new KazooClient({ hosts: server.connectString, timeout: 1_500 });
    client.on('state', (state) => void order.push(state));
    await client.start();
    const pending = client.get('/unanswered').catch(() => order.push('rejected'));
    await until(() => server.requests.length === 1, 'the request');
    // The reply is in the socket's buffer when the loop runs again: it must not be believed.
    const [peer] = server.peers;
    peer!.reply(server.requests[0]!.xid, { err: -101 });
    await Promise.resolve();
    block(3_100);
    await pending;
    await until(() => order.length >= 3, 'the states');
    expect(order.slice(0, 3)).toEqual(['CONNECTED', 'rejected', 'SUSPENDED']);
    expect((await rejection(pending.then(() => Promise.reject(new Error('settled'))))).message).toBe('settled');
  });

  test('of twice the session timeout has ended a lock’s hold before anything is told that came meanwhile (pain-points 14)', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 1_500 });
    await client.start();
    const held: string[] = [];
    const lock = client.lock('/lock');
    const note = (what: string) => (): void => void held.push(`${what} ${lock.signal.aborted}`);
    await client.exists('/a', { watch: note('watch') });
    await lock.acquire();
    client.on('suspended', note('suspended'));
    client.on('lost', note('lost'));
    const made = client.create('/a').then(note('answered'), note('rejected'));
    block(3_100);
    await made;
    await until(() => held.some((what) => what.startsWith('watch')), 'the watch');
    expect(held.filter((what) => what.endsWith('false') && !what.startsWith('rejected'))).toEqual([]);
    expect(held.map((what) => what.split(' ')[0])).toEqual(['rejected', 'suspended', 'lost', 'watch']);
  });

  test('of twice the session timeout is told by who is asked right after it', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100, tickTime: 100 });
    await using client = await new KazooClient({ hosts: server.connectString, timeout: 1_000 }).start();
    const [lock, semaphore] = [client.lock('/lock'), client.semaphore('/semaphore', { maxLeases: 1 })];
    const latch = client.leaderLatch('/latch');
    const shards = client.setPartitioner('/shards', ['a'], { timeBoundary: 10 });
    latch.start();
    await Promise.all([lock.acquire(), semaphore.acquire(), latch.waitForLeadership(), shards.waitForAcquire()]);
    const signals = [lock.signal, semaphore.signal, latch.signal];
    const told: string[] = [];
    client.on('state', (state) => void told.push(state));
    const pending = client.get('/').then(
      () => told.push('answered'),
      () => told.push('rejected'),
    );
    await Promise.resolve();
    block(2_100);
    expect([lock.isAcquired, semaphore.isAcquired, latch.isLeader, shards.acquired, [...shards]]).toEqual([
      false,
      false,
      false,
      false,
      [],
    ]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect([client.connected, client.state]).toEqual([false, 'LOST']);
    expect(told).toEqual([]);
    await pending;
    await until(() => told.length >= 3, 'the states');
    expect(told.slice(0, 3)).toEqual(['rejected', 'SUSPENDED', 'LOST']);
    await Promise.all([latch.close(), shards.finish()]);
  });

  test('of less than the session timeout costs nothing', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 4_000 });
    const states = record(client);
    await client.start();
    for (let i = 0; i < 2; i++) {
      block(2_200);
      await client.exists('/');
    }
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED']);
  });
});

test('a reply of 32 MiB costs linear time (pain-points 13)', async () => {
  const { dataBody, replyFrame, framed } = await import('../support/fake-server.ts');
  const { FrameSplitter } = await import('../../src/codec/frame.ts');
  const time = (megabytes: number): number => {
    const bytes = framed(replyFrame(1, { body: dataBody(Buffer.alloc(megabytes * 1024 * 1024)) }));
    let frames = 0;
    const splitter = new FrameSplitter(
      { frame: () => frames++, oversized: () => undefined, broken: () => undefined },
      64 * 1024 * 1024,
    );
    const begun = performance.now();
    for (let at = 0; at < bytes.length; at += 65_536) splitter.push(bytes.subarray(at, at + 65_536));
    expect(frames).toBe(1);
    return performance.now() - begun;
  };
  time(4);
  const [small, large] = [Math.min(time(4), time(4), time(4)), Math.min(time(32), time(32))];
  // Quadratic would be 64 times as much.
  expect(large).toBeLessThan(Math.max(8 * small * 4, 1_000));
});

test('a reply of 32 MiB arrives whole, and the session lives through it', async () => {
  const { dataBody } = await import('../support/fake-server.ts');
  const body = dataBody(Buffer.alloc(32 * 1024 * 1024, 7));
  await using server = await FakeServer.start({ request: (peer, { xid, op }) => peer.reply(xid, op === 4 ? { body } : {}) });
  await using client = new KazooClient({ hosts: server.connectString, timeout: 3_000 });
  const states = record(client);
  await client.start();
  const [data] = await client.get('/big');
  expect(data).toHaveLength(32 * 1024 * 1024);
  expect(data![32 * 1024 * 1024 - 1]).toBe(7);
  expect(states.map(({ state }) => state)).toEqual(['CONNECTED']);
});
