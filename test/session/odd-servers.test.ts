import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  AuthFailedError,
  ConnectionClosedError,
  ConnectionLoss,
  NotReadOnlyCallError,
  UnimplementedError,
} from '../../src/base/errors.ts';
import { CallbackQueues, EventLoopHandler, type Handler } from '../../src/connection/handler.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { ScopedClock } from '../../src/session/scoped-clock.ts';
import { StateMachine } from '../../src/session/transitions.ts';
import { ManualClock } from '../../src/base/clock.ts';
import { FakeServer, framed, Op, replyFrame, type FakePeer } from '../support/fake-server.ts';
import { record, rejection, suspend, told, until } from '../support/waiting.ts';
import { Peer, Rig } from './rig.ts';

const QUICK = { delay: 5, maxDelay: 20 };
const MULTI = 14;

/** The answer to a handshake, with a password of no bytes at all: null. */
function confirmWithoutPassword(peer: FakePeer, timeOut: number): void {
  const body = Buffer.alloc(21);
  body.writeInt32BE(timeOut, 4);
  body.writeBigInt64BE(7n, 8);
  body.writeInt32BE(-1, 16);
  peer.send(body);
}

/** The answer of a ClickHouse Keeper without a leader, which hangs up behind it. */
function reject(peer: FakePeer, timeOut: number): void {
  const body = Buffer.alloc(36);
  body.writeInt32BE(42, 0);
  body.writeInt32BE(timeOut, 4);
  body.writeBigInt64BE(-1n, 8);
  body.writeInt32BE(16, 16);
  peer.send(body);
  peer.socket.end();
}

describe('a server that', () => {
  test('refuses to open a session is one of those that failed, and asked again', async () => {
    let refusals = 0;
    await using server = await FakeServer.start({
      greet: (peer, { timeOut }) => peer.confirm(refusals++ < 2 ? 0 : timeOut, 9n),
    });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    const failures: string[] = [];
    client.on('connectFailed', ({ cause }) => void failures.push(cause.message));
    await client.start();
    expect(failures).toEqual(Array(2).fill('the server refused to open a session'));
    expect(client.clientId?.sessionId).toBe(9n);
  });

  test('answers a handshake by an error, as a read-only one may, is said to have done so', async () => {
    let refusals = 0;
    await using server = await FakeServer.start({
      greet: (peer, { timeOut }) => (refusals++ === 0 ? peer.reply(0, { err: -119 }) : peer.confirm(timeOut, 9n)),
    });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    const failures: Error[] = [];
    client.on('connectFailed', ({ cause }) => void failures.push(cause));
    await client.start();
    expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/^the server refused the session: .*-119/)]);
    expect(failures[0]!.cause).toBeInstanceOf(NotReadOnlyCallError);
  });

  test('gives no password is given none when the session is resumed', async () => {
    await using server = await FakeServer.start({ greet: (peer, { timeOut }) => confirmWithoutPassword(peer, timeOut) });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    await client.start();
    expect(client.clientId?.password).toEqual(Buffer.alloc(16));
    const suspended = told(client, 'SUSPENDED');
    server.peers[0]!.socket.destroy();
    await suspended;
    await until(() => server.questions.length === 2, 'the second handshake');
    expect(server.questions[1]!.sessionId).toBe(7n);
  });

  test('opens another session than it is asked for has lost ours, as ClickHouse Keeper does: LOST, and a new one on the same connection', async () => {
    let sessions = 0n;
    await using server = await FakeServer.start({ greet: (peer, { timeOut }) => peer.confirm(timeOut, ++sessions) });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    const states = record(client);
    await client.start();
    const events: unknown[] = [];
    const watched = client.exists('/a', { watch: (event) => void events.push(event.state) });
    await until(() => server.requests.length === 1, 'the request');
    server.peers[0]!.reply(server.requests[0]!.xid, { err: -101 });
    expect(await watched).toBeNull();
    server.peers[0]!.socket.destroy();
    await until(() => states.length === 4, 'CONNECTED again');
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST', 'CONNECTED']);
    expect(server.questions.map(({ sessionId }) => sessionId)).toEqual([0n, 1n]);
    expect(client.clientId?.sessionId).toBe(2n);
    await until(() => events.length === 1, 'the end of the watch');
    expect(events).toEqual(['EXPIRED_SESSION']);
    expect(server.requests.some(({ op }) => op === Op.setWatches)).toBe(false);
  });

  test('opens another session than it is asked for is left by a client that a listener stops', async () => {
    let sessions = 0n;
    await using server = await FakeServer.start({ greet: (peer, { timeOut }) => peer.confirm(timeOut, ++sessions) });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    const states = record(client);
    await client.start();
    const stopped = new Promise((resolve) => client.once('lost', () => resolve(client.stop())));
    server.peers[0]!.socket.destroy();
    await stopped;
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'LOST']);
    expect([client.clientState, server.peers.length]).toEqual(['CLOSED', 2]);
  });

  test('resumes a session tells its id with a sign, as it may not have been written', async () => {
    await using server = await FakeServer.start();
    const clientId = { sessionId: 0xf000_0000_0000_0001n, password: Buffer.alloc(16) };
    await using client = new KazooClient({ hosts: server.connectString, clientId });
    const lost: unknown[] = [];
    client.on('connectFailed', ({ cause }) => void lost.push(cause));
    await client.start();
    expect([client.stateCause, lost, server.peers.length]).toEqual([null, [], 1]);
    expect(client.clientId?.sessionId).toBe(BigInt.asIntN(64, clientId.sessionId));
  });

  test('serves nobody now, as ClickHouse Keeper says by a protocol version, has given no session, and has not lost ours', async () => {
    let serves = true;
    await using server = await FakeServer.start({
      greet: (peer, { timeOut, sessionId }) =>
        serves ? peer.confirm(timeOut, sessionId === 0n ? 9n : sessionId) : reject(peer, timeOut),
    });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    const states = record(client);
    const failures: string[] = [];
    client.on('connectFailed', ({ cause }) => void failures.push(cause.message));
    await client.start();
    serves = false;
    server.peers[0]!.socket.destroy();
    await until(() => failures.length >= 2, 'two refusals');
    serves = true;
    await until(() => states.length === 3, 'CONNECTED again');
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
    expect(failures[0]).toBe('the server refused to open a session');
    expect(client.clientId?.sessionId).toBe(9n);
  });

  test('does not restore the watches loses the connection: they are asked of the next', async () => {
    let restorations = 0;
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op === Op.setWatches) peer.reply(xid, { err: restorations++ === 0 ? -1 : 0 });
        else peer.reply(xid, { err: -101 });
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    await client.start();
    await client.exists('/a', { watch: () => undefined });
    server.peers[0]!.socket.destroy();
    await until(() => restorations === 2, 'the second restoration');
    await until(() => client.connected, 'CONNECTED');
    expect(server.peers).toHaveLength(3);
  });

  test('answers a transaction with too few results fails that call, and costs nothing else', async () => {
    const END = Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff]);
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => peer.reply(xid, op === MULTI ? { body: END } : { err: -101 }),
    });
    await using client = new KazooClient(server.connectString);
    await client.start();
    const error = await rejection(client.transaction().create('/a').commit());
    expect(error).toMatchObject({ code: -5, cause: { message: '0 results for 1 operations' } });
    expect(await client.exists('/')).toBeNull();
    expect(server.peers).toHaveLength(1);
  });

  test('hangs up on a credential fails addAuth with ConnectionLoss; the credential is not kept', async () => {
    await using server = await FakeServer.start({
      request: (peer, { op }) => {
        if (op === Op.auth) peer.socket.destroy();
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    await client.start();
    expect(await rejection(client.addAuth('digest', 'u:p'))).toBeInstanceOf(ConnectionLoss);
    await until(() => client.connected, 'CONNECTED again');
    expect(server.requests.filter(({ op }) => op === Op.auth)).toHaveLength(1);
  });

  test('refuses a credential may be started again inside the very listener that hears of it', async () => {
    let refuses = true;
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op === Op.auth) peer.reply(-4, { err: refuses ? -115 : 0, zxid: 0n });
        else peer.reply(xid, { err: -101 });
      },
    });
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    await client.start();
    let again: Promise<unknown> | undefined;
    client.once('lost', () => {
      refuses = false;
      again = client.start();
    });
    expect(await rejection(client.addAuth('digest', 'u:p'))).toBeInstanceOf(AuthFailedError);
    await again;
    expect(client.clientState).toBe('CONNECTED');
  });
});

describe('while there is no connection', () => {
  test('what was sent in a transaction is what was given, though the buffer is used again', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    await client.start();
    const zxid = client.lastZxid;
    await suspend(server, client);
    expect(client.inFlightRequests).toBe(0);
    expect(client.lastZxid).toBe(zxid);
    const data = Buffer.from('first');
    const committed = client.transaction().create('/a', data).check('/', -1).commitOrThrow();
    data.write('later');
    server.refuseConnections(false);
    await committed;
    expect((await client.get('/a'))[0]?.toString()).toBe('first');
  });

  test('a credential that waits for one is refused when the client stops', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, connectionRetry: QUICK });
    await client.start();
    await suspend(server, client);
    const added = rejection(client.addAuth('digest', 'u:p'));
    await client.stop();
    expect(await added).toBeInstanceOf(ConnectionClosedError);
  });
});

test('a handler that cannot be stopped is told by stop(); the session is over all the same', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const mine = new Error('mine');
  const handler = Object.assign(new EventLoopHandler(), { stop: () => Promise.reject(mine) });
  const client = new KazooClient({ hosts: server.connectString, handler });
  const states = record(client);
  await client.start();
  expect(await rejection(client.stop())).toBe(mine);
  expect(client.clientState).toBe('CLOSED');
  expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'LOST']);
  expect(server.sessions()).toEqual([]);
});

test('a handler may bring a connection that was given up meanwhile: it is closed, and the next is made', async () => {
  const dials: (() => void)[] = [];
  const queues = new CallbackQueues();
  const handler: Handler = {
    name: 'late',
    dial: (target) => new Promise((resolve) => dials.push(() => resolve(new Peer(rig, target)))),
    dispatch: (kind, callback, onError) => queues.dispatch(kind, callback, onError),
    start: () => undefined,
    stop: () => undefined,
  };
  const rig: Rig = new Rig(9_000, { handler });
  onTestFinished(() => rig.stop());
  const failures: string[] = [];
  rig.client.on('connectFailed', ({ cause }) => void failures.push(cause.message));
  const started = rig.client.start({ timeout: Infinity });
  await rig.clock.advance(9_000);
  dials[0]!();
  await rig.clock.advance(1_000);
  expect(failures).toEqual(['no session within 9000 ms (its share of the session timeout)']);
  expect([dials.length, rig.times('connect')]).toEqual([2, []]);
  dials[1]!();
  await rig.clock.settle();
  await started;
  expect(rig.client.connected).toBe(true);
});

test('credentials that are refused in one breath end the session once, and each is told so', async () => {
  const rig = new Rig(9_000);
  onTestFinished(() => rig.stop());
  await rig.start();
  rig.setAll('silent', 'a');
  const added = ['one', 'two'].map((name) => rejection(rig.client.addAuth('digest', `${name}:x`)));
  await rig.clock.settle();
  const refusal = framed(replyFrame(-4, { err: -115 }));
  rig.peer.deliver(refusal, refusal);
  await rig.clock.settle();
  for (const error of await Promise.all(added)) expect(error).toBeInstanceOf(AuthFailedError);
  expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'LOST']);
  expect(rig.client.clientState).toBe('AUTH_FAILED');
});

test('what an old server does not know is refused here, and as much of it as was waiting does no harm', async () => {
  await using server = await EmbeddedZooKeeper.start({ version: '3.5.10' });
  await using client = await new KazooClient(server.connectString).start();
  expect(await rejection(client.addWatch('/', () => undefined))).toBeInstanceOf(UnimplementedError);
  await suspend(server, client);
  const calls = Array.from({ length: 10_000 }, () => rejection(client.getAllChildrenNumber('/')));
  const last = client.exists('/');
  server.refuseConnections(false);
  for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(UnimplementedError);
  expect(await last).not.toBeNull();
});

test('kazoo:request knows no path of what has none', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  const heard: unknown[] = [];
  const listener = (message: unknown): void => void heard.push(message);
  subscribe('kazoo:request', listener);
  onTestFinished(() => void unsubscribe('kazoo:request', listener));
  await client.whoAmI();
  await client.transaction().create('/a').commit();
  expect(heard).toMatchObject([
    { operation: 'whoAmI', path: null, code: 0 },
    { operation: 'multi', path: null, code: 0 },
  ]);
});

test('hosts may be given a fixed order at run time', async () => {
  await using first = await FakeServer.start();
  await using second = await FakeServer.start();
  await using client = new KazooClient({ hosts: '127.0.0.1:1', connectionRetry: QUICK });
  client.setHosts([first.connectString, second.connectString], { randomizeHosts: false });
  for (let round = 1; round <= 10; round++) {
    await client.start();
    await client.stop();
    expect([first.questions.length, second.questions.length]).toEqual([round, 0]);
  }
});

test('an illegal change of state is a defect, and told as one', () => {
  const machine = new StateMachine();
  expect(() => machine.move('CONNECTED')).toThrow('illegal state change: CLOSED to CONNECTED');
  expect(machine.raw).toBe('CLOSED');
  expect(machine.move('CONNECTING')).toBeNull();
  expect(machine.move('CONNECTED')).toBe('CONNECTED');
});

test('the timers of a scope end together, each once; those of others go on', () => {
  const clock = new ManualClock();
  const scope = new ScopedClock(clock);
  expect([scope.now(), scope.wallTime()]).toEqual([clock.now(), clock.wallTime()]);
  const fired: string[] = [];
  clock.timer(5, () => fired.push('outside'));
  scope.timer(10, () => fired.push('one'));
  scope.timer(20, () => fired.push('two'));
  scope.timer(30, () => fired.push('cancelled')).cancel();
  scope.fireAll();
  scope.fireAll();
  expect(fired).toEqual(['one', 'two']);
  clock.advance(100);
  expect(fired).toEqual(['one', 'two', 'outside']);
});
