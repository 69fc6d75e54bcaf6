import { expect, onTestFinished, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { TreeEvent } from '../../src/recipe/tree-event.ts';
import { watchCount, workbench } from './workbench.ts';

/** What the client is asked, from now on; `listings` are those of the root's children. */
function requestsOf(client: KazooClient): { batches: number; refused: number; singles: number; listings: number } {
  const seen = { batches: 0, refused: 0, singles: 0, listings: 0 };
  for (const name of ['get', 'getChildren'] as const) {
    const original = client[name].bind(client) as (...args: unknown[]) => never;
    client[name] = (...args: unknown[]): never => {
      seen.singles += 1;
      if (name === 'getChildren' && args[0] === '/root') seen.listings += 1;
      return original(...args);
    };
  }
  const original = client.multiRead.bind(client);
  client.multiRead = async (operations, options) => {
    seen.batches += 1;
    seen.listings += operations.filter((operation) => 'getChildren' in operation && operation.getChildren === '/root').length;
    return original(operations, options).catch((error: unknown) => {
      seen.refused += 1;
      throw error;
    });
  };
  return seen;
}

async function cacheOf(client: KazooClient): Promise<TreeCache> {
  const cache = new TreeCache(client, '/root');
  onTestFinished(() => cache.close());
  await cache.start();
  await cache.whenFresh();
  return cache;
}

test('batches become smaller where nodes are large, so that no answer has more than maxResponseBytes', async () => {
  const { client, connect } = await workbench();
  const data = Buffer.alloc(40_000, 'x');
  await client.create('/root');
  await Promise.all(Array.from({ length: 600 }, (_, i) => client.create(`/root/${i}`, data)));
  const reader = await connect({ maxResponseBytes: 1024 * 1024 });
  const requests = requestsOf(reader);
  const cache = await cacheOf(reader);
  for (let i = 0; i < 600; i++) expect(cache.getData(`/root/${i}`)?.data).toHaveLength(40_000);
  expect(requests.refused).toBe(0);
  expect(requests.batches + requests.singles).toBeLessThan(300);
});

test('a batch that is too large all the same is read again in smaller ones, and only a node that is too large by itself goes to the fault listeners', async () => {
  const { client, connect } = await workbench();
  await client.create('/root');
  await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => client.create(`/root/${i}`, i < 900 ? '' : Buffer.alloc(40_000, 'x'))),
  );
  await client.create('/root/large', Buffer.alloc(600_000, 'x'));
  const reader = await connect({ maxResponseBytes: 512 * 1024 });
  const requests = requestsOf(reader);
  const cache = new TreeCache(reader, '/root');
  onTestFinished(() => cache.close());
  const faults: unknown[] = [];
  cache.listenFault((fault) => void faults.push(fault));
  await cache.start();
  await cache.whenFresh();
  for (let i = 0; i < 1_000; i++) expect(cache.getData(`/root/${i}`)?.data).toHaveLength(i < 900 ? 0 : 40_000);
  expect(cache.getData('/root/large')).toBeNull();
  expect(faults).toHaveLength(1);
  expect(requests.refused).toBeGreaterThan(0);
  expect(requests.batches + requests.singles).toBeLessThan(180);
});

test.each(['3.9.5', '3.6.4'])(
  'on %s 1,000 new children of a node with 10,000 are each read, and these not listed each time',
  async (version) => {
    const { client, connect } = await workbench({ timeout: 30_000 }, { version, tickTime: 2_000 });
    const other = await connect();
    await other.create('/root');
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => other.create(`/root/${i}`)));
    const cache = await cacheOf(client);
    const requests = requestsOf(client);
    const begin = performance.now();
    for (let i = 10_000; i < 11_000; i++) await other.create(`/root/${i}`, String(i));
    await cache.whenFresh();
    // One at once or after the pause of 100 ms, and what whenFresh() cannot wait for.
    expect(requests.listings).toBeLessThanOrEqual((performance.now() - begin) / 100 + 3);
    for (let i = 10_000; i < 11_000; i++) expect(cache.getData(`/root/${i}`)?.data?.toString()).toBe(String(i));
    requests.listings = 0;
    const end = performance.now();
    for (let i = 0; i < 1_000; i++) await other.delete(`/root/${i}`);
    await cache.whenFresh();
    expect(requests.listings).toBeLessThanOrEqual((performance.now() - end) / 100 + 3);
    expect(cache.getChildren('/root')!.size).toBe(10_000);
  },
);

test('a large node is not listed for the sake of a small one, which is listed at once', async () => {
  const { client, connect } = await workbench({ timeout: 30_000 }, { tickTime: 2_000 });
  const other = await connect();
  await other.create('/root');
  await Promise.all(Array.from({ length: 1_100 }, (_, i) => other.create(`/root/${i}`)));
  await Promise.all(Array.from({ length: 60 }, (_, i) => other.create(`/root/0/${i}`)));
  const cache = await cacheOf(client);
  const requests = requestsOf(client);
  const begin = performance.now();
  for (let i = 0; i < 60; i++) {
    await Promise.all([other.delete(`/root/${i + 1}`), other.delete(`/root/0/${i}`)]);
    await client.sync('/');
  }
  await cache.whenFresh();
  expect(requests.listings).toBeLessThanOrEqual((performance.now() - begin) / 100 + 3);
  expect(cache.getChildren('/root')!.size).toBe(1_040);
  expect(cache.getChildren('/root/0')!.size).toBe(0);
});

test.each(['3.9.5', '3.5.10'])(
  'on %s the watches of a large tree are taken back so many at a time, that the event loop is not held up',
  async (version) => {
    const { client } = await workbench({}, { version });
    await client.create('/root');
    for (let made = 0; made < 2_500; made += 500) {
      const transaction = client.transaction();
      for (let i = made; i < made + 500; i++) transaction.create(`/root/${i}`);
      await transaction.commitOrThrow();
    }
    const cache = await cacheOf(client);
    let closed = false;
    const closing = cache.close().finally(() => (closed = true));
    for (let most = 0; !closed; await new Promise((resolve) => setImmediate(resolve))) {
      most = Math.max(most, client.inFlightRequests + client.queuedRequests);
      expect(most).toBeLessThan(2_010);
    }
    await closing;
    expect(await watchCount(client)).toBe(0);
  },
);

/** A node with many children, a cache of it that is about to load them, and how many it has. */
async function crowd(
  many: number,
): Promise<{ client: KazooClient; other: KazooClient; cache: TreeCache; size: () => number; expire: () => void }> {
  const { server, client, connect } = await workbench({ timeout: 30_000 }, { tickTime: 2_000 });
  const other = await connect();
  await other.create('/root');
  await Promise.all(Array.from({ length: many }, (_, i) => other.create(`/root/${i}`)));
  const cache = new TreeCache(client, '/root');
  onTestFinished(() => cache.close());
  return {
    client,
    other,
    cache,
    size: () => cache.getChildren('/root')?.size ?? 0,
    expire: () => server.expireSession(client.clientId!.sessionId),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the children of a large node are taken up so many in a turn of the event loop, and none is missing once fresh', async () => {
  const { cache, size } = await crowd(8_000);
  await cache.start();
  const fresh = cache.whenFresh();
  let most = 0;
  for (let before = 0; before < 8_000;) {
    await turn();
    most = Math.max(most, size() - before);
    before = size();
  }
  expect(most).toBeLessThanOrEqual(2_000);
  await fresh;
  for (let i = 0; i < 8_000; i++) expect(cache.getData(`/root/${i}`)).not.toBeNull();
});

test('what comes and goes while children are taken up is as it is on the server in the end', async () => {
  const { other, cache, size } = await crowd(6_000);
  await cache.start();
  while (size() === 0) await turn();
  expect(size()).toBeLessThan(6_000);
  await Promise.all([
    other.create('/root/new'),
    ...Array.from({ length: 100 }, (_, i) => other.delete(`/root/${i * 60}`)),
    other.set('/root/5999', 'changed'),
  ]);
  await cache.whenFresh();
  expect([...cache.getChildren('/root', new Set<string>())].sort()).toEqual((await other.getChildren('/root')).sort());
  expect(cache.getData('/root/5999')?.data?.toString()).toBe('changed');
  expect(cache.getData('/root/0')).toBeNull();
});

test('a session lost, a root that goes, or a close in the midst of it leaves nothing of it', async () => {
  const { client, other, cache, size, expire } = await crowd(4_000);
  const told: number[] = [];
  cache.listen(({ eventType }) => told.push(eventType));
  await cache.start();
  while (size() === 0) await turn();
  expire();
  while (!told.includes(TreeEvent.CONNECTION_LOST)) await turn();
  await cache.whenFresh();
  expect(size()).toBe(4_000);
  expect(told.filter((type) => type === TreeEvent.INITIALIZED)).toHaveLength(1);

  const second = new TreeCache(client, '/root');
  await second.start();
  while (second.getChildren('/root')?.size === 0) await turn();
  await other.delete('/root', { recursive: true });
  await second.whenFresh();
  expect([second.getData('/root'), second.getChildren('/root')]).toEqual([null, new Set()]);
  await second.close();

  await Promise.all([other.create('/big'), ...Array.from({ length: 4_000 }, (_, i) => other.create(`/big/${i}`))]);
  const third = new TreeCache(client, '/big');
  await third.start();
  while (third.getChildren('/big')?.size === 0) await turn();
  await third.close();
  for (let i = 0; i < 10; i++) await turn();
  expect(third.getChildren('/big')).toEqual(new Set());
  await cache.close();
  expect(await watchCount(client)).toBe(0);
});
