import { describe, expect, test } from 'vitest';
import { ConnectionLoss } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { dataBody, FakeServer, Op } from '../support/fake-server.ts';
import { record, rejection, until } from '../support/waiting.ts';

const T = 1_500;
/** What a busy machine may add to an upper bound; the exact instants are in instants.test.ts. */
const SLACK = 5_000;

describe('a peer that is there no more', () => {
  test('is found out within two thirds of the session timeout by an idle client (pain-points 1)', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    const states = record(client);
    await client.start();
    server.freeze();
    const frozen = performance.now();
    await until(() => client.state === 'SUSPENDED', 'SUSPENDED');
    expect(states.at(-1)!.at - frozen).toBeLessThan((2 * T) / 3 + SLACK);
  });

  test('is found out within two thirds of the session timeout by a client that never stops sending (pain-points 1, Kazoo D-1)', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: T });
    const states = record(client);
    await client.start();
    server.freeze();
    const frozen = performance.now();
    const outcomes: Promise<unknown>[] = [];
    const sending = setInterval(() => outcomes.push(rejection(client.exists('/'))), 20);
    await until(() => client.state === 'SUSPENDED', 'SUSPENDED');
    clearInterval(sending);
    expect(states.at(-1)!.at - frozen).toBeLessThan((2 * T) / 3 + SLACK);
    expect(await outcomes[0]).toBeInstanceOf(ConnectionLoss);
  });

  test('is replaced by another of the hosts (pain-points 1)', async () => {
    await using silent = await FakeServer.start();
    await using good = await FakeServer.start();
    await using client = new KazooClient({
      hosts: `${silent.connectString},${good.connectString}`,
      timeout: T,
      randomizeHosts: false,
    });
    await client.start();
    silent.peers[0]!.deaf = true;
    await until(() => good.questions.length > 0, 'the other host');
    expect(good.questions[0]!.sessionId).toBe(silent.questions[0]!.sessionId === 0n ? 1n : 0n);
    await until(() => client.connected, 'CONNECTED');
  });

  test('is not suspected while pings are answered, however long', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 3_000 });
    const states = record(client);
    await client.start();
    const { clientId } = client;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED']);
    expect(client.clientId).toEqual(clientId);
  });

  test('gets pings on time while replies stream in without end (pain-points 13)', async () => {
    const pings: number[] = [];
    const body = dataBody(Buffer.alloc(256 * 1024));
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op === Op.closeSession) return peer.reply(xid);
        peer.reply(xid, { body });
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 900 });
    await client.start();
    const [peer] = server.peers;
    peer!.socket.on('data', (chunk: Buffer) => {
      if (chunk.length === 12 && chunk.readInt32BE(4) === -2) pings.push(performance.now());
    });
    const end = performance.now() + 2_500;
    const reads = async (): Promise<void> => {
      // One request now and then would do for a ping: so only the first one is ours, and the server goes on by itself.
      await client.get('/big');
    };
    await reads();
    const flood = setInterval(() => peer!.event(3, '/nobody-watches'), 1);
    while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    clearInterval(flood);
    expect(pings.length).toBeGreaterThanOrEqual(3);
    expect(client.state).toBe('CONNECTED');
  });
});

describe('connecting', () => {
  test('gives each address its share of the session timeout, and goes on to the next (pain-points 62, Kazoo D-12)', async () => {
    await using hole = await FakeServer.start({ accept: () => true });
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({
      hosts: `${hole.connectString},${server.connectString}`,
      timeout: 4_000,
      randomizeHosts: false,
    });
    const failures: { port: number; cause: Error }[] = [];
    client.on('connectFailed', (failure) => void failures.push(failure));
    const begun = performance.now();
    await client.start();
    const took = performance.now() - begun;
    expect(took).toBeGreaterThan(1_900);
    expect(took).toBeLessThan(2_000 + SLACK);
    expect(failures.map(({ port }) => port)).toEqual([hole.port]);
    expect(failures[0]!.cause.message).toMatch(/no session within 2000 ms/);
  });

  test('leaves a server that answers pings and never a credential, after a session timeout', async () => {
    await using dumb = await FakeServer.start({ request: () => undefined });
    await using server = await FakeServer.start({ request: (peer, { xid, op }) => peer.reply(op === Op.auth ? -4 : xid) });
    await using client = new KazooClient({
      hosts: `${dumb.connectString},${server.connectString}`,
      timeout: 1_000,
      randomizeHosts: false,
      authData: [['digest', 'user:password']],
    });
    const failures: string[] = [];
    client.on('connectFailed', ({ cause }) => void failures.push(cause.message));
    await client.start();
    expect(dumb.questions).toHaveLength(1);
    expect(failures).toEqual([expect.stringMatching(/credentials.*1000 ms/)]);
  });

  test('tells of every failed attempt, with its cause (pain-points 9)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using hangsUp = await FakeServer.start({ greet: (peer) => void peer.socket.destroy() });
    await using client = new KazooClient({
      hosts: `127.0.0.1:1,no-such-host.invalid:2181,${hangsUp.connectString},${server.connectString}`,
      randomizeHosts: false,
      resolver: (host) => (host.endsWith('.invalid') ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve([host])),
    });
    const failures: string[] = [];
    client.on('connectFailed', ({ host, address, cause }) => void failures.push(`${host} ${address} ${cause.message}`));
    await client.start();
    expect(failures.sort()).toEqual([
      '127.0.0.1 127.0.0.1 connect ECONNREFUSED 127.0.0.1:1',
      expect.stringMatching(/^127.0.0.1 127.0.0.1 .*closed/),
      'no-such-host.invalid null ENOTFOUND',
    ]);
  });

  test('rejects in time with a cause for every host, also for one that has not answered yet (pain-points 9)', async () => {
    await using hole = await FakeServer.start({ accept: () => true });
    const client = new KazooClient({ hosts: `127.0.0.1:1,${hole.connectString}`, randomizeHosts: false });
    const begun = performance.now();
    const error = await rejection(client.start({ timeout: 300 }));
    expect(performance.now() - begun).toBeLessThan(300 + SLACK);
    expect(error.name).toBe('KazooTimeoutError');
    expect(error.message).toMatch(/:1 .*ECONNREFUSED/);
    expect(error.message).toMatch(new RegExp(`:${hole.port} .*no answer yet`));
    expect((error.cause as AggregateError).errors).toHaveLength(2);
    expect(client.state).toBe('LOST');
  });

  test('goes round a name that never resolves without waiting for it (pain-points 7)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({
      hosts: `slow.invalid:2181,${server.connectString}`,
      resolver: (host) => (host.endsWith('.invalid') ? new Promise(() => undefined) : Promise.resolve([host])),
    });
    const begun = performance.now();
    await client.start();
    // The look-up's own patience is 5 s.
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('looks the name up again before each dial: an answer that changed counts at once (pain-points 6)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const answers = [['127.0.0.9', '127.0.0.8'], ['127.0.0.1']];
    let asked = 0;
    const failed: (string | null)[] = [];
    await using client = new KazooClient({
      hosts: `moved.example:${server.port}`,
      resolver: () => Promise.resolve(answers[Math.min(asked++, 1)]!),
      randomizeHosts: false,
    });
    client.on('connectFailed', ({ address }) => void failed.push(address));
    await client.start();
    // The second address of the old answer was not dialled any more.
    expect(failed).toEqual(['127.0.0.9']);
  });

  test('recovers when the names resolve again (pain-points 7)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    let works = false;
    await using client = new KazooClient({
      hosts: `zk.example:${server.port}`,
      resolver: () => (works ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('SERVFAIL'))),
    });
    const started = client.start();
    setTimeout(() => (works = true), 300);
    await started;
    expect(client.connected).toBe(true);
  });

  test('tries IPv6 and IPv4 addresses of one name alike (pain-points 58)', async () => {
    await using server = await EmbeddedZooKeeper.start({ host: '::1' });
    await using byName = new KazooClient({
      hosts: `both.example:${server.port}`,
      resolver: () => Promise.resolve(['127.0.0.1', '::1']),
    });
    await byName.start();
    await using byAddress = new KazooClient(`[::1]:${server.port}`);
    await byAddress.start();
    expect(byAddress.hosts).toEqual([{ host: '::1', port: server.port }]);
  });

  test('backs off from a server that accepts and hangs up, with pauses that grow (pain-points 8)', async () => {
    const accepted: number[] = [];
    await using server = await FakeServer.start({
      accept: (peer) => {
        accepted.push(performance.now());
        peer.socket.destroy();
        return true;
      },
    });
    const client = new KazooClient({
      hosts: server.connectString,
      connectionRetry: { maxTries: -1, delay: 100, backoff: 2, maxJitter: 0 },
    });
    await rejection(client.start({ timeout: 1_800 }));
    const pauses = accepted.slice(1).map((at, index) => at - accepted[index]!);
    expect(accepted.length).toBeGreaterThanOrEqual(3);
    expect(accepted.length).toBeLessThanOrEqual(6);
    for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThan(90 * 2 ** index);
  });

  test('does not dial in a tight circle when sessions are confirmed and cut at once (pain-points 8)', async () => {
    let cut = true;
    await using server = await FakeServer.start({
      greet: (peer, { timeOut }) => {
        peer.confirm(timeOut, 7n);
        if (cut) peer.socket.end();
      },
    });
    const client = new KazooClient({ hosts: server.connectString });
    await client.start();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(server.questions.length).toBeLessThan(35);
    cut = false;
    await client.stop();
  });

  test('spreads clients over the delay: a thousand of them do not dial in the same tenth (pain-points 8)', async () => {
    const { KazooRetry, UNLIMITED_RETRY } = await import('../../src/base/retry.ts');
    const { ManualClock } = await import('../../src/base/clock.ts');
    const clock = new ManualClock();
    const dialled: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      let calls = 0;
      void new KazooRetry({ ...UNLIMITED_RETRY, clock }).call(() => {
        if (calls++ === 0) throw new ConnectionLoss();
        dialled.push(clock.now());
      });
    }
    for (let step = 0; step < 200; step++) {
      clock.advance(1);
      await Promise.resolve();
      await Promise.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(dialled).toHaveLength(1_000);
    const tenth = 10;
    for (let from = 60; from < 140; from += 2)
      expect(dialled.filter((at) => at >= from && at < from + tenth).length).toBeLessThan(350);
  });
});

describe('fatal errors', () => {
  test('make start() reject at once: a certificate that cannot be read (Kazoo D-5)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, useSsl: true, ca: '/no/such/file.pem' });
    const begun = performance.now();
    const error = await rejection(client.start());
    expect(error.name).toBe('ConfigurationError');
    expect(error.message).toMatch(/no\/such\/file.pem/);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test('make start() reject at once: a connection policy that gives up (Kazoo D-5)', async () => {
    const client = new KazooClient({ hosts: '127.0.0.1:1', connectionRetry: { maxTries: 2, delay: 10 } });
    const error = await rejection(client.start());
    expect(error.name).toBe('RetryFailedError');
    expect(JSON.stringify(causes(error))).toMatch(/ECONNREFUSED/);
    expect(client.state).toBe('LOST');
  });
});

function causes(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors.flatMap(causes) : [];
  return [error.message, ...inner, ...causes(error.cause)];
}
