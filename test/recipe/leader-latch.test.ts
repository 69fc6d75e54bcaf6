import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConfigurationError, KazooException } from '../../src/base/errors.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { altered, eventually, expire, pause, reconnect, stateOf, watchCount, workbench } from './workbench.ts';

/** What a latch tells, in order. */
function record(latch: LeaderLatch): string[] {
  const told: string[] = [];
  latch.on('leader', () => void told.push('leader'));
  latch.on('notLeader', () => void told.push('notLeader'));
  return told;
}

test('one leads; when it closes, the next does', async () => {
  const { client, connect } = await workbench();
  const first = new LeaderLatch(client, '/leader', { identifier: 'first' });
  const second = new LeaderLatch(await connect(), '/leader', { identifier: 'second' });
  const told = record(first);
  expect(await first.leader()).toBeNull();
  first.start();
  first.start();
  expect(await first.waitForLeadership()).toBe(true);
  second.start();
  await eventually(async () => (await second.participants()).length === 2);
  expect(await second.participants()).toEqual(['first', 'second']);
  expect(await second.leader()).toBe('first');
  expect(await second.waitForLeadership({ timeout: 50 })).toBe(false);
  const { signal } = first;
  await first.close();
  expect(signal.aborted).toBe(true);
  expect(await second.waitForLeadership()).toBe(true);
  expect(first.isLeader).toBe(false);
  expect(told).toEqual(['leader', 'notLeader']);
  await second.close();
  expect(await client.getChildren('/leader')).toEqual([]);
  expect(await watchCount(client)).toBe(0);
  expect(() => first.start()).toThrow(KazooException);
  await expect(first.waitForLeadership()).rejects.toThrow('closed');
});

test('whoever hears first of the loss of the connection finds that nobody leads here', async () => {
  const { server, client } = await workbench();
  await using one = new LeaderLatch(client, '/one');
  await using other = new LeaderLatch(client, '/other');
  for (const latch of [one, other]) latch.start();
  await Promise.all([one.waitForLeadership(), other.waitForLeadership()]);
  const { signal } = other;
  server.freeze();
  const [isLeader, aborted] = [
    client.exists('/').catch(() => one.isLeader),
    client.exists('/').catch(() => other.signal.aborted),
  ];
  client.dropConnection();
  expect([await isLeader, await aborted, signal.aborted]).toEqual([false, true, true]);
  server.thaw();
});

test('any number may wait for the leadership of one latch, without a warning of a leak', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const { client } = await workbench();
  await using latch = new LeaderLatch(client, '/leader');
  const waits = Array.from({ length: 20 }, () => latch.waitForLeadership());
  latch.start();
  expect(new Set(await Promise.all(waits))).toEqual(new Set([true]));
  // A warning is told in a turn of its own.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});

test("the node is Curator's: a protected name, ephemeral, with the identifier for its data", async () => {
  const { client } = await workbench();
  await using latch = new LeaderLatch(client, '/deep/leader', { identifier: 'né' });
  expect(latch.node).toBeNull();
  latch.start();
  await latch.waitForLeadership();
  const [name] = await client.getChildren('/deep/leader');
  expect(name).toMatch(/^_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-latch-0000000000$/);
  expect(latch.node).toBe(name);
  const [data, stat] = await client.get(`/deep/leader/${name}`);
  expect(data!.toString()).toBe('né');
  expect(stat.ephemeralOwner).toBe(client.clientId!.sessionId);
});

test('ranks by what follows the last `latch-`, not by the whole name, and passes by what is no participant', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  await client.create('/leader/_c_ffffffff-ffff-4fff-8fff-ffffffffffff-latch-', 'theirs', {
    ephemeral: true,
    sequence: true,
    makepath: true,
  });
  await client.create('/leader/0-stray', 'junk');
  await using latch = new LeaderLatch(other, '/leader', { identifier: 'ours' });
  latch.start();
  await eventually(async () => (await latch.participants()).length === 2);
  expect(await latch.participants()).toEqual(['theirs', 'ours']);
  expect(latch.isLeader).toBe(false);
  await client.stop();
  expect(await latch.waitForLeadership()).toBe(true);
});

test('leadership is lost with the session, and won again; so after a restart of the client', async () => {
  const { server, client } = await workbench();
  await using latch = new LeaderLatch(client, '/leader');
  latch.start();
  await latch.waitForLeadership();
  const before = latch.signal;
  await expire(server, client);
  expect(before.aborted).toBe(true);
  await latch.waitForLeadership();
  await client.stop();
  expect(latch.isLeader).toBe(false);
  await client.start();
  expect(await latch.waitForLeadership()).toBe(true);
  expect(await client.getChildren('/leader')).toEqual([latch.node]);
});

test('a mere reconnect ends a term, and begins the next on the same node, ahead of those who wait', async () => {
  const { server, client, connect } = await workbench();
  await using first = new LeaderLatch(client, '/leader', { identifier: 'first' });
  await using second = new LeaderLatch(await connect(), '/leader', { identifier: 'second' });
  const told = record(first);
  first.start();
  await first.waitForLeadership();
  second.start();
  await eventually(async () => (await second.participants()).length === 2);
  const { node, signal } = first;
  await reconnect(server, client);
  expect(signal.aborted).toBe(true);
  await first.waitForLeadership();
  expect(first.node).toBe(node);
  expect(told).toEqual(['leader', 'notLeader', 'leader']);
  expect(second.isLeader).toBe(false);
});

test('the place in line survives a connection that breaks in the middle of looking at it', async () => {
  const { server, client } = await workbench();
  await using latch = new LeaderLatch(client, '/leader');
  const nodes: (string | null)[] = [];
  latch.on('leader', () => {
    if (nodes.push(latch.node) === 4) return;
    // What is asked next will not be answered, nor what is asked after that before the connection is back.
    server.refuseConnections(true);
    server.dropConnections();
    void pause(100).then(() => server.refuseConnections(false));
  });
  latch.start();
  await eventually(() => nodes.length === 4);
  expect(new Set(nodes).size).toBe(1);
});

test('with the session policy a reconnect does not end a term, and a lost session does', async () => {
  const { server, client } = await workbench();
  await using latch = new LeaderLatch(client, '/leader', { errorPolicy: 'session' });
  const told = record(latch);
  latch.start();
  await latch.waitForLeadership();
  await reconnect(server, client);
  await pause(50);
  expect(told).toEqual(['leader']);
  const lost = stateOf(client, 'LOST');
  server.expireSession(client.clientId!.sessionId);
  await lost;
  expect(told).toEqual(['leader', 'notLeader']);
});

test('a leader whose node somebody deleted steps down, and gets in line again', async () => {
  const { client, connect } = await workbench();
  await using first = new LeaderLatch(client, '/leader', { identifier: 'first' });
  await using second = new LeaderLatch(await connect(), '/leader', { identifier: 'second' });
  first.start();
  await first.waitForLeadership();
  second.start();
  await eventually(async () => (await second.participants()).length === 2);
  await client.delete(`/leader/${first.node}`);
  await second.waitForLeadership();
  await eventually(() => !first.isLeader);
  await eventually(async () => (await second.participants()).join() === 'second,first');
});

test('the reply to the create is lost: there is one node, and it leads', async () => {
  const { server, client } = await workbench();
  await client.ensurePath('/leader');
  server.faults.cutAfterCommit('create');
  await using latch = new LeaderLatch(client, '/leader');
  latch.start();
  await latch.waitForLeadership();
  expect(await client.getChildren('/leader')).toEqual([latch.node]);
  await latch.close();
  expect(await client.getChildren('/leader')).toEqual([]);
});

test('closed while the reply to its create is lost, it leaves no node', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await client.ensurePath('/leader');
  server.faults.cutAfterCommit('create');
  const suspended = stateOf(client, 'SUSPENDED');
  const latch = new LeaderLatch(client, '/leader');
  latch.start();
  await suspended;
  await latch.close();
  expect(await other.retry(() => other.getChildren('/leader'))).toEqual([]);
});

test('silent closing tells the listeners nothing; the signal aborts all the same', async () => {
  const { client } = await workbench();
  const silent = new LeaderLatch(client, '/leader', { closeMode: 'silent' });
  const told = record(silent);
  silent.start();
  await silent.waitForLeadership();
  const { signal } = silent;
  await silent.close();
  expect(told).toEqual(['leader']);
  expect(signal.aborted).toBe(true);
  const loud = new LeaderLatch(client, '/leader', { closeMode: 'silent' });
  const heard = record(loud);
  loud.start();
  await loud.waitForLeadership();
  await loud.close('notify');
  expect(heard).toEqual(['leader', 'notLeader']);
});

test('is out of the line at the end of the block that uses it', async () => {
  const { client } = await workbench();
  {
    await using latch = new LeaderLatch(client, '/leader');
    latch.start();
    await latch.waitForLeadership();
  }
  expect(await client.getChildren('/leader')).toEqual([]);
});

test('an aborted wait ends, the latch goes on', async () => {
  const { client, connect } = await workbench();
  await using first = new LeaderLatch(client, '/leader');
  await using second = new LeaderLatch(await connect(), '/leader');
  first.start();
  await first.waitForLeadership();
  second.start();
  const reason = new Error('mine');
  const abort = new AbortController();
  const waiting = second.waitForLeadership({ signal: abort.signal });
  abort.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await first.close();
  expect(await second.waitForLeadership()).toBe(true);
});

test('what a listener throws reaches the error event of the client', async () => {
  const { client } = await workbench();
  const errors: string[] = [];
  client.on('error', (error) => errors.push(error.message));
  await using latch = new LeaderLatch(client, '/leader');
  latch.on('leader', () => {
    throw new Error('mine');
  });
  latch.start();
  await eventually(() => errors.length === 1);
  expect(latch.isLeader).toBe(true);
});

test('bad arguments are refused', async () => {
  const { client } = await workbench();
  expect(() => new LeaderLatch(client, '/leader', { closeMode: 'quiet' as never })).toThrow('closeMode');
  expect(() => new LeaderLatch(client, '/leader', { errorPolicy: 'none' as never })).toThrow(ConfigurationError);
  expect(() => new LeaderLatch(client, '/leader', { errorPolicy: null as never })).toThrow(/errorPolicy.*null/);
  expect(() => new LeaderLatch(client, '/leader', { identifier: 5 as never })).toThrow('identifier');
  expect(() => new LeaderLatch(client, '/leader', { identifer: 'x' } as never)).toThrow('unknown option');
});

test('a wait that ran out while the session was lost asks for nothing more', async () => {
  const { server, client } = await workbench({ timeout: 800 });
  const clock = new ManualClock();
  let asked = 0;
  const exists = (...given: Parameters<typeof client.exists>): Promise<unknown> => (asked++, client.exists(...given));
  const latch = new LeaderLatch(altered(client, { clock, exists }), '/leader');
  server.refuseConnections(true);
  const lost = stateOf(client, 'LOST');
  server.dropConnections();
  await lost;
  const wait = latch.waitForLeadership({ timeout: 10 });
  clock.advance(10);
  expect(await wait).toBe(false);
  await new Promise(setImmediate);
  expect([asked, clock.pending]).toEqual([1, 0]);
});
