import { expect, onTestFinished, test } from 'vitest';
import { ConnectionClosedError, KazooException, OperationTimeoutError } from '../../src/base/errors.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { altered, eventually, expire, reconnect, stateOf, workbench } from './workbench.ts';

// Pain-points 50 (CURATOR-296): ready, stale, ready.

function cacheOf(client: KazooClient): TreeCache {
  const cache = new TreeCache(client, '/root');
  onTestFinished(() => cache.close());
  return cache;
}

test('fresh once loaded, stale with the connection, fresh again when what changed meanwhile has been read', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await client.create('/root/a', 'before', { makepath: true });
  const cache = cacheOf(client);
  const told: string[] = [];
  cache.listen(({ eventData }) => {
    if (eventData !== null) told.push(`${eventData.path} ${eventData.data?.toString()}`);
  });
  cache.listenFreshness((fresh) => void told.push(fresh ? 'fresh' : 'stale'));
  expect(cache.fresh).toBe(false);
  await cache.start();
  await cache.whenFresh();
  expect(cache.fresh).toBe(true);
  await eventually(() => told.includes('fresh'));
  expect(told.splice(0)).toEqual(['/root ', '/root/a before', 'fresh']);

  server.refuseConnections(true);
  const suspended = stateOf(client, 'SUSPENDED');
  client.dropConnection();
  await suspended;
  expect(cache.fresh).toBe(false);
  await Promise.all([other.set('/root/a', 'after'), other.create('/root/b', 'new'), other.create('/root/b/c', 'newer')]);
  server.refuseConnections(false);
  await cache.whenFresh();
  expect(cache.getData('/root/a')?.data?.toString()).toBe('after');
  expect(cache.getData('/root/b/c')?.data?.toString()).toBe('newer');
  await eventually(() => told.includes('fresh'));
  expect(told[0]).toBe('stale');
  expect(told.at(-1)).toBe('fresh');
  expect(new Set(told.slice(1, -1))).toEqual(new Set(['/root/a after', '/root/b new', '/root/b/c newer']));
});

test('by itself, too: nobody need ask', async () => {
  const { server, client } = await workbench();
  const cache = cacheOf(client);
  const told: boolean[] = [];
  cache.listenFreshness((fresh) => void told.push(fresh));
  await cache.start();
  await eventually(() => cache.fresh);
  await reconnect(server, client);
  await eventually(() => cache.fresh);
  await expire(server, client);
  await eventually(() => cache.fresh);
  await eventually(() => told.length === 5);
  expect(told).toEqual([true, false, true, false, true]);
});

test('what anyone has written before whenFresh() is in the cache after it', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const cache = cacheOf(client);
  await cache.start();
  for (let turn = 0; turn < 50; turn++) {
    const path = `/root/${turn % 7}`;
    if (turn % 3 === 2) await other.delete(path, { recursive: true });
    else await other.create(`${path}/x${turn}`, String(turn), { makepath: true });
    await cache.whenFresh();
    if (turn % 3 === 2) expect(cache.getData(path)).toBeNull();
    else expect(cache.getData(`${path}/x${turn}`)?.data?.toString()).toBe(String(turn));
  }
});

test('may be awaited inside a listener of the cache itself', async () => {
  const { client } = await workbench();
  const cache = cacheOf(client);
  let sawIt = false;
  cache.listen(async ({ eventData }) => {
    if (eventData?.path !== '/root/a') return;
    await client.create('/root/b', 'b');
    await cache.whenFresh();
    sawIt = cache.getData('/root/b') !== null;
  });
  await cache.start();
  await client.create('/root/a', 'a');
  await eventually(() => sawIt);
});

test('the wait ends with its timeout, its signal, the cache or the client', async () => {
  const { server, client } = await workbench();
  const cache = cacheOf(client);
  await expect(cache.whenFresh()).rejects.toThrow(KazooException);
  await cache.start();
  await cache.whenFresh();
  server.freeze();
  await expect(cache.whenFresh({ timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  await expect(cache.whenFresh({ signal: AbortSignal.timeout(20) })).rejects.toThrow('timeout');
  const stopped = cache.whenFresh();
  const closed = cacheOf(client);
  server.thaw();
  await stopped;
  await closed.start();
  await closed.whenFresh();
  server.refuseConnections(true);
  client.dropConnection();
  const waits = [cache.whenFresh(), closed.whenFresh()];
  const outcomes = Promise.allSettled(waits);
  await client.stop();
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: expect.any(ConnectionClosedError) as unknown });
  await closed.close();
  await expect(closed.whenFresh()).rejects.toThrow('already closed');
});

test('a root that was gone, and looked for when the client stopped, is loaded after the next start', async () => {
  const { server, client, connect } = await workbench({ timeout: 4_000 });
  const other = await connect();
  await other.create('/root', 'x');
  let isAsked = false;
  const exists = (path: string, options: object): Promise<unknown> => {
    if (path === '/root' && !isAsked) {
      isAsked = true;
      server.refuseConnections(true);
      client.dropConnection();
    }
    return client.exists(path, options);
  };
  const cache = cacheOf(altered(client, { exists }));
  await cache.start();
  await cache.whenFresh();
  await other.delete('/root');
  await eventually(() => isAsked && client.state === 'SUSPENDED');
  await client.stop();
  server.refuseConnections(false);
  await eventually(() => other.connected);
  await other.create('/root', 'y');
  await client.start();
  await cache.whenFresh({ timeout: 20_000 });
  expect(cache.getData('/root')?.data?.toString()).toBe('y');
});

test('on a read-only server, which serves no sync, what that server has is all there is', async () => {
  const { server, client, connect } = await workbench();
  await client.create('/root/a', 'old', { makepath: true });
  server.setReadOnly(true);
  const reader = await connect({ readOnly: true });
  const cache = cacheOf(reader);
  await cache.start();
  await cache.whenFresh();
  expect(reader.clientState).toBe('CONNECTED_RO');
  expect(cache.fresh).toBe(true);
  expect(cache.getData('/root/a')?.data?.toString()).toBe('old');
});
