import { expect, test } from 'vitest';
import { ConnectionClosedError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { rejection } from '../support/waiting.ts';

/** Each is given a path of its own. */
const CALLS: Record<string, (client: KazooClient, path: string) => Promise<unknown>> = {
  create: (client, path) => client.create(path),
  'create, making its parents': (client, path) => client.create(`${path}/a`, '', { makepath: true }),
  'create, protected': (client, path) => client.create(path, '', { protected: true, sequence: true }),
  'create, with its stat': (client, path) => client.create(path, '', { includeData: true }),
  ensurePath: (client, path) => client.ensurePath(path),
  exists: (client, path) => client.exists(path, { watch: () => undefined }),
  get: (client, path) => client.get(path),
  getChildren: (client, path) => client.getChildren(path, { includeData: true }),
  getAcls: (client, path) => client.getAcls(path),
  setAcls: (client, path) => client.setAcls(path, []),
  set: (client, path) => client.set(path, ''),
  delete: (client, path) => client.delete(path),
  'delete, recursive': (client, path) => client.delete(path, { recursive: true }),
  sync: (client, path) => client.sync(path),
  transaction: (client, path) => client.transaction().create(path).commit(),
  walk: (client, path) => client.walk(path)[Symbol.asyncIterator]().next(),
  addWatch: (client, path) => client.addWatch(path, () => undefined),
  removeWatches: (client, path) => client.removeWatches(path, 'any'),
  getEphemerals: (client) => client.getEphemerals(),
  getAllChildrenNumber: (client, path) => client.getAllChildrenNumber(path),
  multiRead: (client, path) => client.multiRead([{ get: path }]),
  whoAmI: (client) => client.whoAmI(),
  getConfig: (client) => client.getConfig(),
  reconfig: (client) => client.reconfig({ leaving: '1' }),
  addAuth: (client) => client.addAuth('digest', 'user:secret'),
  retry: (client) => client.retry(() => client.exists('/')),
  'watchData.next': (client, path) => client.watchData(path).next(),
  'watchChildren.next': (client, path) => client.watchChildren(path).next(),
  'lock.acquire': (client, path) => client.lock(path).acquire(),
  'lock.contenders': (client, path) => client.lock(path).contenders(),
  'readLock.acquire': (client, path) => client.readLock(path).acquire(),
  'semaphore.acquire': (client, path) => client.semaphore(path).acquire(),
  'election.run': (client, path) => client.election(path).run(() => undefined),
  'queue.put': (client, path) => client.queue(path).put('x'),
  'queue.get': (client, path) => client.queue(path).get({ timeout: Infinity }),
  'lockingQueue.put': (client, path) => client.lockingQueue(path).put('x'),
  'lockingQueue.get': (client, path) => client.lockingQueue(path).get({ timeout: Infinity }),
  'barrier.create': (client, path) => client.barrier(path).create(),
  'barrier.wait': (client, path) => client.barrier(path).wait(),
  'doubleBarrier.enter': (client, path) => client.doubleBarrier(path, 1).enter(),
  'counter.add': (client, path) => client.counter(path).add(1),
  'party.join': (client, path) => client.party(path).join(),
  'party.members': (client, path) => client.party(path).members(),
  'patientChildrenWatch.start': (client, path) => client.patientChildrenWatch(path, { timeBoundary: 10 }).start(),
  'treeCache.start': (client, path) => client.treeCache(path).start(),
  'nonBlockingLease.obtain': (client, path) => client.nonBlockingLease(path, 1_000).obtain(),
  'multiNonBlockingLease.obtain': (client, path) => client.multiNonBlockingLease(2, path, 1_000).obtain(),
};

/** What each call comes to that does not reject with ConnectionClosedError, in the time a machine may need that is busy. */
async function others(client: KazooClient): Promise<string[]> {
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('still waiting'), 10_000));
  const outcomes = await Promise.all(
    Object.entries(CALLS).map(async ([name, call], index) => {
      const error = await Promise.race([rejection(call(client, `/call-${index}`)), late]).catch(String);
      return error instanceof ConnectionClosedError ? '' : `${name}: ${String(error)}`;
    }),
  );
  return outcomes.filter((outcome) => outcome !== '');
}

test('before start() and after stop() every call rejects with ConnectionClosedError, and does not wait (pain-points 12)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const client = new KazooClient(server.connectString);
  expect(await others(client)).toEqual([]);
  await client.start();
  await client.stop();
  expect(await others(client)).toEqual([]);
});

test.each(Object.keys(CALLS))('before start() the error of %s shows who called', async (name) => {
  const client = new KazooClient('127.0.0.1:1');
  async function theCaller(): Promise<void> {
    await CALLS[name]!(client, '/node');
  }
  expect((await rejection(theCaller())).stack).toMatch(/at (async )?theCaller /);
});

test('stop() ends every call that waits, with ConnectionClosedError (pain-points 10, 32)', async () => {
  const WAITS = [
    'lock',
    'read',
    'semaphore',
    'queue',
    'lockingQueue',
    'barrier',
    'doubleBarrier',
    'watchData',
    'watchChildren',
    'election',
  ];
  await using server = await EmbeddedZooKeeper.start();
  await using other = new KazooClient(server.connectString);
  const client = new KazooClient(server.connectString);
  await Promise.all([client.start(), other.start()]);
  await other.lock('/lock').acquire();
  await other.writeLock('/read').acquire();
  await other.semaphore('/semaphore').acquire();
  await other.lock('/election').acquire();
  await other.barrier('/barrier').create();
  const [data, children] = [client.watchData('/barrier'), client.watchChildren('/barrier')];
  await Promise.all([data.next(), children.next()]);
  const waiting = [
    client.lock('/lock').acquire(),
    client.readLock('/read').acquire(),
    client.semaphore('/semaphore').acquire(),
    client.queue('/queue').get({ timeout: Infinity }),
    client.lockingQueue('/locking-queue').get({ timeout: Infinity }),
    client.barrier('/barrier').wait(),
    client.doubleBarrier('/double-barrier', 2).enter(),
    data.next(),
    children.next(),
    client.election('/election').run(() => undefined),
  ].map((wait) => rejection(wait));
  await new Promise((resolve) => setTimeout(resolve, 200));
  await client.stop();
  const errors = await Promise.all(waiting);
  expect(errors.map(({ name }, index) => `${WAITS[index]} ${name}`)).toEqual(
    WAITS.map((name) => `${name} ConnectionClosedError`),
  );
});

test('calls made right after start(), which is still under way, wait for the session, in order (RQ-1)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient(server.connectString);
  const starting = client.start();
  expect(client.clientState).toBe('CONNECTING');
  const calls = [client.create('/a'), client.create('/a/b'), client.lock('/lock').acquire()];
  expect(await Promise.all(calls)).toEqual(['/a', '/a/b', true]);
  expect(await starting).toBe(client);
});

test('a stop() right after start() has the last word', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const client = new KazooClient(server.connectString);
  const starting = rejection(client.start());
  await client.stop();
  expect(await starting).toBeInstanceOf(ConnectionClosedError);
  expect(client.clientState).toBe('CLOSED');
  expect(server.sessions()).toEqual([]);
});
