import { describe, expect, onTestFinished, test } from 'vitest';
import { ConnectionLoss } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op } from '../support/fake-server.ts';
import { record, rejection, suspend, told, until } from '../support/waiting.ts';
import { Rig } from './rig.ts';

describe('setHosts', () => {
  test.each(['silent', 'refuses'] as const)(
    'takes a client from servers that are gone (%s) in time for its session',
    async (mood) => {
      const rig = new Rig(9_000, { hosts: 'a:1,b:1,c:1', connectionRetry: { maxJitter: 0 } });
      onTestFinished(() => rig.stop());
      await rig.start();
      const { sessionId } = rig.client.clientId!;
      rig.setAll(mood, 'a', 'b', 'c');
      rig.peer.hangUp();
      await rig.clock.advance(500);
      rig.client.setHosts('d:1,e:1');
      const set = rig.clock.now();
      await rig.clock.advance(1_000);
      expect(rig.happened.filter(({ what, at }) => what === 'dial' && at >= set).map(({ host }) => host)).toEqual(['d']);
      expect(rig.client.clientId?.sessionId).toBe(sessionId);
    },
  );

  test('leaves an attempt at a server that stays, and everything where nothing is new', async () => {
    const rig = new Rig(9_000, { hosts: 'a:1,b:1', connectionRetry: { maxJitter: 0 } });
    onTestFinished(() => rig.stop());
    rig.setAll('silent', 'a');
    const started = rig.client.start({ timeout: Infinity });
    await rig.clock.advance(1_000);
    rig.client.setHosts('b:1,a:1');
    rig.client.setHosts('a:1,d:1');
    await rig.clock.advance(3_000);
    expect(rig.times('dial')).toEqual([0]);
    await rig.clock.advance(5_500);
    rig.client.setHosts('d:1,a:1');
    await rig.clock.advance(1_000);
    await started;
    expect(rig.happened.filter(({ what }) => what === 'dial').map(({ at, host }) => [host, at])).toEqual([
      ['a', 0],
      ['a', 4_600],
      ['d', 9_100],
    ]);
  });

  test('waits for no look-up of a name that is out', async () => {
    const rig = new Rig(9_000, {
      hosts: 'a:1',
      resolver: (host) => (host === 'a' ? new Promise(() => undefined) : Promise.resolve([host])),
    });
    onTestFinished(() => rig.stop());
    const started = rig.client.start({ timeout: Infinity });
    await rig.clock.advance(1_000);
    rig.client.setHosts('b:1');
    await rig.clock.advance(200);
    await started;
    expect(rig.times('dial')).toHaveLength(1);
  });

  test('leaves the connection there is, and takes the session to the new servers with the next (pain-points 61)', async () => {
    await using before = await FakeServer.start();
    await using after = await FakeServer.start();
    await using client = new KazooClient(before.connectString);
    const states = record(client);
    await client.start();
    const { sessionId } = client.clientId!;
    client.setHosts([after.connectString, '127.0.0.1:1']);
    expect(client.connected).toBe(true);
    expect(client.hosts.map(({ port }) => port)).toEqual([after.port, 1]);
    expect(after.peers).toEqual([]);
    const suspended = told(client, 'SUSPENDED');
    before.peers[0]!.socket.destroy();
    await suspended;
    await until(() => client.connected, 'CONNECTED');
    expect(after.questions.map((question) => question.sessionId)).toEqual([sessionId]);
    expect(client.clientId!.sessionId).toBe(sessionId);
    expect(before.peers).toHaveLength(1);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
  });

  test('while nothing can be reached is a way out', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient('127.0.0.1:1');
    const failed = new Promise((resolve) => client.once('connectFailed', resolve));
    const started = client.start();
    await failed;
    client.setHosts(server.connectString);
    await started;
    expect(client.server).toMatchObject({ host: '127.0.0.1', port: server.port });
  });
});

describe('a session', () => {
  test('ends for its owner when another client that took it over is stopped: the way to force an expiry (pain-points 63)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    const states = record(client);
    const clientId = client.clientId!;
    await client.create('/mine', '', { ephemeral: true });
    const lost = told(client, 'LOST');
    const thief = new KazooClient({ hosts: server.connectString, clientId });
    await thief.start();
    expect(thief.clientId!.sessionId).toBe(clientId.sessionId);
    await thief.stop();
    await lost;
    await until(() => client.connected, 'a new session');
    expect(client.clientId!.sessionId).not.toBe(clientId.sessionId);
    expect(await client.exists('/mine')).toBeNull();
    expect(states.filter(({ state }) => state === 'LOST')).toHaveLength(1);
  });
});

test.each([false, true])('the question carries the read-only flag, here %s (pain-points 60)', async (readOnly) => {
  const lengths: number[] = [];
  await using server = await FakeServer.start({
    accept: (peer) => void peer.socket.once('data', ({ length }) => lengths.push(length)),
  });
  await using client = new KazooClient({ hosts: server.connectString, readOnly });
  await client.start();
  expect(server.questions.map((question) => question.readOnly)).toEqual([readOnly]);
  // Length, version, zxid, timeout, session, a password of 16 bytes, and the flag: without it servers log an "old client".
  expect(lengths).toEqual([4 + 4 + 8 + 4 + 8 + 4 + 16 + 1]);
});

describe('stop()', () => {
  test('takes back what was queued: it is not carried out by the next run (Kazoo D-28)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    await client.start();
    await suspend(server, client);
    const queued = rejection(client.create('/queued'));
    await client.stop();
    expect(await queued).toBeInstanceOf(ConnectionLoss);
    server.refuseConnections(false);
    await client.start();
    expect(await client.exists('/queued')).toBeNull();
  });

  test('after the client had given up does not end the session of the next run (Kazoo D-4)', async () => {
    await using server = await FakeServer.start();
    const client = new KazooClient({ hosts: '127.0.0.1:1', connectionRetry: { maxTries: 2, delay: 1 } });
    await rejection(client.start());
    await client.stop();
    client.setHosts(server.connectString);
    await client.start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.requests.filter(({ op }) => op === Op.closeSession)).toEqual([]);
    expect(client.connected).toBe(true);
    await client.stop();
  });
});
