import { describe, expect, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { eventually, pause, watchCount, workbench, type Workbench } from './workbench.ts';

/** Of each kind of wait; 10 000 in all, and more in a soak. */
const TURNS = Number(process.env['KAZOO_SOAK_ABORTS'] ?? 1_250);
const AT_ONCE = 25;

/** A wait that cannot come to its end, as a function of the signal that ends it. */
type Wait = (signal: AbortSignal) => Promise<unknown>;

describe('waits that are aborted leave no watch, no node and no listener (pain-points 38, 47, 52)', () => {
  const kinds: Record<string, (client: KazooClient, other: KazooClient) => Promise<Wait>> = {
    'lock.acquire': async (client, other) => {
      await other.lock('/l').acquire();
      return (signal) => client.lock('/l').acquire({ signal });
    },
    'one lock.acquire': async (client, other) => {
      await other.lock('/one').acquire();
      const lock = client.lock('/one');
      return (signal) => lock.acquire({ signal });
    },
    'semaphore.acquire': async (client, other) => {
      await other.semaphore('/s').acquire();
      return (signal) => client.semaphore('/s').acquire({ signal });
    },
    'election.run': async (client, other) => {
      await other.lock('/e').acquire();
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
