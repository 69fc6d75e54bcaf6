import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ConnectionLoss, NotReadOnlyCallError, OperationTimeoutError, ZookeeperError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { dataBody, FakeServer, framed, Op, replyFrame } from '../support/fake-server.ts';
import { record, rejection, told, until } from '../support/waiting.ts';

describe('maxInFlight', () => {
  test('is never exceeded on the wire; the rest waits in order (pain-points 15)', async () => {
    let [open, most] = [0, 0];
    const order: string[] = [];
    await using server = await FakeServer.start({
      request: (peer, { xid, op, body }) => {
        if (op !== Op.exists) return peer.reply(xid);
        most = Math.max(most, ++open);
        order.push(body.toString('latin1', 4, body.length - 1));
        setTimeout(() => {
          open--;
          peer.reply(xid, { err: -101 });
        }, 5);
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, maxInFlight: 3 });
    await client.start();
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    await Promise.all(paths.map((path) => client.exists(path)));
    expect(most).toBe(3);
    expect(order).toEqual(paths);
  });

  test('lets go of what is aborted while it waits: it is never sent, and those behind it are (pain-points 15)', async () => {
    const sent: string[] = [];
    const held: (() => void)[] = [];
    await using server = await FakeServer.start({
      request: (peer, { xid, op, body }) => {
        if (op !== Op.exists) return peer.reply(xid);
        sent.push(body.toString('latin1', 4, body.length - 1));
        held.push(() => peer.reply(xid, { err: -101 }));
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, maxInFlight: 1 });
    await client.start();
    const abort = new AbortController();
    const first = client.exists('/1');
    const second = rejection(client.exists('/2', { signal: abort.signal }));
    const third = client.exists('/3');
    expect(client.queuedRequests).toBe(2);
    abort.abort();
    expect((await second).name).toBe('AbortError');
    expect(client.queuedRequests).toBe(1);
    await until(() => held.length === 1, 'the first');
    held[0]!();
    await first;
    await until(() => held.length === 2, 'the third');
    held[1]!();
    await third;
    expect(sent).toEqual(['/1', '/3']);
  });

  test('goes on after a request that was too large and a reply that was', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({
      hosts: server.connectString,
      maxInFlight: 1,
      maxRequestBytes: 2_000,
      maxResponseBytes: 1_500,
    });
    await client.start();
    await client.create('/a', Buffer.alloc(1_600));
    const outcomes = await Promise.allSettled([
      client.get('/a'),
      client.set('/a', Buffer.alloc(3_000)),
      client.get('/a'),
      client.exists('/a'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  });
});

describe('sizes', () => {
  test('a request over maxRequestBytes is refused by name before it is sent, and hurts nobody', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    const states = record(client);
    await client.start();
    const error = await rejection(client.create('/a', Buffer.alloc(2_000_000)));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(/maxRequestBytes \(1048575\)/);
    expect(await client.exists('/a')).toBeNull();
    expect(states).toHaveLength(1);
  });

  test('a reply over maxResponseBytes fails that call by name, and no other', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({ hosts: server.connectString, maxResponseBytes: 10_000 });
    const states = record(client);
    await client.start();
    await client.create('/big', Buffer.alloc(20_000));
    const [before, big, after] = await Promise.allSettled([client.exists('/big'), client.get('/big'), client.exists('/')]);
    expect([before.status, big.status, after.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const { reason } = big as PromiseRejectedResult;
    expect((reason as Error).message).toMatch(/maxResponseBytes \(10000\)/);
    expect(states).toHaveLength(1);
  });
});

describe('a timeout, or an abort, of one call', () => {
  test('rejects in time with every server down, and frees its place (pain-points 20)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({ hosts: server.connectString, timeout: 20_000 });
    await client.start();
    server.refuseConnections(true);
    const suspended = told(client, 'SUSPENDED');
    server.dropConnections();
    await suspended;
    const begun = performance.now();
    const error = await rejection(client.get('/', { timeout: 200 }));
    expect(error).toBeInstanceOf(OperationTimeoutError);
    expect(performance.now() - begun).toBeLessThan(10_000);
    const abort = new AbortController();
    const many = Array.from({ length: 10_000 }, () => rejection(client.get('/', { signal: abort.signal })));
    expect(client.queuedRequests).toBe(10_000);
    abort.abort(new Error('enough'));
    expect((await many[0]!).message).toBe('enough');
    expect(client.queuedRequests).toBe(0);
    server.refuseConnections(false);
  });

  test('drops the reply that comes too late, and nothing else', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    server.faults.delay('getData', 300);
    expect(await rejection(client.get('/', { timeout: 50 }))).toBeInstanceOf(OperationTimeoutError);
    server.faults.clear();
    expect(await client.exists('/')).not.toBeNull();
    expect(client.inFlightRequests).toBe(0);
  });

  test('leaves no listener on the signal, and a thousand calls may share one', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const calls = Array.from({ length: 1_000 }, () => client.exists('/', { signal, timeout: 60_000 }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await Promise.all(calls);
    process.off('warning', warned);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(warnings).toEqual([]);
  });

  test('rejects at once, and sends nothing, where the signal was aborted before', async () => {
    await using server = await FakeServer.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    expect((await rejection(client.exists('/', { signal: AbortSignal.abort(new Error('before')) }))).message).toBe('before');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.requests).toEqual([]);
  });
});

describe('what the protocol does not allow', () => {
  test('xids go from 2^31 - 1 round to 1, and past the reserved ones (pain-points 16)', async () => {
    await using server = await FakeServer.start({ request: (peer, { xid }) => peer.reply(xid, { err: -101 }) });
    await using client = new KazooClient({ hosts: server.connectString, firstXid: 0x7fff_fffe });
    await client.start();
    await Promise.all(Array.from({ length: 10 }, (_, i) => client.exists(`/${i}`)));
    expect(server.requests.map(({ xid }) => xid)).toEqual([0x7fff_fffe, 0x7fff_ffff, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('a reply with another xid fails that call and all later ones with ConnectionLoss; the client lives on another connection (pain-points 17, Kazoo D-3)', async () => {
    let wrong = true;
    await using server = await FakeServer.start({ request: (peer, { xid }) => peer.reply(wrong ? xid + 5 : xid, { err: -101 }) });
    await using client = new KazooClient(server.connectString);
    await client.start();
    const suspended = told(client, 'SUSPENDED');
    const errors = await Promise.all([1, 2, 3].map((n) => rejection(client.exists(`/${n}`))));
    wrong = false;
    for (const error of errors) expect(error).toBeInstanceOf(ConnectionLoss);
    expect((errors[0]!.cause as Error).message).toMatch(/xid 6, but expected 1/);
    await suspended;
    expect(await client.exists('/after')).toBeNull();
    expect(server.peers).toHaveLength(2);
  });

  test.each([-127, -9_999, 42])(
    'an unknown error code (%i) fails the call with a ZookeeperError that has it (pain-points 18, Kazoo D-3)',
    async (code) => {
      await using server = await FakeServer.start({
        request: (peer, { xid, op }) => peer.reply(xid, { err: op === Op.exists ? code : 0 }),
      });
      await using client = new KazooClient(server.connectString);
      const states = record(client);
      await client.start();
      const error = await rejection(client.exists('/a'));
      expect(error).toBeInstanceOf(ZookeeperError);
      expect(error.code).toBe(code);
      expect(states).toHaveLength(1);
    },
  );

  test('a reply that cannot be read fails only that call (RQ-11)', async () => {
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) =>
        peer.reply(xid, op === Op.getData ? { body: Buffer.from([0, 0, 0]) } : { err: op === Op.exists ? -101 : 0 }),
    });
    await using client = new KazooClient({ hosts: server.connectString, maxInFlight: 1 });
    const states = record(client);
    await client.start();
    const [bad, good] = await Promise.allSettled([client.get('/a'), client.exists('/b')]);
    expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled']);
    expect(states).toHaveLength(1);
  });

  test('a handshake that cannot be read is a failed attempt (RQ-12)', async () => {
    let first = true;
    await using server = await FakeServer.start({
      greet: (peer, { timeOut }) => {
        if (first) peer.send(Buffer.from([1, 2, 3]));
        else peer.confirm(timeOut, 1n);
        first = false;
      },
    });
    await using client = new KazooClient(server.connectString);
    const failures: string[] = [];
    client.on('connectFailed', ({ cause }) => void failures.push(cause.message));
    await client.start();
    expect(failures).toHaveLength(1);
  });

  test.each([-5, 0x7fff_ffff])(
    'a frame of %i bytes is a dropped connection, or is skipped as it comes, and costs no memory',
    async (length) => {
      const header = Buffer.alloc(4);
      header.writeInt32BE(length);
      let broken = true;
      await using server = await FakeServer.start({
        request: (peer, { xid }) => {
          if (broken) peer.socket.end(header);
          else peer.reply(xid, { err: -101 });
          broken = false;
        },
      });
      await using client = new KazooClient(server.connectString);
      await client.start();
      expect(await rejection(client.exists('/a'))).toBeInstanceOf(ConnectionLoss);
      expect(await client.exists('/a')).toBeNull();
    },
  );

  test('a connection cut after any byte of a reply leaves nothing behind for the next (pain-points 2)', async () => {
    const whole = framed(replyFrame(1, { body: dataBody(Buffer.from('hello')) }));
    const CLIENTS = 8;
    const cutBy = async (first: number): Promise<number> => {
      let cut = first;
      await using server = await FakeServer.start({
        request: (peer, { xid, op }) => {
          if (op !== Op.getData) return peer.reply(xid);
          if (cut >= whole.length) return peer.reply(xid, { body: dataBody(Buffer.from('hello')) });
          peer.socket.end(whole.subarray(0, cut));
          cut += CLIENTS;
        },
      });
      await using client = new KazooClient(server.connectString);
      await client.start();
      let cuts = 0;
      for (;;) {
        try {
          const [data] = await client.get('/a');
          expect(String(data)).toBe('hello');
          return cuts;
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectionLoss);
          cuts++;
        }
      }
    };
    const cuts = await Promise.all(Array.from({ length: CLIENTS }, (_, first) => cutBy(first)));
    expect(cuts.reduce((sum, count) => sum + count)).toBe(whole.length);
  });

  test('an event of an unknown type, and an event nobody waits for, are ignored (WA-9)', async () => {
    await using server = await FakeServer.start({ request: (peer, { xid }) => peer.reply(xid, { err: -101 }) });
    await using client = new KazooClient(server.connectString);
    await client.start();
    server.peers[0]!.event(77, '/a');
    server.peers[0]!.event(3, '/nobody');
    expect(await client.exists('/a')).toBeNull();
  });
});

describe('a read-only server', () => {
  test('serves reads as CONNECTED_RO, refuses writes, and is left for one that takes writes, watches and all (pain-points 60, Kazoo D-2)', async () => {
    await using server = await EmbeddedZooKeeper.start({ readOnly: true });
    await using another = await EmbeddedZooKeeper.start({ readOnly: true });
    await using full = await EmbeddedZooKeeper.start();
    full.refuseConnections(true);
    await using client = new KazooClient({
      hosts: [server, another, full].map(({ connectString }) => connectString),
      randomizeHosts: false,
      readOnly: true,
      timeout: 3_000,
    });
    const states = record(client);
    await client.start();
    expect(client.clientState).toBe('CONNECTED_RO');
    expect(client.state).toBe('CONNECTED');
    expect(await client.exists('/')).not.toBeNull();
    expect(await rejection(client.create('/a'))).toBeInstanceOf(NotReadOnlyCallError);
    const events: string[] = [];
    await client.exists('/a', { watch: ({ type, path }) => void events.push(`${type} ${path}`) });
    full.refuseConnections(false);
    const found = performance.now();
    await until(() => client.clientState === 'CONNECTED', 'the read-write server');
    expect(performance.now() - found).toBeLessThan(20_000);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
    expect(await client.create('/a')).toBe('/a');
    await until(() => events.length === 1, 'the watch');
    expect(events).toEqual(['CREATED /a']);
  });

  test('gives no session that is offered to a read-write server (Kazoo D-2)', async () => {
    const offered: bigint[] = [];
    await using server = await FakeServer.start({
      greet: (peer, { timeOut, sessionId, readOnly }) => {
        offered.push(sessionId);
        expect(readOnly).toBe(true);
        peer.confirm(timeOut, 77n, offered.length < 3);
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, readOnly: true });
    await client.start();
    for (let i = 2; i <= 4; i++) {
      const suspended = told(client, 'SUSPENDED');
      server.peers.at(-1)!.socket.destroy();
      await suspended;
      await until(() => client.connected, 'CONNECTED');
    }
    expect(offered).toEqual([0n, 0n, 0n, 77n]);
  });
});
