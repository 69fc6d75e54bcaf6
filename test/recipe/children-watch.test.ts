import { expect, test, vi } from 'vitest';
import { ChildrenWatch } from '../../src/recipe/children-watch.ts';
import { eventually, expire, reconnect, watchCount, workbench } from './workbench.ts';

test('calls at once with the children, then after each change with the event', async () => {
  const { client } = await workbench();
  await client.create('/parent/a', '', { makepath: true });
  const calls: [string[], string | undefined][] = [];
  const watch = new ChildrenWatch(client, '/parent', (children, event) => void calls.push([children.sort(), event?.type]));
  await watch.ready;
  await client.create('/parent/b');
  await eventually(() => calls.length === 2);
  expect(calls).toEqual([
    [['a'], undefined],
    [['a', 'b'], 'CHILD'],
  ]);
});

test('a missing node ends it quietly: ready resolves, no call, no listener (D-23, CW-2)', async () => {
  const { client } = await workbench();
  const listeners = client.listenerCount('state');
  const fn = vi.fn();
  await new ChildrenWatch(client, '/missing', fn).ready;
  expect(client.listenerCount('state')).toBe(listeners);
  await client.create('/missing');
  await client.create('/missing/child');
  expect(fn).not.toHaveBeenCalled();
});

test('deleting the node ends it, and making it anew does not revive it', async () => {
  const { client } = await workbench();
  await client.create('/parent');
  const listeners = client.listenerCount('state');
  const fn = vi.fn();
  await new ChildrenWatch(client, '/parent', fn).ready;
  await client.delete('/parent');
  await eventually(() => client.listenerCount('state') === listeners);
  await client.create('/parent');
  await client.create('/parent/child');
  await client.sync('/');
  expect(fn).toHaveBeenCalledOnce();
  expect(await watchCount(client)).toBe(0);
});

test('after a lost session the children are told again only if they differ (CW-3)', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await client.create('/parent/a', '', { makepath: true });
  const calls: string[][] = [];
  await new ChildrenWatch(client, '/parent', (children) => void calls.push(children.sort())).ready;
  await expire(server, client);
  await client.sync('/parent');
  await client.getChildren('/parent');
  expect(calls).toEqual([['a']]);
  await other.create('/parent/b');
  await eventually(() => calls.length === 2);
  expect(calls[1]).toEqual(['a', 'b']);
});

test('without allowSessionLost it outlives a reconnect, but not its session (D-24h, CW-5)', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await client.create('/parent');
  const listeners = client.listenerCount('state');
  const fn = vi.fn();
  await new ChildrenWatch(client, '/parent', fn, { allowSessionLost: false }).ready;
  await reconnect(server, client);
  await eventually(() => other.connected);
  await other.create('/parent/a');
  await eventually(() => fn.mock.calls.length === 2);
  await expire(server, client);
  expect(client.listenerCount('state')).toBe(listeners);
  await other.create('/parent/b');
  await client.sync('/parent');
  expect(fn).toHaveBeenCalledTimes(2);
});

test('false ends it; errors go where those of a DataWatch go', async () => {
  const { client } = await workbench();
  await client.create('/parent');
  const errors: string[] = [];
  client.on('error', (error) => errors.push(error.message));
  let calls = 0;
  const watch = new ChildrenWatch(client, '/parent', () => {
    calls += 1;
    if (calls === 3) return false;
    throw new Error(`call ${calls}`);
  });
  await expect(watch.ready).rejects.toThrow('call 1');
  await client.create('/parent/a');
  await eventually(() => calls === 2);
  await client.create('/parent/b');
  await eventually(() => calls === 3);
  await client.create('/parent/c');
  await client.sync('/');
  expect(errors).toEqual(['call 2']);
  expect(calls).toBe(3);
});

test('bad arguments throw at once', async () => {
  const { client } = await workbench();
  expect(() => new ChildrenWatch(client, '/a', () => undefined, { allowSessionLost: 1 as never })).toThrow(TypeError);
  expect(() => new ChildrenWatch(client, '/a', undefined as never)).toThrow(TypeError);
});
