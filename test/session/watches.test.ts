import { describe, expect, test } from 'vitest';
import { SESSION } from '../../src/client/internals.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import type { WatchedEvent } from '../../src/base/states.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op } from '../support/fake-server.ts';
import { rejection, suspend, told, until } from '../support/waiting.ts';

async function outage(
  client: KazooClient,
  server: EmbeddedZooKeeper,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  await suspend(server, client);
  server.refuseConnections(false);
  await meanwhile();
  await until(() => client.connected, 'CONNECTED');
}

describe('watches across connections of one session', () => {
  test('fire for what changed after the reconnect (pain-points 21)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const events: string[] = [];
    const watch = ({ type, path }: WatchedEvent): void => void events.push(`${type} ${path}`);
    await client.create('/data');
    await client.create('/parent');
    await client.get('/data', { watch });
    await client.exists('/missing', { watch });
    await client.getChildren('/parent', { watch });
    await outage(client, server);
    await client.set('/data', 'new');
    await client.create('/missing');
    await client.create('/parent/child');
    await until(() => events.length === 3, 'three events');
    expect(events).toEqual(['CHANGED /data', 'CREATED /missing', 'CHILD /parent']);
  });

  test('fire for what changed during the outage (pain-points 21)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using other = new KazooClient(server.connectString);
    await using client = new KazooClient({
      hosts: server.connectString,
      connectionRetry: { maxTries: -1, delay: 400, maxJitter: 0 },
    });
    await Promise.all([client.start(), other.start()]);
    const events: string[] = [];
    const watch = ({ type, path }: WatchedEvent): void => void events.push(`${type} ${path}`);
    for (const path of ['/data', '/parent', '/gone']) await client.create(path);
    await client.get('/data', { watch });
    await client.exists('/missing', { watch });
    await client.getChildren('/parent', { watch });
    await client.get('/gone', { watch });
    await outage(client, server, async () => {
      await other.retry(() => other.set('/data', 'new'));
      await other.create('/missing');
      await other.create('/parent/child');
      await other.delete('/gone');
    });
    await until(() => events.length === 4, 'four events');
    await client.sync('/');
    expect(events.sort()).toEqual(['CHANGED /data', 'CHILD /parent', 'CREATED /missing', 'DELETED /gone']);
  });

  test('fire once each after ten restarts of the server (pain-points 30)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    await client.create('/a');
    let fired = 0;
    await client.get('/a', {
      watch: () => {
        fired++;
      },
    });
    for (let i = 0; i < 10; i++) {
      await server.restart();
      await client.retry(() => client.exists('/a'));
    }
    await client.set('/a', 'x');
    await client.set('/a', 'y');
    await client.exists('/a');
    expect(fired).toBe(1);
  });

  test('that stay are put back, and hear that they may have missed something before anything else (pain-points 24, 25)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    await client.create('/a');
    const events: string[] = [];
    await client.addWatch('/a', ({ type, state, path }) => void events.push(`${type} ${state} ${path}`), { recursive: true });
    await client.set('/a', '1');
    await outage(client, server);
    await client.set('/a', '2');
    await client.create('/a/b');
    await until(() => events.length === 4, 'four events');
    expect(events).toEqual(['CHANGED CONNECTED /a', 'NONE CONNECTED null', 'CHANGED CONNECTED /a', 'CREATED CONNECTED /a/b']);
  });

  test('that stay are put back in a new session, too', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const events: string[] = [];
    await client.addWatch('/a', ({ type, state }) => void events.push(`${type} ${state}`));
    const suspended = told(client, 'SUSPENDED');
    server.expireSession(client.clientId!.sessionId);
    await suspended;
    await until(() => client.connected, 'CONNECTED');
    await client.create('/a');
    await until(() => events.length === 3, 'three events');
    expect(events).toEqual(['NONE EXPIRED_SESSION', 'NONE CONNECTED', 'CREATED CONNECTED']);
  });

  test('are restored 50,000 at a time with long paths in frames of at most 128 KiB (pain-points 22)', async () => {
    const frames: number[] = [];
    await using server = await FakeServer.start({
      request: (peer, { xid, op, body }) => {
        if (op === Op.setWatches) frames.push(body.length + 8);
        peer.reply(op === Op.setWatches ? -8 : xid, { err: op === Op.exists ? -101 : 0 });
      },
    });
    await using client = new KazooClient(server.connectString);
    await client.start();
    const long = 'x'.repeat(100);
    await Promise.all(Array.from({ length: 50_000 }, (_, i) => client.exists(`/${long}/${i}`, { watch: () => undefined })));
    const suspended = told(client, 'SUSPENDED');
    server.peers[0]!.socket.destroy();
    await suspended;
    await client.exists('/after');
    expect(frames.length).toBeGreaterThan(40);
    expect(Math.max(...frames)).toBeLessThanOrEqual(128 * 1024);
  });

  test('are restored by setWatches where no watch stays: older servers know nothing else (pain-points 69)', async () => {
    await using server = await EmbeddedZooKeeper.start({ version: '3.5' });
    await using client = new KazooClient(server.connectString);
    await client.start();
    let fired = 0;
    await client.exists('/a', {
      watch: () => {
        fired++;
      },
    });
    await outage(client, server);
    await client.create('/a');
    await until(() => fired === 1, 'the event');
  });

  test('are asked for with the zxid of the last reply, which events do not move (pain-points 23)', async () => {
    const zxids: bigint[] = [];
    await using server = await FakeServer.start({
      request: (peer, { xid, op, body }) => {
        if (op === Op.setWatches) {
          zxids.push(body.readBigInt64BE(0));
          return peer.reply(-8, { zxid: 5n });
        }
        peer.reply(xid, { err: op === Op.exists ? -101 : 0, zxid: 5n });
      },
    });
    await using client = new KazooClient(server.connectString);
    await client.start();
    let heard = 0;
    await client.exists('/a', {
      watch: () => {
        heard++;
      },
    });
    await client.exists('/b', {
      watch: () => {
        heard++;
      },
    });
    server.peers[0]!.event(1, '/a', 9n);
    await until(() => heard === 1, 'the event');
    expect(client.lastZxid).toBe(5n);
    server.peers[0]!.socket.destroy();
    await until(() => zxids.length === 1, 'setWatches');
    expect(zxids).toEqual([5n]);
    expect(server.questions[1]!.lastZxidSeen).toBe(5n);
  });
});

describe('a watch', () => {
  test('registered twice by the same function fires it once; DELETED reaches data and child watches as one', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    await client.create('/a');
    const events: string[] = [];
    const watch = ({ type }: WatchedEvent): void => void events.push(type);
    await client.get('/a', { watch });
    await client.get('/a', { watch });
    await client.exists('/a', { watch });
    await client.getChildren('/a', { watch });
    await client.delete('/a');
    await client.exists('/');
    expect(events).toEqual(['DELETED']);
  });

  test('of a read that failed leaves nothing (WA-2)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    let fired = 0;
    await rejection(
      client.get('/a', {
        watch: () => {
          fired++;
        },
      }),
    );
    await client.create('/a');
    await client.exists('/');
    expect(fired).toBe(0);
  });

  test('that throws reaches `error`, and the next one runs (pain-points 19)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    const errors: string[] = [];
    const heard: string[] = [];
    client.on('error', ({ message }) => void errors.push(message));
    await client.start();
    await client.exists('/a', {
      watch: () => {
        throw new Error('sync');
      },
    });
    await client.exists('/a', { watch: () => Promise.reject(new Error('async')) });
    await client.exists('/a', { watch: ({ type }) => void heard.push(type) });
    await client.create('/a');
    await until(() => heard.length === 1, 'the third');
    expect(errors).toEqual(['sync', 'async']);
    expect(await client.exists('/a')).not.toBeNull();
  });

  test('may await any call of the client; callbacks run one at a time', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    await client.create('/a');
    const order: string[] = [];
    await client.get('/a', {
      watch: async () => {
        order.push('begins');
        await client.create('/from-watch');
        order.push('ends');
      },
    });
    await client.get('/a', { watch: () => void order.push('next') });
    await client.set('/a', 'x');
    await until(() => order.length === 3, 'both');
    expect(order).toEqual(['begins', 'ends', 'next']);
  });

  test('that the last listener gave up is taken off the server (pain-points 27)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const [first, second] = [(): void => undefined, (): void => undefined];
    await client.exists('/a', { watch: first });
    await client.exists('/a', { watch: second });
    await client.unwatch('/a', first);
    expect(await client.command('wchp')).toMatch(/\/a/);
    await client.unwatch('/a', second);
    expect(await client.command('wchp')).not.toMatch(/\/a/);
  });

  test('is not taken off the server under a read that asks for it at the same time', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const old = (): void => undefined;
    let fired = 0;
    await client.exists('/a', { watch: old });
    await client.unwatch('/warm-up', old);
    const reading = client.exists('/a', {
      watch: () => {
        fired++;
      },
    });
    const removing = client.unwatch('/a', old);
    await Promise.all([reading, removing]);
    await client.create('/a');
    await client.exists('/');
    await until(() => fired === 1, 'the event');
  });

  test('of a read that was aborted is taken off the server when the reply comes (pain-points 27)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const abort = new AbortController();
    let fired = 0;
    const reading = rejection(
      client.exists('/a', {
        watch: () => {
          fired++;
        },
        signal: abort.signal,
      }),
    );
    abort.abort(new Error('changed my mind'));
    expect((await reading).message).toBe('changed my mind');
    await client.exists('/');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await client.command('wchp')).not.toMatch(/\/a/);
    await client.create('/a');
    expect(fired).toBe(0);
  });

  test('set and fired, or set and aborted, 100,000 times leaves no trace (pain-points 28)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const { [SESSION]: session } = client as unknown as { [SESSION]: { watches: { size: number } } };
    const ROUND = 5_000;
    let fired = 0;
    for (let round = 0; round < 10; round++) {
      const names = Array.from({ length: ROUND }, (_, i) => `/n-${round}-${i}`);
      await Promise.all(
        names.map((path) =>
          client.exists(path, {
            watch: () => {
              fired++;
            },
          }),
        ),
      );
      await Promise.all(names.map((path) => client.create(path)));
      await Promise.all(names.map((path) => client.delete(path)));
      const abort = new AbortController();
      const reads = names.map((path) =>
        client
          .exists(path, {
            watch: () => {
              fired++;
            },
            signal: abort.signal,
          })
          .catch(() => undefined),
      );
      abort.abort();
      await Promise.all(reads);
    }
    await client.exists('/');
    await until(() => session.watches.size === 0 && fired === 10 * ROUND, 'an empty table');
    for (let tries = 0; tries < 100 && /\/n-/.test(await client.command('wchp')); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await client.command('wchp')).not.toMatch(/\/n-/);
    expect(client.inFlightRequests + client.queuedRequests).toBe(0);
  }, 120_000);
});
