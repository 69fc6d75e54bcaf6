import { expect, test } from 'vitest';
import { ConnectionClosedError } from '../../src/base/errors.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { sortEntries } from '../../src/recipe/queue-entry.ts';
import { eventually, expire, listsOf, pause, reconnect, watchCount, workbench } from './workbench.ts';

test('first in, first out, within a priority; urgent first', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/deep/queue');
  await queue.put('b');
  await queue.put('c');
  await queue.put('a', { priority: 1 });
  expect((await client.getChildren('/deep/queue')).sort()).toEqual([
    'entry-001-0000000002',
    'entry-100-0000000000',
    'entry-100-0000000001',
  ]);
  expect(await queue.size()).toBe(3);
  expect(String(await queue.get())).toBe('a');
  expect(String(await queue.get())).toBe('b');
  expect(String(await queue.get())).toBe('c');
  expect(await queue.get()).toBeNull();
});

test('an urgent entry of another client overtakes those already listed (D-24d)', async () => {
  const { client, connect } = await workbench();
  const queue = new Queue(client, '/queue');
  const other = new Queue(await connect(), '/queue');
  for (const item of ['b', 'c', 'd']) await queue.put(item);
  expect(String(await queue.get())).toBe('b');
  await other.put('a', { priority: 0 });
  expect(String(await queue.get())).toBe('a');
  expect(String(await other.get())).toBe('c');
  expect(String(await queue.get())).toBe('d');
  expect(await queue.get()).toBeNull();
});

test('foreign children are neither taken nor counted (D-24d)', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  await client.create('/queue/lease', 'x', { makepath: true });
  expect(await queue.get()).toBeNull();
  expect(await queue.size()).toBe(0);
  await queue.put('mine');
  expect(String(await queue.get())).toBe('mine');
  expect(await client.getChildren('/queue')).toEqual(['lease']);
});

test('a null item is given as an empty Buffer (D-35)', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  await queue.put(null);
  await queue.put('');
  expect(await queue.get()).toEqual(Buffer.alloc(0));
  expect(await queue.get()).toEqual(Buffer.alloc(0));
});

test('with a timeout it waits for an item, or gives null', async () => {
  const { client, connect } = await workbench();
  const queue = new Queue(client, '/queue');
  expect(await queue.get({ timeout: 30 })).toBeNull();
  const waiting = queue.get({ timeout: 30_000 });
  await new Queue(await connect(), '/queue').put('at last');
  expect(String(await waiting)).toBe('at last');
  await queue.put('one');
  expect(String(await queue.get({ timeout: 0 }))).toBe('one');
  expect(await queue.get({ timeout: 0 })).toBeNull();
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a wait goes on across a reconnect and a lost session', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  const queue = new Queue(client, '/queue');
  const waiting = queue.get({ timeout: Infinity });
  await eventually(async () => (await watchCount(other)) === 1);
  await reconnect(server, client);
  await expire(server, client);
  await eventually(() => other.connected);
  await new Queue(other, '/queue').put('at last');
  expect(String(await waiting)).toBe('at last');
});

test('a wait goes on when the queue is deleted under it (CURATOR-308)', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const waiting = new Queue(client, '/jobs/queue').get({ timeout: Infinity });
  await eventually(async () => (await watchCount(other)) === 1);
  await other.delete('/jobs', { recursive: true });
  // It is not made again before there is something to put in it.
  await new Queue(other, '/jobs/queue').put('at last');
  expect(String(await waiting)).toBe('at last');
});

test('a wait ends with the client', async () => {
  const { client } = await workbench();
  const waiting = new Queue(client, '/queue').get({ timeout: Infinity });
  waiting.catch(() => undefined);
  await client.sync('/');
  await client.stop();
  await expect(waiting).rejects.toThrow(ConnectionClosedError);
});

test('an abort ends the wait and leaves no watch; the next consumer gets the item', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  for (let i = 0; i < 50; i++) {
    const controller = new AbortController();
    const waiting = queue.get({ timeout: Infinity, signal: controller.signal });
    waiting.catch(() => undefined);
    if (i % 2 === 0) await client.sync('/');
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  }
  await queue.put('item');
  expect(String(await queue.get())).toBe('item');
  await eventually(async () => (await watchCount(client)) === 0);
});

test('aborted at any moment, an item is either given or still there', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  for (let i = 0; i < 40; i++) {
    await queue.put(`item ${i}`);
    const controller = new AbortController();
    const getting = queue.get({ signal: controller.signal }).catch(() => null);
    await pause((i % 8) / 2);
    controller.abort(new Error('enough'));
    const item = (await getting) ?? (await queue.get());
    expect(String(item)).toBe(`item ${i}`);
  }
});

test('many consumers: each item is given once', async () => {
  const { client, connect } = await workbench();
  const queues = [client, await connect(), await connect()].map((each) => new Queue(each, '/queue'));
  const items = Array.from({ length: 100 }, (_, i) => `item ${i}`);
  await Promise.all(items.map((item) => queues[0]!.put(item)));
  const given: string[] = [];
  const consume = async (queue: Queue): Promise<void> => {
    for (let item = await queue.get(); item !== null; item = await queue.get()) given.push(String(item));
  };
  await Promise.all(queues.flatMap((queue) => [consume(queue), consume(queue)]));
  expect(given.sort()).toEqual(items.sort());
});

test('one object that is asked many times at once gives each its own item, in order', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  for (const item of ['a', 'b', 'c', 'd']) await queue.put(item);
  const items = await Promise.all(Array.from({ length: 5 }, () => queue.get()));
  expect(items.map((item) => item?.toString() ?? null)).toEqual(['a', 'b', 'c', 'd', null]);
});

test('an item whose removal was not confirmed is given (QU-3)', async () => {
  const { server, client } = await workbench();
  const queue = new Queue(client, '/queue');
  await queue.put('item');
  server.faults.cutAfterCommit('delete');
  expect(String(await queue.get())).toBe('item');
  expect(await queue.size()).toBe(0);
});

test('a removal that never arrived is made after all', async () => {
  const { server, client } = await workbench();
  const queue = new Queue(client, '/queue');
  await queue.put('item');
  server.faults.fail('delete', -4);
  expect(String(await queue.get())).toBe('item');
  expect(await queue.size()).toBe(0);
});

test('a queue that vanishes is made again (D-24c)', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  await queue.put('a');
  await client.delete('/queue', { recursive: true });
  expect(await queue.get()).toBeNull();
  await client.delete('/queue');
  await queue.put('b');
  expect(String(await queue.get())).toBe('b');
});

test('a drained queue costs two round trips an item, however long it is', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  await Promise.all(Array.from({ length: 50 }, (_, i) => queue.put(`item ${i}`)));
  const lists = listsOf(client);
  for (let i = 0; i < 50; i++) expect(String(await queue.get())).toBe(`item ${i}`);
  expect(lists()).toBe(1);
});

test('losing the race for an entry leads to the next one, not to a new list', async () => {
  const { client, connect } = await workbench();
  const rival = await connect();
  const all = Array.from({ length: 60 }, (_, index) => String(index));
  for (const item of all) await new Queue(client, '/queue').put(item);
  const lists = listsOf(client);
  const taken: string[][] = [[], []];
  const drain = async (queue: Queue, items: string[]): Promise<void> => {
    for (let item = await queue.get(); item !== null; item = await queue.get()) items.push(item.toString());
  };
  await Promise.all([drain(new Queue(client, '/queue'), taken[0]!), drain(new Queue(rival, '/queue'), taken[1]!)]);
  expect(taken.flat().sort()).toEqual(all.sort());
  for (const items of taken) expect(items).toEqual([...items].sort((a, b) => Number(a) - Number(b)));
  // The first list, and the last, which finds nothing; or a few of the latter, where the end is a race, too.
  expect(lists()).toBeLessThanOrEqual(5);
});

test('bad arguments are refused at once', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  await expect(queue.put(5 as never)).rejects.toThrow(TypeError);
  await expect(queue.put('x', { priority: '1' as never })).rejects.toThrow(TypeError);
  await expect(queue.put('x', { priority: 1.5 })).rejects.toThrow(TypeError);
  await expect(queue.put('x', { priority: 1000 })).rejects.toThrow(RangeError);
  await expect(queue.put('x', { priority: -1 })).rejects.toThrow(RangeError);
  await expect(queue.put('x', { priority: null as never })).rejects.toThrow(TypeError);
  await expect(queue.get({ timeout: -1 })).rejects.toThrow(RangeError);
  await expect(queue.get({ timeout: 'x' as never })).rejects.toThrow(TypeError);
});

test('entries sort by priority, then by number, which wraps around', () => {
  const entries = [
    'entry-100-2147483647',
    'entry-100--2147483648',
    'entry-100--000000001',
    'entry-005-0000000009',
    'entry-005-0000000010',
    'entry-x',
    'other',
  ];
  expect(sortEntries(entries)).toEqual([
    'entry-005-0000000009',
    'entry-005-0000000010',
    'entry-100-2147483647',
    'entry-100--2147483648',
    'entry-100--000000001',
    'entry-x',
  ]);
});
