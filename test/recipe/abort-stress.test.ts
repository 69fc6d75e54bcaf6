import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConnectionLoss } from '../../src/base/errors.ts';
import type { WaitOptions } from '../../src/client/call-options.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { Counter } from '../../src/recipe/counter.ts';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { altered, eventually, pause, stand, watchCount, workbench, type Workbench } from './workbench.ts';

/** Of each kind of wait; 10 000 in all, and more in a soak. */
const TURNS = Number(process.env['KAZOO_SOAK_ABORTS'] ?? 1_250);
const AT_ONCE = 25;

/** A wait that cannot come to its end, as a function of the signal that ends it. */
type Wait = (signal: AbortSignal) => Promise<unknown>;

describe('waits that are aborted leave no watch, no node and no listener (pain-points 38, 47, 52)', () => {
  const kinds: Record<string, (client: KazooClient, other: KazooClient) => Promise<Wait>> = {
    'lock.acquire': async (client, other) => {
      await stand(other, '/l/held__lock__0000000000');
      return (signal) => client.lock('/l').acquire({ signal });
    },
    'one lock.acquire': async (client, other) => {
      await stand(other, '/one/held__lock__0000000000');
      const lock = client.lock('/one');
      return (signal) => lock.acquire({ signal });
    },
    'semaphore.acquire': async (client, other) => {
      await stand(other, '/s/held');
      await other.set('/s', '1');
      await other.ensurePath('/s-__lock__');
      return (signal) => client.semaphore('/s').acquire({ signal });
    },
    'election.run': async (client, other) => {
      await stand(other, '/e/held__lock__0000000000');
      return (signal) => client.election('/e').run(() => undefined, { signal });
    },
    'queue.get': async (client) => {
      await client.ensurePath('/q');
      return (signal) => client.queue('/q').get({ timeout: Infinity, signal });
    },
    'lockingQueue.get': async (client) => {
      await client.lockingQueue('/lq').size();
      return (signal) => client.lockingQueue('/lq').get({ timeout: Infinity, signal });
    },
    'barrier.wait': async (client) => {
      await client.barrier('/b').create();
      return (signal) => client.barrier('/b').wait({ signal });
    },
    'doubleBarrier.enter': async (client) => {
      await client.ensurePath('/d');
      return (signal) => client.doubleBarrier('/d', TURNS + 1).enter({ signal });
    },
  };

  test.each(Object.entries(kinds))(
    '%s',
    async (_, prepare) => {
      const bench = await workbench();
      const wait = await prepare(bench.client, await bench.connect());
      const [before, watches] = [contents(bench), await watchCount(bench.client)];
      const listeners = bench.client.listenerCount('state');
      for (let turn = 0; turn < TURNS; turn += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, () => abortSoon(wait)));
      await eventually(() => contents(bench) === before);
      await eventually(async () => (await watchCount(bench.client)) === watches);
      expect(bench.client.listenerCount('state')).toBe(listeners);
    },
    120_000,
  );

  test('whatever request meets a lost connection meanwhile', { timeout: 120_000 }, async () => {
    const bench = await workbench({ timeout: 4_000 });
    const { server, client } = bench;
    const other = await bench.connect({ timeout: 4_000 });
    const waits = await Promise.all(Object.values(kinds).map((prepare) => prepare(client, other)));
    const [before, watches] = [contents(bench), await watchCount(client)];
    for (const op of ['create', 'getChildren', 'getData', 'exists', 'delete', 'sync'] as const) {
      for (let turn = 0; turn < 4; turn++) {
        server.faults.cutAfterCommit(op);
        const aborted = Promise.all(waits.map((wait) => abortSoon(wait, 5)));
        if (turn % 2 === 1) server.dropConnections();
        await aborted;
        server.faults.clear();
      }
    }
    await eventually(() => client.connected && other.connected);
    await eventually(() => contents(bench) === before);
    await eventually(async () => (await watchCount(client)) === watches);
  });
});

describe('a call that ends in an outage asks for nothing more and leaves no timer', () => {
  /** Made ready while connected; the call is made in the outage. */
  const kinds: Record<string, (client: KazooClient) => Promise<(limits: WaitOptions) => Promise<unknown>>> = {
    'queue.get': async (client) => (limits) => new Queue(client, '/q').get(limits),
    'queue.get, waiting': async (client) => (limits) => new Queue(client, '/q').get({ timeout: Infinity, ...limits }),
    'queue.size': async (client) => (limits) => new Queue(client, '/q').size(limits),
    'lockingQueue.get': async (client) => (limits) => new LockingQueue(client, '/lq').get(limits),
    'lockingQueue.size': async (client) => (limits) => new LockingQueue(client, '/lq').size(limits),
    'lockingQueue.holdsLock': async (client) => {
      const queue = await holding(client);
      return (limits) => queue.holdsLock(limits);
    },
    'lockingQueue.consume': async (client) => {
      const queue = await holding(client);
      return (limits) => queue.consume(limits);
    },
    'counter.get': async (client) => (limits) => new Counter(client, '/n').get(limits),
    'counter.add': async (client) => (limits) => new Counter(client, '/n').add(1, limits),
  };

  test.each(Object.entries(kinds))('%s', async (_, prepare) => {
    const clock = new ManualClock();
    const { client } = await workbench({ commandRetry: { clock } });
    let isOut = false;
    let asked = 0;
    const unanswered =
      (name: 'get' | 'getChildren' | 'exists' | 'sync' | 'ensurePath') => (path: string, options: WaitOptions) => {
        asked += 1;
        return isOut ? never(options.signal!) : client[name](path, options);
      };
    const methods = { get: unanswered('get'), getChildren: unanswered('getChildren'), exists: unanswered('exists') };
    const others = { sync: unanswered('sync'), ensurePath: unanswered('ensurePath') };
    const call = await prepare(altered(client, { clock, ...methods, ...others }));
    isOut = true;

    const expectNoMore = async (): Promise<void> => {
      await turn();
      const before = asked;
      expect(clock.pending).toBe(0);
      clock.advance(60_000);
      await turn();
      expect(asked).toBe(before);
    };
    const timed = call({ timeout: 100 }).catch(() => undefined);
    await turn();
    clock.advance(100);
    await timed;
    await expectNoMore();
    // As of the hold of a lock.
    const [controller, loss] = [new AbortController(), new ConnectionLoss()];
    const aborted = call({ signal: controller.signal }).catch((error: unknown) => error);
    await turn();
    controller.abort(loss);
    expect(await aborted).toBe(loss);
    await expectNoMore();
  });

  async function holding(client: KazooClient): Promise<LockingQueue> {
    const queue = new LockingQueue(client, '/lq');
    await queue.put('item');
    await queue.get();
    return queue;
  }

  async function never(signal: AbortSignal): Promise<never> {
    signal.throwIfAborted();
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }

  function turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
});

/** At a moment that may be before the first request, between any two, or after the last. */
async function abortSoon(wait: Wait, most = 0): Promise<void> {
  const controller = new AbortController();
  const reason = new Error('no longer wanted');
  const outcome = wait(controller.signal).catch((error: unknown) => error);
  for (let turns = Math.random() * 6; turns > 1; turns--) await new Promise((resolve) => setImmediate(resolve));
  if (most > 0) await pause(Math.random() * most);
  controller.abort(reason);
  expect(await outcome).toBe(reason);
}

/** The paths of all nodes. */
function contents({ server }: Workbench): string {
  return Object.keys(server.snapshot()).join(' ');
}
