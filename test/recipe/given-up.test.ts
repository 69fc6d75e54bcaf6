import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { LockTimeout, OperationTimeoutError } from '../../src/base/errors.ts';
import type { WaitOptions } from '../../src/client/call-options.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { Barrier } from '../../src/recipe/barrier.ts';
import { Counter } from '../../src/recipe/counter.ts';
import { DoubleBarrier } from '../../src/recipe/double-barrier.ts';
import { Election } from '../../src/recipe/election.ts';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import { SetPartitioner } from '../../src/recipe/set-partitioner.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { watchData } from '../../src/recipe/watch-iterators.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { altered, eventually, stand, stateOf, watchCount, workbench } from './workbench.ts';

/** Calls that wait for an answer of the server, and for nothing else. */
const CALLS: [name: string, path: string, call: (client: KazooClient, options: WaitOptions) => Promise<unknown>][] = [
  ['Barrier.create', '/barrier', (client, options) => client.barrier('/barrier').create(options)],
  ['Barrier.remove', '/barrier', (client, options) => client.barrier('/barrier').remove(options)],
  ['Lock.contenders', '/lock', (client, options) => client.lock('/lock').contenders(options)],
  ['Election.contenders', '/lock', (client, options) => client.election('/lock').contenders(options)],
  ['Semaphore.leaseHolders', '/semaphore', (client, options) => client.semaphore('/semaphore').leaseHolders(options)],
  ['Party.join', '/party', (client, options) => client.party('/party').join(options)],
  ['Party.leave', '/party', (client, options) => client.party('/party').leave(options)],
  ['Party.members', '/party', (client, options) => client.party('/party').members(options)],
  ['Party.size', '/party', (client, options) => client.party('/party').size(options)],
  ['ShallowParty.members', '/party', (client, options) => client.shallowParty('/party').members(options)],
  ['NonBlockingLease.obtain', '/lease', (client, options) => client.nonBlockingLease('/lease', 1_000).obtain(options)],
  ['NonBlockingLease.readHolder', '/lease', (client, options) => client.nonBlockingLease('/lease', 1_000).readHolder(options)],
  [
    'MultiNonBlockingLease.obtain',
    '/leases',
    (client, options) => client.multiNonBlockingLease(2, '/leases', 1_000).obtain(options),
  ],
  ['LeaderLatch.participants', '/latch', (client, options) => new LeaderLatch(client, '/latch').participants(options)],
  ['LeaderLatch.leader', '/latch', (client, options) => new LeaderLatch(client, '/latch').leader(options)],
  ['TreeCache.start', '/tree', (client, options) => new TreeCache(client, '/tree').start(options)],
  ['PatientChildrenWatch.start', '/parent', (client, options) => client.patientChildrenWatch('/parent').start(options)],
  ['ServiceDiscovery.names', '/services', (client, options) => new ServiceDiscovery(client, '/services').names(options)],
  [
    'ServiceDiscovery.instances',
    '/services/web',
    (client, options) => new ServiceDiscovery(client, '/services').instances('web', options),
  ],
  [
    'ServiceDiscovery.instance',
    '/services/web/1',
    (client, options) => new ServiceDiscovery(client, '/services').instance('web', '1', options),
  ],
  [
    'ServiceDiscovery.update',
    '/services/web/1',
    (client, options) => new ServiceDiscovery(client, '/services').update(WEB, options),
  ],
  [
    'ServiceDiscovery.unregister',
    '/services/web/1',
    (client, options) => new ServiceDiscovery(client, '/services').unregister(WEB, options),
  ],
];
/** Those of which something is to be done, or to be taken back, once there is a connection. */
const FOLLOWED = ['Party.join', 'Party.leave', 'NonBlockingLease.obtain', 'ServiceDiscovery.unregister'];
const WEB = makeServiceInstance({ name: 'web', id: '1', address: '127.0.0.1', port: 80 });

describe('a call that waits is given up, and leaves nothing behind', () => {
  test.each(CALLS)('%s', async (_, path, call) => {
    const { server, client } = await workbench();
    await client.ensurePath('/parent');
    const listeners = (): number => client.listenerCount('state') + client.listenerCount('lost');
    const before = listeners();
    const reason = new Error('enough');
    await expect(call(client, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(call(client, { timeout: -1 })).rejects.toThrow(RangeError);
    await expect(call(client, { timout: 1 } as WaitOptions)).rejects.toThrow('unknown option "timout"');
    expect(client.inFlightRequests).toBe(0);

    server.freeze();
    const late = await call(client, { timeout: 20 }).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(OperationTimeoutError);
    expect((late as OperationTimeoutError).path).toBe(path);
    const controller = new AbortController();
    const waiting = call(client, { signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    server.thaw();

    await eventually(() => client.inFlightRequests === 0);
    await eventually(async () => (await ephemerals(client)).length === 0);
    await eventually(async () => (await watchCount(client)) === 0);
    expect(listeners()).toBe(before);
  });

  test.each(CALLS)('%s, while there is no connection', async (name, _, call) => {
    const { server, connect } = await workbench();
    const proxy = await TcpProxy.open(server.connectString);
    const client = await connect({ hosts: proxy.connectString });
    const suspended = stateOf(client, 'SUSPENDED');
    proxy.refuse(true);
    proxy.cut();
    await suspended;
    await expect(call(client, { timeout: 20 })).rejects.toThrow(OperationTimeoutError);
    if (!FOLLOWED.includes(name)) expect(client.queuedRequests).toBe(0);
    proxy.refuse(false);
    await eventually(() => client.connected && client.queuedRequests + client.inFlightRequests === 0);
    expect(await ephemerals(client)).toEqual([]);
    await client.stop();
    await proxy.close();
  });
});

/** Waits that come to their end by themselves. */
const SHORT: Record<string, (client: KazooClient, limits: WaitOptions) => Promise<unknown>> = {
  'Lock.withLock': (client, limits) => new Lock(client, '/lock').withLock(() => undefined, limits),
  'Semaphore.withLease': (client, limits) => new Semaphore(client, '/pool').withLease(() => undefined, limits),
  'Election.run': (client, limits) => new Election(client, '/election').run(() => undefined, limits),
  'Queue.get': async (client, limits) => {
    await new Queue(client, '/queue').put('item');
    return new Queue(client, '/queue').get(limits);
  },
  'LockingQueue.get': async (client, limits) => {
    await new LockingQueue(client, '/locking').put('item');
    return new LockingQueue(client, '/locking').get(limits);
  },
  'Barrier.wait': (client, limits) => new Barrier(client, '/barrier').wait(limits),
  'DoubleBarrier.enter': (client, limits) => new DoubleBarrier(client, '/double', 1).enter(limits),
  'DoubleBarrier.leave': async (client, limits) => {
    const barrier = new DoubleBarrier(client, '/double', 1);
    await barrier.enter();
    return barrier.leave(limits);
  },
  'Counter.add': (client, limits) => new Counter(client, '/counter').add(1, limits),
  'LeaderLatch.waitForLeadership': async (client, limits) => {
    await using latch = new LeaderLatch(client, '/latch');
    latch.start();
    expect(await latch.waitForLeadership(limits)).toBe(true);
  },
  'SetPartitioner.waitForAcquire': async (client, limits) => {
    const partitioner = new SetPartitioner(client, '/set', ['item']);
    const waiting = partitioner.waitForAcquire(limits);
    await eventually(async () => (await watchCount(client)) === 1);
    await partitioner.finish();
    expect(await waiting).toBe(false);
  },
  watchData: async (client, { signal }) => {
    for await (const { data } of watchData(client, '/', { signal })) return data;
    return undefined;
  },
};

test.each(Object.entries(SHORT))('a wait that is over lets go of its signal, its timer and its watch: %s', async (_, wait) => {
  const { client } = await workbench();
  const clock = new ManualClock();
  const { signal } = new AbortController();
  await wait(altered(client, { clock }), { signal, timeout: 3_600_000 });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(clock.pending).toBe(0);
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a wait that ran out leaves no timer', async () => {
  const { client, connect } = await workbench();
  await stand(await connect(), '/lock/held__lock__0000000000');
  const clock = new ManualClock();
  const waiting = new Lock(altered(client, { clock }), '/lock').acquire({ timeout: 10 });
  await eventually(async () => (await watchCount(client)) === 1);
  clock.advance(10);
  await expect(waiting).rejects.toThrow(LockTimeout);
  expect(clock.pending).toBe(0);
});

test('who gives up to join while a member stays one', async () => {
  const { server, client } = await workbench();
  const party = client.party('/party', { identifier: 'a' });
  await party.join();
  server.freeze();
  await expect(party.join({ timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  server.thaw();
  expect([party.participating, await party.members()]).toEqual([true, ['a']]);
});

test('who gives up to join is no member, though the request is carried out', async () => {
  const { server, client } = await workbench();
  await client.ensurePath('/party');
  server.freeze();
  await expect(client.party('/party').join({ timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  server.thaw();
  await eventually(() => client.inFlightRequests === 0);
  await eventually(async () => (await client.getChildren('/party')).length === 0);
});

test('who joins again after giving up is a member', async () => {
  const { server, client } = await workbench();
  const party = client.party('/party', { identifier: 'a' });
  server.freeze();
  await expect(party.join({ timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  const joined = party.join();
  server.thaw();
  await joined;
  expect([party.participating, await party.members()]).toEqual([true, ['a']]);
});

test('a lease whose decision is given up is not obtained, and its lock is free', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const lock = other.lock('/lease');
  await lock.acquire();
  const lease = client.nonBlockingLease('/lease', 60_000, { identifier: 'a' });
  await expect(lease.obtain({ timeout: 30 })).rejects.toThrow(OperationTimeoutError);
  expect(lease.obtained).toBe(false);
  await lock.release();
  expect(await lease.readHolder()).toBeNull();
  expect(await lease.obtain({ timeout: 20_000 })).toBe(true);
});

test('what is changed goes on being changed after the wait for it was given up', async () => {
  const { server, client } = await workbench();
  const node = new PersistentNode(client, '/node', 'old');
  await node.start();
  const member = new GroupMember(client, '/group', 'a', 'old');
  await member.start();
  server.freeze();
  await expect(node.setData('new', { timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  await expect(member.setPayload('new', { timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  server.thaw();
  for (const path of ['/node', '/group/a']) await eventually(async () => String((await client.get(path))[0]) === 'new');
  await eventually(() => String(member.members().get('a')) === 'new');
  await node.close();
  await member.close();
});

function ephemerals(client: KazooClient): Promise<string[]> {
  return client.getEphemerals();
}
