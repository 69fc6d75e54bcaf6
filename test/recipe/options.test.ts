import { describe, expect, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EnsembleTracker } from '../../src/recipe/ensemble-tracker.ts';
import { workbench } from './workbench.ts';

/** What may be given is a type; what a program in JavaScript gives may be anything. */
const typo = { timout: 5 } as object;
const known = (names: string): RegExp => new RegExp(`unknown option "timout"; known here are ${names}$`);

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
      expect(watch).toThrow(/unknown option "timeout"; known here are signal$/);
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
