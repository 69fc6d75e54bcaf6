import { expect, test } from 'vitest';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { expire, listsOf, workbench } from './workbench.ts';

const LONG = Array.from({ length: 600 }, (_, index) => String(index));

test('a long queue is listed once, however many of its items are taken by one consumer', async () => {
  const { client, queue, lists } = await longQueue();
  for (const item of LONG.slice(0, 50)) expect(await taken(queue)).toBe(item);
  // The entries, and the locks.
  expect(lists()).toBe(2);
  await client.delete('/queue', { recursive: true });
  expect(await queue.get()).toBeNull();
});

test('a more urgent item comes next, though the queue is long', async () => {
  const { queue, connect } = await longQueue();
  expect(await taken(queue)).toBe('0');
  await new LockingQueue(await connect(), '/queue').put('urgent', { priority: 1 });
  expect(await taken(queue)).toBe('urgent');
  expect(await taken(queue)).toBe('1');
});

test('an item that another gives back comes next, and so does one whose consumer has died', async () => {
  const { server, queue, connect } = await longQueue();
  const [releasing, dying] = [await connect(), await connect()];
  const other = new LockingQueue(releasing, '/queue');
  expect(String(await other.get())).toBe('0');
  expect(String(await new LockingQueue(dying, '/queue').get())).toBe('1');
  expect(await taken(queue)).toBe('2');
  expect(await taken(queue)).toBe('3');
  await other.release();
  expect(await taken(queue)).toBe('0');
  expect(await taken(queue)).toBe('4');
  await expire(server, dying);
  expect(await taken(queue)).toBe('1');
  expect(await taken(queue)).toBe('5');
});

test('what others have taken meanwhile is passed over, a few or many', async () => {
  const { queue, connect, lists } = await longQueue();
  expect(await taken(queue)).toBe('0');
  const listed = lists();
  const rival = new LockingQueue(await connect(), '/queue');
  for (let next = 1; next < 30; next++) expect(await taken(rival)).toBe(String(next));
  expect(await taken(queue)).toBe('30');
  expect(lists()).toBe(listed);
  // More than it looks at before it lists again.
  for (let next = 31; next < 95; next++) expect(await taken(rival)).toBe(String(next));
  const held = new LockingQueue(await connect(), '/queue');
  expect(String(await held.get())).toBe('95');
  for (let next = 96; next < 99; next++) expect(await taken(queue)).toBe(String(next));
});

test('two consumers of a long queue have each item once, in order', async () => {
  const { queue, connect } = await longQueue();
  const both = await Promise.all([queue, new LockingQueue(await connect(), '/queue')].map(drain));
  expect(both.flat().sort()).toEqual([...LONG].sort());
  for (const items of both) expect(items).toEqual([...items].sort((a, b) => Number(a) - Number(b)));
});

test('a queue that is made anew, with as many items, gives what is there', async () => {
  const { client, queue } = await longQueue();
  expect(await taken(queue)).toBe('0');
  await client.delete('/queue', { recursive: true });
  await new LockingQueue(client, '/queue').putAll(LONG.map((item) => `new ${item}`));
  expect(await taken(queue)).toBe('new 0');
  expect(await taken(queue)).toBe('new 1');
});

/** A queue of many items, and how often it has been listed. */
async function longQueue() {
  const bench = await workbench({ timeout: 30_000 }, { tickTime: 2_000 });
  const { client } = bench;
  const queue = new LockingQueue(client, '/queue');
  await queue.putAll(LONG);
  return { ...bench, queue, lists: listsOf(client) };
}

async function taken(queue: LockingQueue): Promise<string> {
  const item = await queue.get();
  expect(await queue.consume()).toBe(true);
  return String(item);
}

async function drain(queue: LockingQueue): Promise<string[]> {
  const items: string[] = [];
  for (let item = await queue.get(); item !== null; item = await queue.get()) {
    items.push(String(item));
    await queue.consume();
  }
  return items;
}
