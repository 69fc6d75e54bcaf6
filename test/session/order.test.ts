import { describe, expect, test } from 'vitest';
import { AuthFailedError, ConnectionLoss, SessionExpiredError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op } from '../support/fake-server.ts';
import { record, rejection, suspend, told, until } from '../support/waiting.ts';

describe('the order of telling', () => {
  test('on a drop: what was in flight is rejected first, then listeners hear SUSPENDED, and no watch hears anything (ST-9, mended)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    const order: string[] = [];
    await client.start();
    await client.create('/watched');
    await client.get('/watched', { watch: ({ type }) => void order.push(`watch ${type}`) });
    client.on('state', (state) => void order.push(`${state} ${client.state}`));
    server.freeze();
    const calls = [1, 2].map(async (n) => {
      const error = await rejection(client.get('/watched'));
      order.push(`${n} ${error.name}`);
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.dropConnections();
    await Promise.all(calls);
    await until(() => order.length === 3, 'SUSPENDED');
    expect(order).toEqual(['1 ConnectionLoss', '2 ConnectionLoss', 'SUSPENDED SUSPENDED']);
    server.thaw();
    await until(() => client.connected, 'CONNECTED');
    await client.set('/watched', 'x');
    await until(() => order.length === 5, 'the watch');
    expect(order.slice(3)).toEqual(['CONNECTED CONNECTED', 'watch CHANGED']);
  });

  test('on a loss: listeners hear LOST first, then what waits is rejected, then watches hear NONE, child watches first (ST-10, WA-7)', async () => {
    await using server = await EmbeddedZooKeeper.start({ minSessionTimeout: 100 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 2_000 });
    const order: string[] = [];
    await client.start();
    await client.create('/a');
    await client.get('/a', { watch: ({ type, state, path }) => void order.push(`data ${type} ${state} ${path}`) });
    await client.getChildren('/a', { watch: ({ type, state, path }) => void order.push(`child ${type} ${state} ${path}`) });
    const suspended = told(client, 'SUSPENDED');
    server.refuseConnections(true);
    server.expireSession(client.clientId!.sessionId);
    await suspended;
    let inListener: Promise<Error> | undefined;
    client.on('state', (state) => {
      order.push(state);
      if (state === 'LOST') inListener = rejection(client.get('/a'));
    });
    const queued = rejection(client.get('/a')).then((error) => order.push(`queued ${error.name}`));
    server.refuseConnections(false);
    await queued;
    await until(() => client.connected && order.length >= 5, 'CONNECTED');
    expect(order.slice(0, 2)).toEqual(['LOST', 'queued SessionExpiredError']);
    expect(order.filter((entry) => !entry.startsWith('queued'))).toEqual([
      'LOST',
      'child NONE EXPIRED_SESSION null',
      'data NONE EXPIRED_SESSION null',
      'CONNECTED',
    ]);
    expect(await inListener).toBeInstanceOf(SessionExpiredError);
  });

  test('CONNECTED is told once the state reads so, and start() resolves after it (ST-11)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    const order: string[] = [];
    client.on('state', (state) => void order.push(`${state} ${client.connected} ${client.clientId !== null}`));
    client.on('connected', () => void order.push('connected'));
    await client.start();
    expect(order).toEqual(['CONNECTED true true', 'connected']);
  });

  test('what was submitted while SUSPENDED is sent, in order, behind the watches and credentials (RQ-4, RQ-7)', async () => {
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op === Op.auth) peer.reply(-4, { zxid: 0n });
        else if (op === Op.setWatches) peer.reply(-8);
        else peer.reply(xid, { err: op === Op.exists ? -101 : 0 });
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, authData: [['digest', 'u:p']] });
    await client.start();
    await client.exists('/w', { watch: () => undefined });
    server.requests.length = 0;
    const suspended = told(client, 'SUSPENDED');
    server.peers[0]!.socket.destroy();
    await suspended;
    await Promise.all([client.exists('/1'), client.exists('/2'), client.exists('/3')]);
    expect(server.requests.map(({ op }) => op)).toEqual([Op.auth, Op.setWatches, Op.exists, Op.exists, Op.exists]);
    expect(server.requests.slice(2).map(({ body }) => body.toString('latin1', 4, 6))).toEqual(['/1', '/2', '/3']);
  });

  test('a listener that returns true is removed, one that throws hurts nobody (ST-13; pain-points 19)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    const heard: string[] = [];
    const errors: string[] = [];
    client.on('error', ({ message }) => void errors.push(message));
    client.on('state', () => {
      throw new Error('in a listener');
    });
    client.on('state', (state: string) => {
      heard.push(state);
      return true;
    });
    await client.start();
    const suspended = told(client, 'SUSPENDED');
    server.dropConnections();
    await suspended;
    await until(() => client.connected, 'CONNECTED');
    expect(heard).toEqual(['CONNECTED']);
    expect(errors).toEqual(['in a listener', 'in a listener', 'in a listener']);
  });

  test('a listener that stops the client keeps nobody from hearing why first (ST-9, ST-10)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    const order: string[] = [];
    client.on('state', (state) => {
      if (state !== 'SUSPENDED') return;
      void rejection(client.exists('/')).then(({ name }) => order.push(name));
      void client.stop();
    });
    client.on('state', (state) => void order.push(state));
    client.on('suspended', () => void order.push('suspended'));
    client.on('lost', () => void order.push('lost'));
    await client.start();
    await client.exists('/', { watch: ({ state }) => void order.push(`watch ${state}`) });
    client.dropConnection();
    await until(() => order.length >= 7, 'LOST');
    await client.stop();
    expect(order).toEqual(['CONNECTED', 'SUSPENDED', 'suspended', 'LOST', 'lost', 'ConnectionLoss', 'watch CLOSED']);
  });

  test('a listener may stop the client, start it, or call it, in any state (Kazoo D-6)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    const states: string[] = [];
    client.on('state', (state) => {
      states.push(state);
      if (state === 'SUSPENDED') void client.stop();
      if (state === 'LOST' && states.length < 4) void client.start();
    });
    await client.start();
    server.dropConnections();
    await until(() => states.length === 4, 'a second start');
    expect(states).toEqual(['CONNECTED', 'SUSPENDED', 'LOST', 'CONNECTED']);
    expect(await client.exists('/')).not.toBeNull();
    await client.stop();
  });
});

describe('credentials', () => {
  test('are all answered before CONNECTED is told, on every connection (pain-points 54, Kazoo D-9)', async () => {
    let answered = 0;
    let delay = 0;
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op !== Op.auth) return peer.reply(xid);
        setTimeout(
          () => {
            answered++;
            peer.reply(-4, { zxid: 0n });
          },
          (delay += 30),
        );
      },
    });
    await using client = new KazooClient({
      hosts: server.connectString,
      authData: [
        ['digest', 'a:1'],
        ['digest', 'b:2'],
      ],
    });
    const answeredWhenTold: number[] = [];
    client.on('connected', () => void answeredWhenTold.push(answered));
    await client.start();
    server.peers[0]!.socket.destroy();
    await until(() => answeredWhenTold.length === 2, 'CONNECTED again');
    expect(answeredWhenTold).toEqual([2, 4]);
  });

  test('that are refused make start() reject, tell LOST to nobody who never heard CONNECTED, and can be replaced (Kazoo D-9)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, authData: [['no-such-scheme', 'x']] });
    const states = record(client);
    const begun = performance.now();
    expect(await rejection(client.start())).toBeInstanceOf(AuthFailedError);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(client.clientState).toBe('AUTH_FAILED');
    expect(await rejection(client.exists('/'))).toBeInstanceOf(AuthFailedError);
    expect(states).toEqual([]);
    await client.start();
    expect(client.connected).toBe(true);
    await client.stop();
  });

  test('added at run time and refused end in one LOST; the client may be started again (Kazoo D-9)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(server.connectString);
    const states = record(client);
    await client.start();
    expect(await rejection(client.addAuth('no-such-scheme', 'x'))).toBeInstanceOf(AuthFailedError);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'LOST']);
    await client.start();
    expect(await client.addAuth('digest', 'u:p')).toBe(true);
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'LOST', 'CONNECTED']);
    await client.stop();
  });

  test('fail what is in flight with AuthFailedError when one is refused (RQ-9)', async () => {
    await using server = await FakeServer.start({
      request: (peer, { op }) => {
        if (op === Op.auth) peer.reply(-4, { err: -115, zxid: 0n });
      },
    });
    const client = new KazooClient(server.connectString);
    await client.start();
    const inFlight = rejection(client.get('/a'));
    expect(await rejection(client.addAuth('x', 'y'))).toBeInstanceOf(AuthFailedError);
    expect(await inFlight).toBeInstanceOf(AuthFailedError);
    await client.stop();
  });

  test('added while not connected are presented on the next connection, and awaited', async () => {
    await using server = await EmbeddedZooKeeper.start({ version: '3.9' });
    await using client = new KazooClient(server.connectString);
    await client.start();
    await suspend(server, client);
    let added = false;
    const adding = client.addAuth('digest', 'late:secret').then(() => (added = true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(added).toBe(false);
    server.refuseConnections(false);
    await adding;
    expect((await client.whoAmI()).map(({ scheme, id }) => `${scheme}:${id}`)).toContain('digest:late');
    const again = told(client, 'SUSPENDED');
    server.dropConnections();
    await again;
    expect((await client.whoAmI()).map(({ id }) => id)).toContain('late');
  });

  test('protect nodes across failovers: a listener may write at once (pain-points 54)', async () => {
    const { CREATOR_ALL_ACL } = await import('../../src/base/security.ts');
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({ hosts: server.connectString, authData: [['digest', 'me:secret']] });
    await client.start();
    await client.create('/mine', '', { acl: CREATOR_ALL_ACL });
    const outcomes: Promise<unknown>[] = [];
    client.on('connected', () => void outcomes.push(client.set('/mine', 'again')));
    for (let i = 1; i <= 3; i++) {
      server.dropConnections();
      await until(() => outcomes.length === i, 'the failover');
      await outcomes[i - 1];
    }
  });
});

test('a drop fails what is queued for room on the wire, too (RQ-3)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient({ hosts: server.connectString, maxInFlight: 1 });
  await client.start();
  server.freeze();
  const calls = [1, 2, 3].map(() => rejection(client.get('/')));
  expect(client.queuedRequests).toBe(2);
  server.dropConnections();
  for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(ConnectionLoss);
  server.thaw();
});
