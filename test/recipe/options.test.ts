import { describe, expect, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { Barrier } from '../../src/recipe/barrier.ts';
import { ChildrenWatch } from '../../src/recipe/children-watch.ts';
import { Counter } from '../../src/recipe/counter.ts';
import { DataWatch } from '../../src/recipe/data-watch.ts';
import { DoubleBarrier } from '../../src/recipe/double-barrier.ts';
import { Election } from '../../src/recipe/election.ts';
import { EnsembleTracker } from '../../src/recipe/ensemble-tracker.ts';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { MultiNonBlockingLease, NonBlockingLease } from '../../src/recipe/lease.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { Party } from '../../src/recipe/party.ts';
import { PatientChildrenWatch } from '../../src/recipe/patient-children-watch.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { SetPartitioner } from '../../src/recipe/set-partitioner.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { watchChildren, watchData } from '../../src/recipe/watch-iterators.ts';
import { workbench } from './workbench.ts';

/** What may be given is a type; what a program in JavaScript gives may be anything. */
const typo = { timout: 5 } as object;
const known = (names: string): RegExp => new RegExp(`unknown option "timout"; expected one of ${names}$`);

describe('an option that a recipe does not know is refused by name, with those it knows', () => {
  const client = new KazooClient();
  const path = '/x';
  test.each<[string, () => unknown, string]>([
    ['lock', () => client.lock(path, typo), 'identifier, extraLockPatterns, errorPolicy'],
    ['readLock', () => client.readLock(path, typo), 'identifier, extraLockPatterns, errorPolicy'],
    ['writeLock', () => client.writeLock(path, typo), 'identifier, extraLockPatterns, errorPolicy'],
    ['semaphore', () => client.semaphore(path, typo), 'identifier, maxLeases, errorPolicy'],
    ['election', () => client.election(path, typo), 'identifier, errorPolicy'],
    ['doubleBarrier', () => client.doubleBarrier(path, 2, typo), 'identifier'],
    ['counter', () => client.counter(path, typo), 'default, type, supportCurator'],
    ['party', () => client.party(path, typo), 'identifier'],
    ['shallowParty', () => client.shallowParty(path, typo), 'identifier'],
    ['setPartitioner', () => client.setPartitioner(path, [1], typo), 'partitionFunc, identifier, timeBoundary, maxReactionTime'],
    ['patientChildrenWatch', () => client.patientChildrenWatch(path, typo), 'timeBoundary'],
    ['childrenWatch', () => client.childrenWatch(path, () => undefined, typo), 'allowSessionLost'],
    ['nonBlockingLease', () => client.nonBlockingLease(path, 1, typo), 'identifier, now'],
    ['EnsembleTracker', () => new EnsembleTracker(client, typo), 'random'],
    ['multiNonBlockingLease', () => client.multiNonBlockingLease(2, path, 1, typo), 'identifier, now'],
  ])('%s', (_, make, names) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(known(names));
  });

  test.each([
    [[], 'an array of 0'],
    [new Map([['identifier', 'x']]), 'an object (Map)'],
    [null, 'null'],
  ])('what is no object of options is refused: %o', async (given, told) => {
    const wrong = given as unknown as object;
    const refused = `options must be an object, not ${told}`;
    const make: (() => unknown)[] = [
      () => client.lock(path, wrong),
      () => client.semaphore(path, wrong),
      () => client.election(path, wrong),
      () => client.counter(path, wrong),
      () => client.party(path, wrong),
      () => client.setPartitioner(path, [1], wrong),
      () => client.childrenWatch(path, () => undefined, wrong),
      () => client.nonBlockingLease(path, 1, wrong),
      () => client.watchData(path, wrong),
      () => new EnsembleTracker(client, wrong),
    ];
    for (const call of make) expect(call, call.toString()).toThrow(refused);
    const calls = [
      () => client.lock(path).acquire(wrong),
      () => client.queue(path).get(wrong),
      () => client.queue(path).put('x', wrong),
      () => client.barrier(path).wait(wrong),
      () => client.counter(path).add(1, wrong),
    ];
    for (const call of calls) await expect(call(), call.toString()).rejects.toThrow(refused);
  });

  test('the iterators wait for a signal, not for a time', async () => {
    const { client: connected } = await workbench();
    for (const watch of [
      () => connected.watchData('/', { timeout: 5 } as object),
      () => connected.watchChildren('/', { timeout: 5 } as object),
    ])
      expect(watch).toThrow(/unknown option "timeout"; expected one of signal$/);
  });

  test('and so do the calls', async () => {
    const { client: connected } = await workbench();
    const lock = connected.lock(path);
    const queue = connected.queue('/queue');
    const locking = connected.lockingQueue('/locking');
    const barrier = connected.doubleBarrier('/double', 1);
    const waiting = 'signal, timeout';
    const calls: [() => Promise<unknown>, string][] = [
      [() => lock.acquire(typo), 'blocking, timeout, signal, ephemeral'],
      [() => lock.hold(typo), 'blocking, timeout, signal, ephemeral'],
      [() => lock.withLock(() => 1, typo), 'blocking, timeout, signal, ephemeral'],
      [() => connected.semaphore('/pool').acquire(typo), 'blocking, timeout, signal'],
      [() => connected.election(path).run(() => 1, typo), waiting],
      [() => queue.put('x', typo), 'priority, timeout, signal'],
      [() => queue.get(typo), waiting],
      [() => queue.size(typo), waiting],
      [() => locking.put('x', typo), 'priority, timeout, signal'],
      [() => locking.putAll(['x'], typo), 'priority, timeout, signal'],
      [() => locking.get(typo), waiting],
      [() => locking.holdsLock(typo), waiting],
      [() => locking.consume(typo), waiting],
      [() => locking.release(typo), waiting],
      [() => connected.barrier('/barrier').wait(typo), waiting],
      [() => barrier.enter(typo), waiting],
      [() => barrier.leave(typo), waiting],
      [() => connected.counter('/counter').get(typo), waiting],
      [() => connected.counter('/counter').add(1, typo), waiting],
    ];
    for (const [call, names] of calls) await expect(call(), call.toString()).rejects.toThrow(known(names));
    expect(await connected.getChildren('/')).toEqual(['zookeeper']);
  });
});

test.each<[string, (client: KazooClient, value: never) => unknown, string]>([
  ['maxLeases', (client, maxLeases) => client.semaphore('/x', { maxLeases }), 'maxLeases must be a whole number, not null'],
  ['timeBoundary', (client, timeBoundary) => client.setPartitioner('/x', [1], { timeBoundary }), 'timeBoundary must be a number'],
  [
    'maxReactionTime',
    (client, maxReactionTime) => client.setPartitioner('/x', [1], { maxReactionTime }),
    'maxReactionTime must be a number of milliseconds, not null',
  ],
  [
    'partitionFunc',
    (client, partitionFunc) => client.setPartitioner('/x', [1], { partitionFunc }),
    'partitionFunc must be a function, not null',
  ],
  ['default', (client, value) => client.counter('/x', { default: value }), 'the default of a "float" counter must be a number'],
  ['random', (client, random) => new EnsembleTracker(client, { random }), 'random must be a function, not null'],
])('null is no value of the option %s', (_, make, message) => {
  const call = (): unknown => make(new KazooClient(), null as never);
  expect(call).toThrow(TypeError);
  expect(call).toThrow(message);
});

test.each<[string, (client: KazooClient) => unknown]>([
  ['Lock', (client) => new Lock(client, '/x')],
  ['Semaphore', (client) => new Semaphore(client, '/x')],
  ['Election', (client) => new Election(client, '/x')],
  ['Queue', (client) => new Queue(client, '/x')],
  ['LockingQueue', (client) => new LockingQueue(client, '/x')],
  ['Barrier', (client) => new Barrier(client, '/x')],
  ['DoubleBarrier', (client) => new DoubleBarrier(client, '/x', 2)],
  ['Counter', (client) => new Counter(client, '/x')],
  ['Party', (client) => new Party(client, '/x')],
  ['SetPartitioner', (client) => new SetPartitioner(client, '/x', [1])],
  ['DataWatch', (client) => new DataWatch(client, '/x', () => undefined)],
  ['ChildrenWatch', (client) => new ChildrenWatch(client, '/x', () => undefined)],
  ['PatientChildrenWatch', (client) => new PatientChildrenWatch(client, '/x')],
  ['TreeCache', (client) => new TreeCache(client, '/x')],
  ['NonBlockingLease', (client) => new NonBlockingLease(client, '/x', 1)],
  ['MultiNonBlockingLease', (client) => new MultiNonBlockingLease(client, 2, '/x', 1)],
  ['LeaderLatch', (client) => new LeaderLatch(client, '/x')],
  ['PersistentNode', (client) => new PersistentNode(client, '/x')],
  ['GroupMember', (client) => new GroupMember(client, '/x', 'a')],
  ['ServiceDiscovery', (client) => new ServiceDiscovery(client, '/x')],
  ['EnsembleTracker', (client) => new EnsembleTracker(client)],
  ['watchData', (client) => watchData(client, '/x')],
  ['watchChildren', (client) => watchChildren(client, '/x')],
])('what is no client is refused at once: %s', (_, make) => {
  for (const [client, told] of [
    [null, 'null'],
    [{}, 'an object (Object)'],
  ] as const)
    expect(() => make(client as never)).toThrow(new TypeError(`client must be a KazooClient, not ${told}`));
});

test.each<[string, (client: KazooClient) => unknown, string]>([
  ['Lock.withLock', (client) => client.lock('/x').withLock(5 as never), 'fn'],
  ['Semaphore.withLease', (client) => client.semaphore('/x').withLease(5 as never), 'fn'],
  ['Election.run', (client) => client.election('/x').run(5 as never), 'fn'],
  ['DataWatch', (client) => client.dataWatch('/x', 5 as never), 'the function of a DataWatch'],
  ['ChildrenWatch', (client) => client.childrenWatch('/x', 5 as never), 'the function of a ChildrenWatch'],
  ['TreeCache.listen', (client) => client.treeCache('/x').listen(5 as never), 'the listener'],
  ['TreeCache.listenFault', (client) => client.treeCache('/x').listenFault(5 as never), 'the fault listener'],
  ['TreeCache.listenFreshness', (client) => client.treeCache('/x').listenFreshness(5 as never), 'the freshness listener'],
  ['PersistentNode', (client) => new PersistentNode(client, '/x', '', { onConflict: 5 as never }), 'onConflict'],
  ['NonBlockingLease', (client) => client.nonBlockingLease('/x', 1, { now: 5 as never }), 'now'],
])('what is no function is refused before anything is done: %s', async (_, call, name) => {
  await expect((async () => call(new KazooClient()))()).rejects.toThrow(new TypeError(`${name} must be a function, not 5`));
});

test('a signal that is none, and a type of counter that is none, are refused by name', async () => {
  const client = new KazooClient();
  const signal = {} as AbortSignal;
  await expect(client.lock('/x').acquire({ signal })).rejects.toThrow('signal must be an AbortSignal, not an object');
  expect(() => client.counter('/x', { type: 'long' as never })).toThrow('type must be "int", "float" or "bigint", not "long"');
});
