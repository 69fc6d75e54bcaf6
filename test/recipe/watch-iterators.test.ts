import { expect, test } from 'vitest';
import { ConnectionClosedError, NoNodeError, SessionExpiredError } from '../../src/base/errors.ts';
import { watchChildren, watchData } from '../../src/recipe/watch-iterators.ts';
import { altered, eventually, expire, reconnect, watchCount, workbench } from './workbench.ts';

test('gives the data now and after each change, until broken off, and leaves nothing (pain-points 27, 34)', async () => {
  const { client } = await workbench();
  const listeners = client.listenerCount('state');
  const seen: (string | null)[] = [];
  const steps = [() => client.create('/node', 'a'), () => client.set('/node', 'b'), () => client.delete('/node')];
  for await (const { data, stat, event } of watchData(client, '/node')) {
    seen.push(`${event?.type}:${stat === null ? 'none' : String(data)}`);
    const step = steps.shift();
    if (step === undefined) break;
    await step();
  }
  expect(seen).toEqual(['undefined:none', 'CREATED:a', 'CHANGED:b', 'DELETED:none']);
  expect(client.listenerCount('state')).toBe(listeners);
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a slow consumer sees the latest value only, for one read (pain-points 33)', async () => {
  const { client } = await workbench();
  await client.create('/node', '0');
  const values = watchData(client, '/node');
  await values.next();
  for (let i = 1; i <= 20; i++) await client.set('/node', String(i));
  const { value } = await values.next();
  expect(String(value?.data)).toBe('20');
  await values.return();
});

test('an abort rejects with the reason, at any time, and leaves nothing (pain-points 27)', async () => {
  const { client } = await workbench();
  await client.create('/node', '0');
  const reason = new Error('enough');
  const controller = new AbortController();
  const values = watchData(client, '/node', { signal: controller.signal });
  await values.next();
  const waiting = values.next();
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  expect(await values.next()).toEqual({ done: true, value: undefined });
  await expect(watchData(client, '/node', { signal: controller.signal }).next()).rejects.toBe(reason);
  await eventually(async () => (await watchCount(client)) === 0);
});

test('an abort does not wait for a server that is silent', async () => {
  const { server, client } = await workbench();
  await client.create('/node', '0');
  server.freeze();
  const controller = new AbortController();
  const waiting = watchData(client, '/node', { signal: controller.signal }).next();
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  server.thaw();
  await eventually(async () => (await watchCount(client)) === 0);
});

test('goes on across a reconnect', async () => {
  const { server, client } = await workbench();
  await client.create('/node', '0');
  const values = watchData(client, '/node');
  await values.next();
  const waiting = values.next();
  await reconnect(server, client);
  await client.set('/node', '1');
  expect(String((await waiting).value?.data)).toBe('1');
  await values[Symbol.asyncDispose]();
  expect(await values.next()).toEqual({ done: true, value: undefined });
  await eventually(async () => (await watchCount(client)) === 0);
});

test('ends with the session, and with the client, each time saying why (pain-points 32)', async () => {
  const { server, client } = await workbench();
  await client.create('/node', '0');
  const values = watchData(client, '/node');
  await values.next();
  const waiting = values.next();
  waiting.catch(() => undefined);
  await expire(server, client);
  await expect(waiting).rejects.toThrow(SessionExpiredError);
  const children = watchChildren(client, '/node');
  await children.next();
  const stopped = children.next();
  stopped.catch(() => undefined);
  await client.stop();
  await expect(stopped).rejects.toThrow(ConnectionClosedError);
  await expect(watchData(client, '/node').next()).rejects.toThrow(ConnectionClosedError);
});

test('ends with a session that is lost while no watch is left to tell, as after a change', async () => {
  const { server, client } = await workbench();
  await client.create('/node', '0');
  const listeners = client.listenerCount('state');
  const values = watchData(client, '/node');
  await values.next();
  await client.set('/node', '1');
  await expire(server, client);
  await expect(values.next()).rejects.toThrow(SessionExpiredError);
  expect(await values.next()).toEqual({ done: true, value: undefined });
  expect(client.listenerCount('state')).toBe(listeners);
  await eventually(async () => (await watchCount(client)) === 0);
});

test.each([false, true])('repeats a read that was cut off, unless the session has gone with it: %s', async (goes) => {
  const { server, client } = await workbench();
  await client.create('/node', '0');
  let reads = 0;
  const cut = altered(client, {
    get: (...args: Parameters<typeof client.get>) => {
      if (reads++ === 1) {
        server.dropConnections();
        if (goes) server.expireSession(client.clientId!.sessionId);
      }
      return client.get(...args);
    },
  });
  const values = watchData(cut, '/node');
  await values.next();
  await client.set('/node', '1');
  if (goes) await expect(values.next()).rejects.toThrow(SessionExpiredError);
  else expect(String((await values.next()).value?.data)).toBe('1');
  await values.return();
  expect(reads).toBeGreaterThan(2);
});

test('an answer that shows what was there before, as of a server that lags, is no item', async () => {
  const { client } = await workbench();
  await client.create('/node', '0');
  const before = await client.get('/node');
  let reads = 0;
  const lagging = altered(client, {
    get: async (...args: Parameters<typeof client.get>) => {
      const now = await client.get(...args);
      return reads++ === 1 ? before : now;
    },
  });
  const values = watchData(lagging, '/node');
  await values.next();
  await client.set('/node', '1');
  const next = values.next();
  await eventually(() => reads === 2);
  await client.set('/node', '2');
  expect(String((await next).value?.data)).toBe('2');
  await values.return();
});

test('return() ends a next() that waits', async () => {
  const { client } = await workbench();
  const values = watchData(client, '/node');
  await values.next();
  const waiting = values.next();
  await values.return();
  expect(await waiting).toEqual({ done: true, value: undefined });
});

test('children: now and after each change; over when the node goes; refused where there is none', async () => {
  const { client } = await workbench();
  await expect(watchChildren(client, '/parent').next()).rejects.toThrow(NoNodeError);
  await client.create('/parent');
  const seen: string[][] = [];
  for await (const { children } of watchChildren(client, '/parent')) {
    seen.push(children);
    if (seen.length === 1) await client.create('/parent/a');
    if (seen.length === 2) await client.delete('/parent', { recursive: true });
  }
  expect(seen.slice(0, 2)).toEqual([[], ['a']]);
  await eventually(async () => (await watchCount(client)) === 0);
});

test('bad arguments throw at once', async () => {
  const { client } = await workbench();
  expect(() => watchData(client, '/a/./b')).toThrow(RangeError);
  expect(() => watchChildren(client, '/a', { signal: {} as never })).toThrow(TypeError);
});
