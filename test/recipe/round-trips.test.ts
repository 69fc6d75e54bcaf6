import { expect, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { eventually, pause, watchCount, workbench } from './workbench.ts';

// The table of docs/recipes.md, "Round trips". Python Kazoo's figures were counted in the same way.

const REQUESTS = ['create', 'createOwned', 'get', 'getChildren', 'exists', 'set', 'delete', 'sync', 'transaction'] as const;

test.each<[string, (client: KazooClient) => () => Promise<unknown>, trips: number]>([
  ['Lock: acquire and release', (client) => () => client.lock('/x').withLock(() => 1), 2],
  ['Election: run', (client) => () => client.election('/x').run(() => 1), 2],
  ['Semaphore: acquire and release', (client) => cycleOf(client.semaphore('/x', { maxLeases: 2 })), 5],
  ['Queue: put', (client) => () => client.queue('/x').put('item'), 1],
  ['Queue: get', queueWithItems(1), 2],
  ['Queue: four gets, one right after the other', queueWithItems(4), 6],
  ['LockingQueue: get and consume', lockingQueueWithItems, 4],
  ['Counter: add', (client) => client.counter('/x').add.bind(client.counter('/x'), 1), 2],
  ['NonBlockingLease: obtain', (client) => () => client.nonBlockingLease('/x', 1_000).obtain(), 4],
])('%s', async (_, prepare, expected) => {
  // A session that a busy machine does not cost: what is retried would count.
  const { client } = await workbench({ timeout: 30_000 }, { tickTime: 2_000 });
  const work = prepare(client);
  // What is made once, and listed once, has been.
  for (let turn = 0; turn < 2; turn++) {
    await work();
    await pause(2);
  }
  const trips = countTrips(client);
  await work();
  expect(trips()).toBe(expected);
});

test.each<[string, (client: KazooClient, signal: AbortSignal) => Promise<unknown>]>([
  ['a lock', (client, signal) => client.lock('/lock').acquire({ signal })],
  ['a lease of a semaphore', (client, signal) => client.semaphore('/pool').acquire({ signal })],
  ['an item of a queue', (client, signal) => client.queue('/queue').get({ signal, timeout: Infinity })],
  ['an item of a locking queue', (client, signal) => client.lockingQueue('/locking').get({ signal, timeout: Infinity })],
  ['the end of a barrier', (client, signal) => client.barrier('/barrier').wait({ signal })],
  ['the others of a double barrier', (client, signal) => client.doubleBarrier('/double', 2).enter({ signal })],
  ['the leadership of a latch', waitToLead],
])('who waits for %s asks for nothing while nothing changes', async (_, wait) => {
  const { client, connect } = await workbench({ timeout: 30_000 }, { tickTime: 2_000 });
  const other = await connect();
  await Promise.all([other.lock('/lock').acquire(), other.semaphore('/pool').acquire(), other.barrier('/barrier').create()]);
  const leader = new LeaderLatch(other, '/latch');
  leader.start();
  await leader.waitForLeadership();
  const before = await watchCount(other);
  const trips = countTrips(client);
  const controller = new AbortController();
  const waiting = wait(client, controller.signal).catch((error: unknown) => error);
  await eventually(async () => (await watchCount(other)) > before);
  await eventually(async () => {
    const asked = trips();
    for (let turn = 0; turn < 10; turn++) await other.exists('/');
    return trips() === asked;
  });
  const reason = new Error('enough');
  controller.abort(reason);
  expect(await waiting).toBe(reason);
  await leader.close();
});

async function waitToLead(client: KazooClient, signal: AbortSignal): Promise<boolean> {
  await using latch = new LeaderLatch(client, '/latch');
  latch.start();
  return await latch.waitForLeadership({ signal });
}

function cycleOf(semaphore: ReturnType<KazooClient['semaphore']>): () => Promise<unknown> {
  return () => semaphore.withLease(() => 1);
}

function queueWithItems(inARow: number): (client: KazooClient) => () => Promise<unknown> {
  return (client) => {
    const queue = client.queue('/x');
    const filled = Promise.all(Array.from({ length: 4 * inARow }, (_, item) => queue.put(String(item))));
    return async () => {
      await filled;
      for (let left = inARow; left > 0; left--) expect(await queue.get()).not.toBeNull();
    };
  };
}

function lockingQueueWithItems(client: KazooClient): () => Promise<unknown> {
  const queue = client.lockingQueue('/x');
  const filled = queue.putAll(['1', '2', '3', '4']);
  return async () => {
    await filled;
    expect(await queue.get()).not.toBeNull();
    expect(await queue.consume()).toBe(true);
  };
}

/** Requests of one tick leave together, and are answered together. */
function countTrips(client: KazooClient): () => number {
  let trips = 0;
  let counted = false;
  for (const name of REQUESTS) {
    const original = client[name].bind(client) as (...args: unknown[]) => unknown;
    const counting = (...args: unknown[]): unknown => {
      if (!counted) {
        counted = true;
        trips += 1;
        process.nextTick(() => (counted = false));
      }
      return original(...args);
    };
    Object.assign(client, { [name]: counting });
  }
  return () => trips;
}
