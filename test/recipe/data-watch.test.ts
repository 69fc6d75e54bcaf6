import { expect, test, vi } from 'vitest';
import type { WatchedEvent } from '../../src/base/states.ts';
import { DataWatch } from '../../src/recipe/data-watch.ts';
import { eventually, expire, pause, reconnect, watchCount, workbench } from './workbench.ts';

test('calls at once with the data, then after each change, with the event that led to it (pain-points 34)', async () => {
  const { client } = await workbench();
  await client.create('/node', 'one');
  const calls: [string | null, number | undefined, WatchedEvent | null][] = [];
  const watch = new DataWatch(
    client,
    '/node',
    (data, stat, event) => void calls.push([data?.toString() ?? null, stat?.version, event]),
  );
  await watch.ready;
  expect(calls).toEqual([['one', 0, null]]);
  await client.set('/node', 'two');
  await eventually(() => calls.length === 2);
  expect(calls[1]).toEqual(['two', 1, { type: 'CHANGED', state: 'CONNECTED', path: '/node' }]);
});

test('a missing node reads as nulls, and is seen when made, deleted and made again', async () => {
  const { client } = await workbench();
  const seen: (string | null)[] = [];
  const events: (string | undefined)[] = [];
  const watch = new DataWatch(client, '/node', (data, stat, event) => {
    seen.push(stat === null ? null : String(data));
    events.push(event?.type);
  });
  await watch.ready;
  await client.create('/node', 'a');
  await eventually(() => seen.length === 2);
  await client.delete('/node');
  await eventually(() => seen.length === 3);
  await client.create('/node', 'b');
  await eventually(() => seen.length === 4);
  expect(seen).toEqual([null, 'a', null, 'b']);
  expect(events).toEqual([undefined, 'CREATED', 'DELETED', 'CREATED']);
});

test('returning false ends it; nothing is left on the client or the server (pain-points 29)', async () => {
  const { client } = await workbench();
  await client.create('/node', 'one');
  const listeners = client.listenerCount('state');
  let calls = 0;
  const watch = new DataWatch(client, '/node', async () => {
    calls += 1;
    await pause(1);
    return calls < 2;
  });
  await watch.ready;
  expect(client.listenerCount('state')).toBe(listeners + 1);
  await client.set('/node', 'two');
  await eventually(() => client.listenerCount('state') === listeners);
  await client.set('/node', 'three');
  await eventually(async () => (await watchCount(client)) === 0);
  expect(calls).toBe(2);
});

test('stop() takes the watch back from the server (pain-points 29)', async () => {
  const { client } = await workbench();
  await client.create('/node', 'one');
  const watch = new DataWatch(client, '/node', () => undefined);
  await watch.ready;
  expect(await watchCount(client)).toBe(1);
  watch.stop();
  watch.stop();
  await eventually(async () => (await watchCount(client)) === 0);
});

test('stop() before the first call: ready resolves, nothing is called', async () => {
  const { client } = await workbench();
  const fn = vi.fn();
  const watch = new DataWatch(client, '/node', fn);
  watch.stop();
  await watch.ready;
  await client.sync('/');
  expect(fn).not.toHaveBeenCalled();
  await eventually(async () => (await watchCount(client)) === 0);
});

test('stop() while a call waits behind another callback: that call is not made', async () => {
  const { client } = await workbench();
  await client.create('/node', 'one');
  const calls: string[] = [];
  const watch = new DataWatch(client, '/node', (data) => void calls.push(String(data)));
  await watch.ready;
  const over = new Promise<void>((resolve) => {
    const listener = async (): Promise<void> => {
      // The watch has begun to read before this; its call is behind.
      await client.sync('/');
      await new Promise((resolve) => setImmediate(resolve));
      watch.stop();
      client.dispatch(resolve);
    };
    void client.exists('/node', { watch: listener });
  });
  await client.set('/node', 'two');
  await over;
  expect(calls).toEqual(['one']);
});

test('a throw on the first call rejects ready, a later one reaches the error event, and the watch goes on', async () => {
  const { client } = await workbench();
  await client.create('/node', '0');
  const errors: string[] = [];
  client.on('error', (error) => errors.push(error.message));
  let calls = 0;
  const watch = new DataWatch(client, '/node', (data) => {
    calls += 1;
    throw new Error(`no ${String(data)}`);
  });
  await expect(watch.ready).rejects.toThrow('no 0');
  await client.set('/node', '1');
  await eventually(() => errors.length === 1);
  await client.set('/node', '2');
  await eventually(() => errors.length === 2);
  expect(errors).toEqual(['no 1', 'no 2']);
  expect(calls).toBe(3);
});

test('a TypeError from the function is not mistaken for a wrong number of arguments (D-24f, DW-3)', async () => {
  const { client } = await workbench();
  const fn = vi.fn(() => {
    throw new TypeError('mine');
  });
  await expect(new DataWatch(client, '/node', fn).ready).rejects.toThrow('mine');
  expect(fn).toHaveBeenCalledOnce();
});

test('a reconnect without change calls nothing; a change made meanwhile is told (DW-2)', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await client.create('/node', 'one');
  const seen: string[] = [];
  const watch = new DataWatch(client, '/node', (data) => void seen.push(String(data)));
  await watch.ready;
  await reconnect(server, client);
  await client.sync('/');
  expect(seen).toEqual(['one']);
  await eventually(() => other.connected);
  await other.set('/node', 'two');
  await eventually(() => seen.length === 2);
  expect(seen).toEqual(['one', 'two']);
});

test('survives the loss of its session, and stop() and start() of the client (DW-10)', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await client.create('/node', 'one');
  const calls: [string, WatchedEvent | null][] = [];
  const watch = new DataWatch(client, '/node', (data, _stat, event) => void calls.push([String(data), event]));
  await watch.ready;
  await expire(server, client);
  await other.set('/node', 'two');
  await eventually(() => calls.length === 2);
  await client.stop();
  await other.set('/node', 'three');
  await client.start();
  await eventually(() => calls.length === 3);
  expect(calls.map(([data]) => data)).toEqual(['one', 'two', 'three']);
  expect(calls[2]![1]).toBeNull();
});

test('made before start(), it begins when the client has started', async () => {
  const { server } = await workbench();
  const { KazooClient } = await import('../../src/kazoo-client.ts');
  const client = new KazooClient(server.connectString);
  const fn = vi.fn();
  const watch = new DataWatch(client, '/node', fn);
  await client.start();
  await watch.ready;
  expect(fn).toHaveBeenCalledOnce();
  await client.stop();
});

test('ready may be awaited inside a callback', async () => {
  const { client } = await workbench();
  await client.create('/node');
  const inner: string[] = [];
  const outer = new DataWatch(client, '/node', async (data) => {
    const watch = new DataWatch(client, `/inner-${data?.toString()}`, () => void inner.push(String(data)));
    await watch.ready;
  });
  await outer.ready;
  await client.set('/node', 'x');
  await eventually(() => inner.includes('x'));
});

test('a node that cannot be read rejects ready', async () => {
  const { server, client } = await workbench();
  await client.create('/node');
  server.faults.fail('getData', -102);
  const listeners = client.listenerCount('state');
  await expect(new DataWatch(client, '/node', () => undefined).ready).rejects.toThrow('ACL');
  expect(client.listenerCount('state')).toBe(listeners - 0);
});

test('changes faster than the reads are told as one', async () => {
  const { client } = await workbench();
  await client.create('/node', '0');
  const seen: string[] = [];
  const watch = new DataWatch(client, '/node', (data) => void seen.push(String(data)));
  await watch.ready;
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.set('/node', String(i + 1))));
  await eventually(() => seen.at(-1) === '100');
  expect(seen.length).toBeLessThan(100);
});

test('bad arguments throw at once', async () => {
  const { client } = await workbench();
  expect(() => new DataWatch(client, '/a/../b', () => undefined)).toThrow(RangeError);
  expect(() => new DataWatch(client, '/a', 'no' as never)).toThrow(TypeError);
  expect(() => new DataWatch({} as never, '/a', () => undefined)).toThrow(TypeError);
});
