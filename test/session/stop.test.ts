import { describe, expect, test } from 'vitest';
import { AuthFailedError, ConnectionClosedError, ConnectionLoss } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op } from '../support/fake-server.ts';
import { record, rejection, suspend, told, until } from '../support/waiting.ts';

/** At once, on a machine that is busy with other things: less than any limit that might be waited out instead. */
const SOON = 5_000;

/** Stops, and says how long it took. */
async function timeToStop(client: KazooClient): Promise<number> {
  const begun = performance.now();
  await client.stop();
  expect(client.state).toBe('LOST');
  expect(client.clientState).toBe('CLOSED');
  expect(client.clientId).toBeNull();
  return performance.now() - begun;
}

describe('stop()', () => {
  test('before start does nothing, twice over (pain-points 10, 11)', async () => {
    const client = new KazooClient('127.0.0.1:1');
    expect(await timeToStop(client)).toBeLessThan(SOON);
    expect(await timeToStop(client)).toBeLessThan(SOON);
  });

  test('forgets the last zxid: the next session may be with a server that has lost its data (SS-12, WI-6)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(server.connectString).start();
    await client.create('/a');
    await client.stop();
    expect(client.lastZxid).toBe(0n);
    server.wipe();
    await client.start();
    expect(await client.exists('/a')).toBeNull();
  });

  test('credentials that were refused leave no zxid behind either', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(server.connectString).start();
    await client.create('/a');
    expect(await rejection(client.addAuth('none-such', 'x'))).toBeInstanceOf(AuthFailedError);
    await until(() => server.sessions().every(({ connected }) => !connected), 'the end of the connection');
    expect(client.lastZxid).toBe(0n);
    server.wipe();
    await client.start();
    expect(await client.exists('/a')).toBeNull();
  });

  test('while connecting to a black hole ends the start() that waits, at once (pain-points 10)', async () => {
    await using hole = await FakeServer.start({ accept: () => true });
    const client = new KazooClient(hole.connectString);
    const starting = rejection(client.start());
    await until(() => hole.peers.length === 1, 'the dial');
    expect(await timeToStop(client)).toBeLessThan(SOON);
    expect(await starting).toBeInstanceOf(ConnectionClosedError);
  });

  test('during a pause between attempts returns at once', async () => {
    const client = new KazooClient({ hosts: '127.0.0.1:1', connectionRetry: { maxTries: -1, delay: 60_000 } });
    const failed = new Promise((resolve) => client.once('connectFailed', resolve));
    const starting = rejection(client.start({ timeout: Infinity }));
    await failed;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await timeToStop(client)).toBeLessThan(SOON);
    expect(await starting).toBeInstanceOf(ConnectionClosedError);
  });

  test('while SUSPENDED fails what is queued with ConnectionLoss and tells LOST once (SS-11)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    const states = record(client);
    await client.start();
    server.refuseConnections(true);
    const suspended = told(client, 'SUSPENDED');
    server.dropConnections();
    await suspended;
    const queued = rejection(client.exists('/'));
    expect(await timeToStop(client)).toBeLessThan(SOON);
    expect(await queued).toBeInstanceOf(ConnectionLoss);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST']);
  });

  test('while the server is a black hole is bounded, and settles every promise (pain-points 10)', async () => {
    await using server = await FakeServer.start();
    const client = new KazooClient({ hosts: server.connectString, timeout: 1_500 });
    await client.start();
    server.peers[0]!.deaf = true;
    const calls = Promise.all([1, 2, 3].map(() => rejection(client.exists('/'))));
    expect(await timeToStop(client)).toBeLessThan(1_500 + SOON);
    for (const error of await calls) expect(error).toBeInstanceOf(ConnectionLoss);
  });

  test('lets earlier requests finish first, those that wait for room too', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, maxInFlight: 5 });
    await client.start();
    const calls = Array.from({ length: 50 }, (_, i) => client.create(`/n-${i}`));
    const stopped = client.stop();
    expect(await rejection(client.exists('/'))).toBeInstanceOf(ConnectionClosedError);
    expect(await Promise.all(calls)).toHaveLength(50);
    await stopped;
    expect(server.sessions()).toHaveLength(0);
  });

  test('does not wait for answers that nobody waits for any more', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = await new KazooClient({ hosts: server.connectString, timeout: 30_000 }).start();
    server.faults.dropReply('exists', 2);
    expect((await rejection(client.exists('/', { timeout: 50 }))).name).toBe('OperationTimeoutError');
    const abort = new AbortController();
    const aborted = rejection(client.exists('/', { signal: abort.signal }));
    const begun = performance.now();
    const stopped = client.stop();
    abort.abort(new Error('enough'));
    await stopped;
    expect(performance.now() - begun).toBeLessThan(3 * SOON);
    expect((await aborted).message).toBe('enough');
    expect(server.sessions()).toHaveLength(0);
  });

  test('after a refused credential, and again (pain-points 10, 11)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    await rejection(client.addAuth('no-such-scheme', 'x'));
    expect(await timeToStop(client)).toBeLessThan(SOON);
    expect(await timeToStop(client)).toBeLessThan(SOON);
  });

  test('inside a watch callback, awaited there (pain-points 10, Kazoo D-6)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    let stopped = false;
    await client.exists('/a', {
      watch: async () => {
        await client.stop();
        stopped = true;
      },
    });
    await client.create('/a');
    await until(() => stopped, 'the stop');
  });

  test.each(['CONNECTED', 'SUSPENDED', 'LOST'])('inside a state listener told of %s (Kazoo D-6)', async (when) => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    const client = new KazooClient({ hosts: server.connectString, timeout: 900 });
    let stopped = false;
    client.on('state', (state) => {
      if (state === when && !stopped) void client.stop().then(() => (stopped = true));
    });
    const starting = client.start().catch(() => undefined);
    if (when !== 'CONNECTED') {
      await starting;
      server.expireSession(client.clientId!.sessionId);
    }
    await until(() => stopped, 'the stop');
    expect(client.clientState).toBe('CLOSED');
    await starting;
  });

  test.each(['CONNECTED', 'SUSPENDED'])(
    'while %s tells listeners of LOST, who may stop it again and start it anew',
    async (when) => {
      await using server = await EmbeddedZooKeeper.start();
      await using client = await new KazooClient(server.connectString).start();
      const session = client.clientId!.sessionId;
      if (when === 'SUSPENDED') await suspend(server, client);
      const order: string[] = [];
      let again: Promise<unknown> = Promise.resolve();
      client.once('lost', () => {
        const started = client.start().then(() => order.push('started'));
        again = Promise.all([started, client.stop().then(() => order.push('stopped'))]);
      });
      await client.stop();
      server.refuseConnections(false);
      await again;
      expect(order).toEqual(['stopped', 'started']);
      expect([client.connected, client.clientId!.sessionId === session]).toEqual([true, false]);
    },
  );

  test('at the same time from many places gives the same answer to all (pain-points 11)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    const states = record(client);
    await client.start();
    await Promise.all([client.stop(), client.close(), client.stop(), client[Symbol.asyncDispose]()]);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'LOST']);
    expect(server.sessions()).toHaveLength(0);
  });

  test('tells outstanding watches NONE with state CLOSED before it resolves (D-27)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    await client.start();
    const events: string[] = [];
    await client.exists('/a', { watch: ({ type, state }) => void events.push(`${type} ${state}`) });
    await client.stop();
    expect(events).toEqual(['NONE CLOSED']);
  });

  test('does not wait for ever for a server that does not answer the farewell', async () => {
    await using server = await FakeServer.start({ request: () => undefined });
    const client = new KazooClient({ hosts: server.connectString, timeout: 60_000 });
    await client.start();
    expect(await timeToStop(client)).toBeLessThan(2_000 + SOON);
  });

  test('is followed by a start() with a new session', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const first = client.clientId!.sessionId;
    await client.stop();
    await client.start();
    expect(client.clientId!.sessionId).not.toBe(first);
    const second = client.clientId!.sessionId;
    await client.restart();
    expect(client.connected).toBe(true);
    expect(client.clientId!.sessionId).not.toBe(second);
  });

  test('has been done at the end of the block that uses the client', async () => {
    await using server = await EmbeddedZooKeeper.start();
    {
      await using client = new KazooClient(server.connectString);
      await client.start();
    }
    expect(server.sessions()).toEqual([]);
  });
});

describe('start()', () => {
  test('on a connected client, while connecting and while SUSPENDED joins what there is (Kazoo D-6)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await Promise.all([client.start(), client.start()]);
    await client.start();
    expect(server.sessions()).toHaveLength(1);
    server.refuseConnections(true);
    const suspended = told(client, 'SUSPENDED');
    server.dropConnections();
    await suspended;
    let joined = false;
    const starting = client.start().then(() => (joined = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(joined).toBe(false);
    server.refuseConnections(false);
    await starting;
    expect(client.connected).toBe(true);
  });

  test('is needed: calls before it, and after stop(), reject at once with ConnectionClosedError (pain-points 12)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    const calls = (): Promise<Error>[] =>
      [client.exists('/'), client.get('/'), client.create('/a'), client.sync('/'), client.addAuth('digest', 'a:b')].map(
        rejection,
      );
    for (const error of await Promise.all(calls())) expect(error).toBeInstanceOf(ConnectionClosedError);
    await client.start();
    await client.stop();
    for (const error of await Promise.all(calls())) expect(error).toBeInstanceOf(ConnectionClosedError);
  });

  test('resumes a session by its id; an unknown one gives way to a fresh one, and listeners hear only CONNECTED (SS-20; pain-points 63)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const first = new KazooClient(server.connectString);
    await first.start();
    const { clientId } = first;
    await using second = new KazooClient({ hosts: server.connectString, clientId: clientId! });
    await second.start();
    expect(second.clientId!.sessionId).toBe(clientId!.sessionId);
    await first.stop();
    await using third = new KazooClient({
      hosts: server.connectString,
      clientId: { sessionId: 0x1234n, password: Buffer.alloc(16) },
    });
    const states = record(third);
    await third.start();
    expect(third.clientId!.sessionId).not.toBe(0x1234n);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED']);
  });

  test('given up by its signal rejects with the reason and leaves nothing running', async () => {
    await using hole = await FakeServer.start({ accept: () => true });
    const client = new KazooClient(hole.connectString);
    const abort = new AbortController();
    const starting = rejection(client.start({ signal: abort.signal }));
    abort.abort(new Error('enough'));
    expect((await starting).message).toBe('enough');
    expect(client.clientState).toBe('CLOSED');
  });
});

test('a request that is in flight when the server closes gets its reply, if one came', async () => {
  await using server = await FakeServer.start({
    request: (peer, { xid, op }) => {
      peer.reply(xid, { err: op === Op.exists ? -101 : 0 });
      peer.socket.end();
    },
  });
  await using client = new KazooClient(server.connectString);
  await client.start();
  expect(await client.exists('/a')).toBeNull();
});
