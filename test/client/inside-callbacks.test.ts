// pain-points 31, Kazoo D-22: every call of the client and of every recipe can be awaited inside every kind of callback.
import { expect, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import { eventually, reconnect, watchCount, workbench, type Workbench } from '../recipe/workbench.ts';

/** A client, of which a callback is running, and another through which the rest of the world acts meanwhile. */
interface Scene extends Workbench {
  readonly other: KazooClient;
  /** A path of this call's own. */
  readonly path: string;
}

/** How long one call may take on a machine that is busy with other things, milliseconds. */
const PATIENCE = 30_000;

/** Waits, and acts once that has left a watch: what it waits for comes as an event of it. */
async function meanwhile<T>({ other }: Scene, wait: () => Promise<T>, act: () => Promise<unknown>): Promise<T> {
  const before = await watchCount(other);
  const waiting = wait();
  waiting.catch(() => undefined);
  await eventually(async () => (await watchCount(other)) > before);
  await act();
  return waiting;
}

const OPERATIONS: Record<string, (client: KazooClient, scene: Scene) => Promise<unknown>> = {
  create: (client, { path }) => client.create(`${path}/plain`, 'x', { makepath: true }),
  'create, protected': (client, { path }) =>
    client.create(`${path}/p-`, '', { protected: true, sequence: true, ephemeral: true, makepath: true }),
  'create, with its stat': (client, { path }) => client.create(path, '', { includeData: true }),
  'create, container': (client, { path }) => client.create(path, '', { container: true }),
  ensurePath: (client, { path }) => client.ensurePath(`${path}/a/b`),
  exists: (client) => client.exists('/'),
  get: (client) => client.get('/'),
  getChildren: (client) => client.getChildren('/', { includeData: true }),
  'getAcls and setAcls': async (client, { path }) => {
    await client.create(path);
    await client.setAcls(path, (await client.getAcls(path))[0]);
  },
  'set and delete': async (client, { path }) => {
    await client.ensurePath(`${path}/a`);
    await client.set(path, 'y');
    await client.delete(path, { recursive: true });
  },
  sync: (client) => client.sync('/'),
  transaction: (client, { path }) => client.transaction().check('/', -1).create(path).commit(),
  commitOrThrow: (client, { path }) => client.transaction().create(path).commitOrThrow(),
  walk: async (client) => {
    for await (const path of client.walk('/')) expect(path).toMatch(/^\//);
  },
  addWatch: async (client, { path }) => {
    const handle = await client.addWatch(path, () => undefined, { recursive: true });
    await handle.remove();
  },
  removeWatches: async (client, { path }) => {
    await client.exists(path, { watch: () => undefined });
    await client.removeWatches(path, 'data');
  },
  unwatch: async (client, { path }) => {
    const watch = (): void => undefined;
    await client.exists(path, { watch });
    await client.unwatch(path, watch);
  },
  getEphemerals: (client) => client.getEphemerals(),
  getAllChildrenNumber: (client) => client.getAllChildrenNumber('/'),
  multiRead: (client) => client.multiRead([{ get: '/' }, { getChildren: '/' }]),
  whoAmI: (client) => client.whoAmI(),
  getConfig: (client) => client.getConfig(),
  reconfig: (client) => client.reconfig({ leaving: '9' }).catch((error: unknown) => expect(error).toBeInstanceOf(Error)),
  command: (client) => client.command(),
  serverVersion: (client) => client.serverVersion(),
  addAuth: (client) => client.addAuth('digest', 'user:secret'),
  retry: (client) => client.retry(() => client.exists('/')),
  start: (client) => client.start(),
};

const WATCHES: Record<string, (client: KazooClient, scene: Scene) => Promise<unknown>> = {
  watchData: async (client, scene) => {
    for await (const { data } of client.watchData(scene.path)) {
      if (data !== null) break;
      await scene.other.create(scene.path, 'new');
    }
  },
  watchChildren: async (client, scene) => {
    await client.create(scene.path);
    for await (const { children } of client.watchChildren(scene.path)) {
      if (children.length === 2) break;
      await scene.other.create(`${scene.path}/${children.length}`);
    }
  },
  'DataWatch ready': async (client, { path }) => {
    const watch = client.dataWatch(path, () => undefined);
    await watch.ready;
    watch.stop();
  },
  'ChildrenWatch ready': async (client) => {
    const watch = client.childrenWatch('/', () => undefined);
    await watch.ready;
    watch.stop();
  },
  PatientChildrenWatch: async (client, scene) => {
    await client.create(scene.path);
    const watch = client.patientChildrenWatch(scene.path, { timeBoundary: 50 });
    const [children, changed] = await watch.start();
    expect(children).toEqual([]);
    await scene.other.create(`${scene.path}/a`);
    await changed;
    watch.stop();
  },
  'TreeCache, and its copy': async (client, { path, other }) => {
    const cache = client.treeCache(path);
    await cache.start();
    await eventually(() => cache.getData(path) !== null, PATIENCE);
    await other.set(path, 'new');
    await other.create(`${path}/child`);
    await eventually(() => cache.getData(path)?.data?.toString() === 'new' && cache.getData(`${path}/child`) !== null, PATIENCE);
    await cache.close();
  },
};

const RECIPES: Record<string, (client: KazooClient, scene: Scene) => Promise<unknown>> = {
  'Lock, contended': async (client, scene) => {
    const theirs = scene.other.lock(scene.path);
    await theirs.acquire();
    const lock = client.lock(scene.path);
    await meanwhile(
      scene,
      () => lock.acquire(),
      () => theirs.release(),
    );
    expect(await lock.contenders()).toHaveLength(1);
    await lock.release();
  },
  'Lock, held by itself': async (client, { path }) => {
    const lock = client.lock(path);
    await lock.acquire();
    const second = lock.acquire();
    await lock.release();
    await second;
    await lock.release();
  },
  'withLock and hold': async (client, scene) => {
    const theirs = scene.other.lock(scene.path);
    await theirs.acquire();
    await meanwhile(
      scene,
      () => client.lock(scene.path).withLock(async () => undefined),
      () => theirs.release(),
    );
    await using held = await client.lock(scene.path).hold();
    expect(held.signal.aborted).toBe(false);
  },
  'ReadLock and WriteLock, contended': async (client, scene) => {
    const theirs = scene.other.writeLock(scene.path);
    await theirs.acquire();
    const read = client.readLock(scene.path);
    await meanwhile(
      scene,
      () => read.acquire(),
      () => theirs.release(),
    );
    const write = client.writeLock(scene.path);
    await meanwhile(
      scene,
      () => write.acquire(),
      () => read.release(),
    );
    await write.release();
  },
  'Semaphore, contended': async (client, scene) => {
    const theirs = scene.other.semaphore(scene.path);
    await theirs.acquire();
    const semaphore = client.semaphore(scene.path);
    await meanwhile(
      scene,
      () => semaphore.acquire(),
      () => theirs.release(),
    );
    expect(await semaphore.leaseHolders()).toHaveLength(1);
    await semaphore.release();
  },
  'Election, contended': async (client, scene) => {
    const theirs = scene.other.lock(scene.path);
    await theirs.acquire();
    let led = false;
    await meanwhile(
      scene,
      () => client.election(scene.path).run(async () => void (led = true)),
      () => theirs.release(),
    );
    expect(led).toBe(true);
  },
  'LeaderLatch, contended': async (client, scene) => {
    const theirs = scene.other.lock(scene.path);
    await theirs.acquire();
    const latch = client.leaderLatch(scene.path);
    const led = await meanwhile(
      scene,
      () => {
        latch.start();
        return latch.waitForLeadership();
      },
      () => theirs.release(),
    );
    expect(led).toBe(true);
    await latch.close();
  },
  Queue: async (client, scene) => {
    const queue = client.queue(scene.path);
    const item = await meanwhile(
      scene,
      () => queue.get({ timeout: Infinity }),
      () => scene.other.queue(scene.path).put('x'),
    );
    expect(item?.toString()).toBe('x');
    await queue.put('y');
    expect(await queue.size()).toBe(1);
    expect((await queue.get())?.toString()).toBe('y');
  },
  LockingQueue: async (client, scene) => {
    const queue = client.lockingQueue(scene.path);
    const item = await meanwhile(
      scene,
      () => queue.get({ timeout: Infinity }),
      () => scene.other.lockingQueue(scene.path).putAll(['x', 'y']),
    );
    expect(item?.toString()).toBe('x');
    expect(await queue.holdsLock()).toBe(true);
    expect(await queue.consume()).toBe(true);
    expect((await queue.get())?.toString()).toBe('y');
    expect(await queue.release()).toBe(true);
  },
  Barrier: async (client, scene) => {
    const barrier = client.barrier(scene.path);
    await barrier.create();
    expect(
      await meanwhile(
        scene,
        () => barrier.wait(),
        () => scene.other.barrier(scene.path).remove(),
      ),
    ).toBe(true);
  },
  DoubleBarrier: async (client, scene) => {
    const theirs = scene.other.doubleBarrier(scene.path, 2, { identifier: 'theirs' });
    const ours = client.doubleBarrier(scene.path, 2, { identifier: 'ours' });
    await meanwhile(
      scene,
      () => ours.enter(),
      () => theirs.enter(),
    );
    await meanwhile(
      scene,
      () => ours.leave(),
      () => theirs.leave(),
    );
  },
  Counter: async (client, { path }) => {
    expect(await client.counter(path).add(2)).toBe(2);
  },
  'Party and ShallowParty': async (client, { path }) => {
    for (const party of [client.party(`${path}/a`), client.shallowParty(`${path}/b`)]) {
      await party.join();
      expect(await party.size()).toBe(1);
      expect(await party.members()).toHaveLength(1);
      for await (const member of party) expect(member).toBe('');
      expect(await party.leave()).toBe(true);
    }
  },
  SetPartitioner: async (client, scene) => {
    const options = { timeBoundary: 50 };
    const ours = client.setPartitioner(scene.path, [1, 2], { ...options, identifier: 'ours' });
    expect(await ours.waitForAcquire({ timeout: PATIENCE })).toBe(true);
    const theirs = scene.other.setPartitioner(scene.path, [1, 2], { ...options, identifier: 'theirs' });
    await eventually(() => ours.release, PATIENCE);
    await ours.releaseSet();
    expect(await ours.waitForAcquire({ timeout: PATIENCE })).toBe(true);
    expect([...ours]).toHaveLength(1);
    await theirs.finish();
    await ours.finish();
  },
  'NonBlockingLease and MultiNonBlockingLease': async (client, { path }) => {
    expect(await client.nonBlockingLease(`${path}/a`, 1_000).obtain()).toBe(true);
    expect(await client.multiNonBlockingLease(2, `${path}/b`, 1_000).obtain()).toBe(true);
  },
  PersistentNode: async (client, { path, other }) => {
    const node = client.persistentNode(path, 'x');
    await node.start();
    await other.delete(path);
    await eventually(() => other.exists(path), PATIENCE);
    await node.setData('y');
    await node.close();
  },
  GroupMember: async (client, { path }) => {
    const member = client.groupMember(path, 'one');
    await member.start();
    await member.setPayload('new');
    await member.close();
  },
  ServiceDiscovery: async (client, { path, other }) => {
    const discovery = client.serviceDiscovery(path);
    const instance = makeServiceInstance({ name: 'web', address: '10.0.0.1', port: 80, id: 'one' });
    await discovery.register(instance);
    await discovery.update({ ...instance, port: 81 });
    const provider = await discovery.provider('web');
    await eventually(() => provider.next()?.port === 81, PATIENCE);
    const theirs = other.serviceDiscovery(path);
    await theirs.register({ ...instance, id: 'two' });
    await eventually(() => provider.instances().length === 2, PATIENCE);
    await theirs.close();
    await discovery.close();
  },
  EnsembleTracker: async (client) => {
    const tracker = client.ensembleTracker();
    await tracker.start();
    tracker.stop();
  },
};

/** Each calls back, once, in its own way, and gives what the callback gave. */
const CALLBACKS: Record<string, (scene: Workbench & { other: KazooClient }, body: () => Promise<void>) => Promise<void>> = {
  'a one-shot watch': async ({ client, other }, body) => {
    const done = calledBack(body);
    await client.exists('/trigger', { watch: done.callback });
    await other.create('/trigger');
    return done.outcome;
  },
  'a persistent watch': async ({ client, other }, body) => {
    const done = calledBack(body);
    await client.addWatch('/trigger', done.callback);
    await other.create('/trigger');
    return done.outcome;
  },
  'a recursive watch': async ({ client, other }, body) => {
    const done = calledBack(body);
    await client.addWatch('/trigger', done.callback, { recursive: true });
    await other.create('/trigger');
    return done.outcome;
  },
  'a watch told NONE': async ({ client, server }, body) => {
    const done = calledBack(body);
    await client.addWatch('/trigger', done.callback);
    await reconnect(server, client);
    return done.outcome;
  },
  'a state listener': async ({ client, server }, body) => {
    const done = calledBack(body);
    client.on('connected', () => done.callback());
    await reconnect(server, client);
    return done.outcome;
  },
  'a listener of SUSPENDED': async ({ client, server }, body) => {
    const done = calledBack(body);
    client.on('suspended', () => done.callback());
    await reconnect(server, client);
    return done.outcome;
  },
  'a DataWatch, first called': async ({ client }, body) => {
    const done = calledBack(body);
    client.dataWatch('/trigger', done.callback);
    return done.outcome;
  },
  'a DataWatch, called again': async ({ client, other }, body) => {
    const done = calledBack(body);
    await client.dataWatch('/trigger', (data) => (data === null ? undefined : done.callback())).ready;
    await other.create('/trigger');
    return done.outcome;
  },
  'a ChildrenWatch, called again': async ({ client, other }, body) => {
    const done = calledBack(body);
    await client.create('/trigger');
    await client.childrenWatch('/trigger', (names) => (names.length === 0 ? undefined : done.callback())).ready;
    await other.create('/trigger/a');
    return done.outcome;
  },
  "a TreeCache's listener": async ({ client, other }, body) => {
    const done = calledBack(body);
    const cache = client.treeCache('/trigger');
    cache.listen(({ eventData }) => (eventData?.path === '/trigger/a' ? done.callback() : undefined));
    await cache.start();
    await other.create('/trigger/a');
    return done.outcome;
  },
  'an elected leader': ({ client }, body) => client.election('/trigger').run(body),
  'a lock held, in a watch': async ({ client, other }, body) => {
    const done = calledBack(() => client.lock('/trigger-lock').withLock(body));
    await client.exists('/trigger', { watch: done.callback });
    await other.create('/trigger');
    return done.outcome;
  },
};

/** A callback to hand out, which does its work when first called; and the outcome of that. */
function calledBack(body: () => Promise<void>): { callback: () => Promise<void>; outcome: Promise<void> } {
  let settle: (outcome: Promise<void>) => void = () => undefined;
  const outcome = new Promise<void>((resolve) => (settle = resolve));
  let called = false;
  const callback = async (): Promise<void> => {
    if (called) return;
    called = true;
    const work = body();
    settle(work);
    await work.catch(() => undefined);
  };
  return { callback, outcome };
}

test.each(Object.keys(CALLBACKS))('every call may be awaited inside %s', { timeout: 240_000 }, async (name) => {
  const bench = await workbench();
  const other = await bench.connect();
  const failed: string[] = [];
  let calls = 0;
  await CALLBACKS[name]!({ ...bench, other }, async () => {
    for (const [call, make] of Object.entries({ ...OPERATIONS, ...WATCHES, ...RECIPES })) {
      const scene = { ...bench, other, path: `/call-${++calls}` };
      await inTime(make(bench.client, scene)).catch((error: unknown) => failed.push(`${call}: ${String(error)}`));
    }
  });
  expect(failed).toEqual([]);
  expect(calls).toBeGreaterThan(50);
});

test.each(Object.keys(CALLBACKS).filter((name) => !name.includes('lock') && !name.includes('leader')))(
  'restart() may be awaited inside %s',
  async (name) => {
    const bench = await workbench();
    const other = await bench.connect();
    await CALLBACKS[name]!({ ...bench, other }, () => inTime(bench.client.restart()));
    expect(await bench.client.exists('/')).not.toBeNull();
  },
);

test('while one waits, the other callbacks keep their order, and wait for it', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const order: string[] = [];
  let begun = false;
  await client.exists('/a', {
    watch: async () => {
      order.push('a begins');
      begun = true;
      await client.queue('/queue').get({ timeout: Infinity });
      order.push('a ends');
    },
  });
  for (const path of ['/b', '/c']) await client.exists(path, { watch: () => void order.push(path) });
  await other.create('/a');
  await eventually(() => begun);
  await other.create('/b');
  await other.create('/c');
  // These events have been delivered before the answer to this comes.
  await client.sync('/');
  expect(await client.exists('/c')).not.toBeNull();
  await other.queue('/queue').put('x');
  await eventually(() => order.length === 4);
  expect(order).toEqual(['a begins', 'a ends', '/b', '/c']);
});

test('changes while the function of a DataWatch is busy are told as one, and cost one read (pain-points 33)', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const values: string[] = [];
  let reads = 0;
  const get = client.get.bind(client);
  client.get = (...args) => {
    reads++;
    return get(...args);
  };
  let go = (): void => undefined;
  const watch = client.dataWatch('/data', async (data) => {
    values.push(String(data));
    if (values.length === 2) await new Promise<void>((resolve) => (go = resolve));
  });
  await watch.ready;
  await other.create('/data', 'first');
  await eventually(() => values.length === 2);
  const before = reads;
  for (let i = 0; i < 20; i++) await other.set('/data', `${i}`);
  await client.sync('/');
  expect(reads).toBe(before);
  go();
  await eventually(() => values.includes('19'));
  expect(values).toEqual(['null', 'first', '19']);
  expect(reads).toBe(before + 1);
  watch.stop();
});

async function inTime<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${PATIENCE} ms`)), PATIENCE);
  });
  return Promise.race([call, late]).finally(() => clearTimeout(timer));
}
