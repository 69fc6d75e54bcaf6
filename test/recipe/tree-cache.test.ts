import { describe, expect, onTestFinished, test } from 'vitest';
import { ConnectionClosedError, KazooException } from '../../src/base/errors.ts';
import { makeDigestAcl } from '../../src/base/security.ts';
import type { MultiReadOperation, ReadOptions } from '../../src/client/call-options.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { ChildrenWatch } from '../../src/recipe/children-watch.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { TreeEvent } from '../../src/recipe/tree-event.ts';
import type { EmbeddedZooKeeperOptions } from '../../src/server/server-options.ts';
import { altered, eventually, expire, generator, pause, readsOf, reconnect, watchCount, workbench } from './workbench.ts';

const NAMES = ['ADDED', 'UPDATED', 'REMOVED', 'SUSPENDED', 'RECONNECTED', 'LOST', 'INITIALIZED'];

/** A cache that is closed after the test, and what it told, as `ADDED /a/b`. */
function cacheOf(
  client: KazooClient,
  path: string,
): { cache: TreeCache; told: string[]; events: TreeEvent[]; faults: unknown[] } {
  const cache = new TreeCache(client, path);
  onTestFinished(() => cache.close());
  const told: string[] = [];
  const events: TreeEvent[] = [];
  const faults: unknown[] = [];
  cache.listen((event) => {
    events.push(event);
    told.push(`${NAMES[event.eventType]}${event.eventData === null ? '' : ` ${event.eventData.path}`}`);
  });
  cache.listenFault((fault) => void faults.push(fault));
  return { cache, told, events, faults };
}

async function initialized(told: string[]): Promise<void> {
  await eventually(() => told.includes('INITIALIZED'));
}

/** One recursive watch, and one of each node's children; two one-shot watches for each node where the server has no recursive ones. */
describe.each([
  { version: '3.9.5', watches: 3 },
  { version: '3.6.4', watches: 3 },
  { version: '3.5.10', watches: 4 },
])('on ZooKeeper $version', ({ version, watches }) => {
  const bench = (client: KazooClientOptions = {}, server: EmbeddedZooKeeperOptions = {}): ReturnType<typeof workbench> =>
    workbench(client, { ...server, version });

  test('loads the whole tree, parents first, then says so', async () => {
    const { client } = await bench();
    for (const path of ['/root/a/x', '/root/a/y', '/root/b']) await client.create(path, path, { makepath: true });
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    expect(told).toEqual(['ADDED /root', 'ADDED /root/a', 'ADDED /root/b', 'ADDED /root/a/x', 'ADDED /root/a/y', 'INITIALIZED']);
    expect(cache.getData('/root/a/x')?.data?.toString()).toBe('/root/a/x');
    expect(cache.getData('/root/b')?.stat.version).toBe(0);
    expect(cache.getChildren('/root')).toEqual(new Set(['a', 'b']));
    expect(cache.getChildren('/root/b')).toEqual(new Set());
    expect(cache.getData('/root/none')).toBeNull();
    expect(cache.getData('/root/none', 'else')).toBe('else');
    expect(cache.getChildren('/root/none', 5)).toBe(5);
  });

  test('follows changes, additions and removals; children go before their parent', async () => {
    const { client } = await bench();
    const { cache, told, events } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    told.length = 0;
    events.length = 0;
    await client.create('/root/a', 'one');
    await eventually(() => told.length === 1);
    await client.set('/root/a', 'two');
    await eventually(() => told.length === 2);
    await client.create('/root/a/b', 'leaf');
    await eventually(() => told.length === 3);
    await client.delete('/root/a', { recursive: true });
    await eventually(() => told.length === 5);
    expect(told).toEqual(['ADDED /root/a', 'UPDATED /root/a', 'ADDED /root/a/b', 'REMOVED /root/a/b', 'REMOVED /root/a']);
    expect(events[4]!.eventData!.data!.toString()).toBe('two');
    expect(cache.getData('/root/a')).toBeNull();
    expect(cache.getChildren('/root')).toEqual(new Set());
  });

  test('a tree under "/" is followed like any other (D-18, TC-8)', async () => {
    const { client } = await bench();
    const { cache, told } = cacheOf(client, '/');
    await cache.start();
    await initialized(told);
    expect(cache.getChildren('/')).toEqual(new Set(['zookeeper']));
    told.length = 0;
    await client.create('/a');
    await eventually(() => told.includes('ADDED /a'));
    await client.delete('/a');
    await eventually(() => told.includes('REMOVED /a'));
    await client.create('/a', 'again');
    await eventually(() => told.filter((line) => line === 'ADDED /a').length === 2);
    expect(cache.getData('/a')?.data?.toString()).toBe('again');
  });

  test('within a chroot, paths are the user’s', async () => {
    const { client, connect, server } = await bench();
    await client.create('/chroot/root/a', '', { makepath: true });
    const inner = await connect({ hosts: `${server.connectString}/chroot` });
    const { cache, told } = cacheOf(inner, '/root');
    await cache.start();
    await initialized(told);
    await inner.set('/root/a', 'x');
    await eventually(() => told.includes('UPDATED /root/a'));
  });

  test('a change that comes with the answer to a read is read as well', async () => {
    const { client, connect } = await bench();
    const other = await connect();
    await other.create('/root', '0');
    // Between a reply and who awaits it there are some microtasks: in them the next event may come.
    const late = altered(client, {
      get: async (...args: Parameters<KazooClient['get']>) => {
        const answer = await client.get(...args);
        if (String(answer[0]) === '1') {
          const changed = new Promise((resolve) => void client.exists('/root', { watch: resolve }));
          await other.set('/root', '2');
          await changed;
        }
        return answer;
      },
    });
    const { cache, told } = cacheOf(late, '/root');
    await cache.start();
    await initialized(told);
    await other.set('/root', '1');
    await eventually(() => cache.getData('/root')?.data?.toString() === '2');
  });

  test('a root that is back before it is asked for is loaded, too', async () => {
    const { client, connect } = await bench();
    const other = await connect();
    await other.create('/root');
    // It is there again when the cache has learnt that it has gone, and so is no event to come.
    const flawed = altered(client, {
      exists: async (...args: Parameters<KazooClient['exists']>) => {
        await other.create('/root', 'back');
        await client.sync('/');
        return client.exists(...args);
      },
    });
    const { cache, told } = cacheOf(flawed, '/root');
    await cache.start();
    await initialized(told);
    await other.delete('/root');
    await eventually(() => cache.getData('/root')?.data?.toString() === 'back');
    await cache.whenFresh();
    expect(told.filter((line) => line.endsWith(' /root'))).toEqual(['ADDED /root', 'REMOVED /root', 'ADDED /root']);
  });

  test('a node whose children are too many to be listed keeps its data, and the fault is told once', async () => {
    const { client, connect } = await bench();
    await client.create('/root/a', 'data', { makepath: true });
    await Promise.all(Array.from({ length: 60 }, (_, i) => client.create(`/root/a/${'n'.repeat(40)}${i}`)));
    const reader = await connect({ maxResponseBytes: 2_000 });
    const { cache, told, faults } = cacheOf(reader, '/root');
    await cache.start();
    await initialized(told);
    expect(told).toEqual(['ADDED /root', 'ADDED /root/a', 'INITIALIZED']);
    expect(cache.getData('/root/a')?.data?.toString()).toBe('data');
    expect(cache.getChildren('/root/a')).toEqual(new Set());
    expect(faults).toHaveLength(1);
  });

  test('a root that is removed is loaded again when it is back (TC-6)', async () => {
    const { client } = await bench();
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    await client.delete('/root');
    await eventually(() => told.includes('REMOVED /root'));
    expect(cache.getData('/root')).toBeNull();
    await client.create('/root/a', '', { makepath: true });
    await eventually(() => told.filter((line) => line.startsWith('ADDED')).length === 3);
    expect(cache.getChildren('/root')).toEqual(new Set(['a']));
  });

  test('paths are compared by component (D-25, TC-7)', async () => {
    const { client } = await bench();
    const { cache } = cacheOf(client, '/root');
    expect(() => cache.getData('/rootfoo')).toThrow(RangeError);
    expect(() => cache.getChildren('/')).toThrow(RangeError);
    expect(cache.getData('/root')).toBeNull();
  });

  test('5,000 unchanged nodes: a reconnect within the session costs no read, and tells no change (pain-points 48)', async () => {
    const { server, client, connect } = await bench({ timeout: 30_000 }, { tickTime: 2_000 });
    const other = await connect({ timeout: 30_000 });
    await client.create('/root');
    await Promise.all(Array.from({ length: 50 }, (_, i) => client.create(`/root/${i}`)));
    await Promise.all(Array.from({ length: 4950 }, (_, i) => client.create(`/root/${i % 50}/${i}`, String(i))));
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    expect(told).toHaveLength(5002);
    told.length = 0;
    const reads = readsOf(client);
    server.refuseConnections(true);
    server.dropConnections();
    await eventually(() => !client.connected && !other.connected);
    server.refuseConnections(false);
    await eventually(() => client.connected && other.connected);
    await client.sync('/');
    expect(told).toEqual(['SUSPENDED', 'RECONNECTED']);
    expect(reads()).toBe(0);
    await other.set('/root/7', 'changed');
    await other.create('/root/7/new');
    await eventually(() => told.includes('UPDATED /root/7') && told.includes('ADDED /root/7/new'));
    expect(reads()).toBeLessThanOrEqual(6);
  });

  test('what changed while disconnected is told after the reconnect', async () => {
    const { server, client, connect } = await bench();
    const other = await connect();
    for (const path of ['/root/a', '/root/b', '/root/c/d']) await client.create(path, '', { makepath: true });
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    told.length = 0;
    const originalDispatch = client.connected;
    expect(originalDispatch).toBe(true);
    server.refuseConnections(true);
    server.dropConnections();
    await eventually(() => !client.connected && !other.connected);
    server.refuseConnections(false);
    // Both come back; what the other one does at once may fall before or after the return of the first.
    await other.set('/root/a', 'x');
    await other.delete('/root/b');
    await other.delete('/root/c/d');
    await other.create('/root/c/d', 'again');
    await other.create('/root/e');
    await eventually(() => ['UPDATED /root/a', 'REMOVED /root/b', 'ADDED /root/e'].every((line) => told.includes(line)));
    await eventually(() => cache.getData('/root/c/d')?.data?.toString() === 'again');
    expect(told.slice(0, 2)).toEqual(['SUSPENDED', 'RECONNECTED']);
  });

  test('after a lost session everything is read again, and only what differs is told', async () => {
    const { server, client, connect } = await bench();
    const other = await connect();
    for (const path of ['/root/a', '/root/b', '/root/c']) await client.create(path, '', { makepath: true });
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    told.length = 0;
    server.refuseConnections(true);
    server.expireSession(client.clientId!.sessionId);
    await other.set('/root/a', 'x');
    await other.delete('/root/b');
    await other.create('/root/d');
    server.refuseConnections(false);
    await initialized(told);
    expect(told.slice(0, -1).sort()).toEqual(
      ['ADDED /root/d', 'LOST', 'RECONNECTED', 'REMOVED /root/b', 'SUSPENDED', 'UPDATED /root/a'].sort(),
    );
    expect(told.at(-1)).toBe('INITIALIZED');
    await other.set('/root/c', 'y');
    await eventually(() => told.includes('UPDATED /root/c'));
  });

  test('survives stop() and start() of the client', async () => {
    const { client, connect } = await bench();
    const other = await connect();
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    await client.stop();
    await other.create('/root/a');
    await client.start();
    await eventually(() => told.includes('ADDED /root/a'));
  });

  test('a connection that is cut while loading delays INITIALIZED until all is there (D-24j, TC-4)', async () => {
    const { server, client } = await bench();
    await Promise.all(Array.from({ length: 1000 }, (_, i) => client.create(`/root/${i}`, 'x'.repeat(100), { makepath: true })));
    for (const bytes of [60_000, 30_000, 90_000]) server.faults.cutAfter(bytes);
    server.dropConnections();
    await eventually(() => client.connected);
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    expect(told.filter((line) => line.startsWith('ADDED'))).toHaveLength(1001);
    expect(told.at(-1)).toBe('INITIALIZED');
    expect(told).toContain('RECONNECTED');
  });

  test('a node that cannot be read goes to the fault listeners, once, and does not hold up the rest (D-24j)', async () => {
    const { client } = await bench();
    await client.create('/root/a', '', { makepath: true });
    await client.create('/root/b');
    await client.setAcls('/root/a', [makeDigestAcl('another', 'secret', { all: true })]);
    const { cache, told, faults } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    expect(told).toEqual(['ADDED /root', 'ADDED /root/b', 'INITIALIZED']);
    expect(faults).toHaveLength(1);
    expect(cache.getData('/root/a')).toBeNull();
  });

  test('what a listener throws goes to the fault listeners, else to the error event, and stops nothing', async () => {
    const { client } = await bench();
    const { cache, told, faults } = cacheOf(client, '/root');
    cache.listen(async () => {
      await pause(0);
      throw new Error('mine');
    });
    await cache.start();
    await initialized(told);
    await eventually(() => faults.length === 2);
    const errors: string[] = [];
    client.on('error', (error) => errors.push(error.message));
    const plain = new TreeCache(client, '/other');
    plain.listen(() => {
      throw new Error('yours');
    });
    await plain.start();
    await eventually(() => errors.length === 2);
    await plain.close();
    cache.listenFault(() => {
      throw new Error('fault of a fault');
    });
    await client.create('/root/a');
    await eventually(() => errors.includes('fault of a fault'));
  });

  test('close() ends everything: no event, no data, no watch, no listener', async () => {
    const { client } = await bench();
    const listeners = client.listenerCount('state');
    await client.create('/root/a', '', { makepath: true });
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await cache.whenFresh();
    expect(await watchCount(client)).toBe(watches);
    await cache.close();
    await eventually(async () => (await watchCount(client)) === 0);
    expect(client.listenerCount('state')).toBe(listeners);
    expect(cache.getData('/root')).toBeNull();
    expect(cache.getChildren('/root')).toEqual(new Set());
    told.length = 0;
    await client.set('/root/a', 'x');
    await client.sync('/');
    expect(told).toEqual([]);
    await cache.close();
  });

  test('closed while loading, it leaves no watch', async () => {
    const { client } = await bench();
    await Promise.all(Array.from({ length: 300 }, (_, i) => client.create(`/root/${i}`, '', { makepath: true })));
    const { cache } = cacheOf(client, '/root');
    await cache.start();
    await pause(3);
    await cache.close();
    await eventually(async () => (await watchCount(client)) === 0);
  });

  test('others on the same client are told of each change once, and of nothing that they have seen', async () => {
    const { client, connect } = await bench();
    const other = await connect();
    await client.create('/root/a', '', { makepath: true });
    const { cache } = cacheOf(client, '/root');
    await cache.start();
    await cache.whenFresh();
    const heard: string[] = [];
    const listen = async (path: string): Promise<void> => {
      await client.getChildren(path, { watch: ({ type }) => (heard.push(`${type} ${path}`), listen(path)) });
    };
    const calls: number[] = [];
    const watch = new ChildrenWatch(client, '/root', (names) => void calls.push(names.length));
    await Promise.all([listen('/root'), watch.ready]);
    for (const [count, writer] of [client, other, client].entries()) {
      await Promise.all([writer.create(`/root/${count}`), writer.sync('/root')]);
      await client.sync('/root');
      await listen(`/root/${count}`);
      await cache.whenFresh();
      await new Promise<void>((resolve) => client.dispatch(resolve));
      expect(heard).toEqual(Array(count + 1).fill('CHILD /root'));
      expect(calls).toEqual([1, 2, 3, 4].slice(0, count + 2));
    }
    watch.stop();
  });

  test('others on the same client are told of nothing that they have seen while the tree is loaded', async () => {
    const { client } = await bench();
    await client.create('/root/a', '', { makepath: true });
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let held = 0;
    const hold = async <T>(read: Promise<T>): Promise<T> => {
      await Promise.allSettled([read]);
      held += 1;
      await gate;
      return read;
    };
    const slow = altered(client, {
      multiRead: (reads: MultiReadOperation[]) => hold(client.multiRead(reads)),
      getChildren: (path: string, options: ReadOptions) => hold(client.getChildren(path, options)),
    });
    const { cache } = cacheOf(slow, '/root');
    await cache.start();
    await eventually(() => held > 0);
    const heard: unknown[] = [];
    for (const path of ['/root/new', '/root/a/new']) await client.create(path);
    for (const path of ['/root', '/root/a', '/root/new'])
      await client.getChildren(path, { watch: (event) => void heard.push(event) });
    open();
    await cache.whenFresh();
    await new Promise<void>((resolve) => client.dispatch(resolve));
    expect(heard).toEqual([]);
    expect(cache.getChildren('/root/a')).toEqual(new Set(['new']));
  });

  test('starts once', async () => {
    const { client } = await bench();
    const { cache } = cacheOf(client, '/root');
    await cache.start();
    await expect(cache.start()).rejects.toThrow(new KazooException('already started'));
    await cache.close();
    await expect(cache.start()).rejects.toThrow(new KazooException('already closed'));
    expect(() => new TreeCache(client, '/a//../b')).toThrow(RangeError);
    expect(() => cache.listen('x' as never)).toThrow(TypeError);
    expect(TreeEvent.make(TreeEvent.INITIALIZED).eventData).toBeNull();
  });

  test('under random writes, reconnects and expiries it ends equal to the server, and no path goes back (pain-points 49)', async () => {
    const { server, client, connect } = await bench();
    const writers = [await connect(), await connect()];
    const { cache, events } = cacheOf(client, '/root');
    await cache.start();
    const random = generator(Number(process.env['KAZOO_SEED'] ?? Date.now() % 100_000));
    const paths = ['a', 'b', 'c'].flatMap((a) => [
      `/root/${a}`,
      ...['x', 'y', 'z'].flatMap((b) => [`/root/${a}/${b}`, `/root/${a}/${b}/leaf`]),
    ]);
    for (let i = 0; i < 400; i++) {
      const path = paths[Math.floor(random() * paths.length)]!;
      const writer = writers[i % 2]!;
      const kind = random();
      const write =
        kind < 0.45
          ? writer.create(path, String(i))
          : kind < 0.75
            ? writer.set(path, String(i))
            : writer.delete(path, { recursive: kind < 0.9 });
      const done = write.catch(() => undefined);
      if (random() < 0.6) await done;
      if (random() < 0.02) await reconnect(server, client);
      if (random() < 0.01) await expire(server, client);
    }
    await eventually(() => writers.every((writer) => writer.connected));
    await writers[0]!.create('/root/last').catch(() => undefined);
    await eventually(async () => {
      const nodes = await contents(writers[0]!, '/root');
      return JSON.stringify(nodes) === JSON.stringify(cached(cache, '/root'));
    });
    const alive = new Map<string, bigint>();
    const newest = new Map<string, bigint>();
    for (const { eventType, eventData } of events) {
      if (eventData === null) continue;
      const { path, stat } = eventData;
      expect(alive.has(path), `${NAMES[eventType]} ${path}`).toBe(eventType !== TreeEvent.NODE_ADDED);
      expect(stat.mzxid >= (newest.get(path) ?? 0n)).toBe(true);
      newest.set(path, stat.mzxid);
      if (eventType === TreeEvent.NODE_REMOVED) alive.delete(path);
      else alive.set(path, stat.mzxid);
    }
    expect([...alive.keys()].sort()).toEqual(cached(cache, '/root').map(([path]) => path));
  });

  test('goes on while a listener is busy, which is then told of the latest update only', async () => {
    const { client } = await bench();
    await client.create('/root', '0');
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    let go = (): void => undefined;
    const values: string[] = [];
    cache.listen(async ({ eventData }) => {
      values.push(String(eventData?.data));
      if (values.length === 1) await new Promise<void>((resolve) => (go = resolve));
    });
    for (const value of ['1', '2', '3', '4']) {
      await client.set('/root', value);
      await eventually(() => cache.getData('/root')?.data?.toString() === value);
    }
    go();
    await client.create('/root/a', 'a');
    await eventually(() => values.includes('a'));
    expect(values).toEqual(['1', '4', 'a']);
  });

  async function contents(client: KazooClient, path: string): Promise<[string, string][]> {
    const [[data, stat], children] = await Promise.all([client.get(path), client.getChildren(path)]);
    const below = await Promise.all(children.map((name) => contents(client, `${path}/${name}`)));
    return [[path, `${String(data)} ${stat.mzxid}`] as [string, string], ...below.flat()].sort(byPath);
  }

  function cached(cache: TreeCache, path: string): [string, string][] {
    const node = cache.getData(path);
    const below = [...(cache.getChildren(path) ?? [])].flatMap((name) => cached(cache, `${path}/${name}`));
    return [[path, `${String(node?.data)} ${node?.stat.mzxid}`] as [string, string], ...below].sort(byPath);
  }

  function byPath([a]: [string, string], [b]: [string, string]): number {
    return a < b ? -1 : 1;
  }

  test('closed after a reconnect, it leaves no watch of those that were left then', async () => {
    const { server, client } = await bench();
    await client.create('/root/a/b', '', { makepath: true });
    const { cache, told } = cacheOf(client, '/root');
    await cache.start();
    await initialized(told);
    await reconnect(server, client);
    await client.set('/root/a', 'x');
    await eventually(() => told.includes('UPDATED /root/a'));
    await cache.close();
    await eventually(async () => (await watchCount(client)) === 0);
  });
});

test('what a client that is being stopped refuses to read does not count as loaded', async () => {
  const { client } = await workbench();
  await client.create('/tree', 'data');
  let refused = 0;
  const refuse = (): Promise<never> => {
    refused += 1;
    return Promise.reject(new ConnectionClosedError());
  };
  const { cache, told } = cacheOf(altered(client, { multiRead: refuse, get: refuse, getChildren: refuse }), '/tree');
  await cache.start();
  await eventually(() => refused >= 2);
  for (let turn = 0; turn < 5; turn++) await client.sync('/tree');
  expect(told).toEqual([]);
});

test('a cache whose client is stopped while it lists again asks no more', async () => {
  const { client } = await workbench();
  await client.create('/tree', 'data');
  let refused = 0;
  let isStopped = false;
  const stopping = altered(client, {
    getChildren: (...args: Parameters<KazooClient['getChildren']>) => {
      if (!isStopped) return client.getChildren(...args);
      refused += 1;
      // Were it asked for ever, this test would stand still.
      return refused > 100 ? new Promise(() => undefined) : Promise.reject(new ConnectionClosedError());
    },
    get lastZxid() {
      return isStopped ? 0n : client.lastZxid;
    },
  });
  const { cache } = cacheOf(stopping, '/tree');
  await cache.start();
  await cache.whenFresh();
  isStopped = true;
  await client.create('/tree/child');
  await client.create('/tree/other');
  await client.delete('/tree/child');
  await eventually(() => refused > 0);
  for (let turn = 0; turn < 5; turn++) await client.sync('/tree');
  expect(refused).toBeLessThan(20);
});
