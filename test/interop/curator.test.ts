import { expect, test } from 'vitest';
import { besideCurator } from './curator-peer.ts';
import { eventually } from './eventually.ts';

besideCurator('counters and locks beside Curator', (world) => {
  test('a SharedCount and a Counter count together', async () => {
    const counter = world.client.counter('/shared-count', { supportCurator: true });
    expect(await counter.add(-7)).toBe(-7);
    expect(await world.curator.ask('count /shared-count')).toBe('-7');
    const ours = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) await counter.add(3);
    };
    await Promise.all([ours(), world.curator.ask('add /shared-count 2 100')]);
    expect(await counter.get()).toBe(493);
    expect(await world.curator.ask('count /shared-count')).toBe('493');
    expect(await world.curator.ask('add /shared-count 2147483154 1')).toBe('2147483647');
    await expect(counter.add(1)).rejects.toThrow(RangeError);
  });

  test('a SharedCount that Curator made is read', async () => {
    expect(await world.curator.ask('add /made-by-curator -5 1')).toBe('-5');
    expect(await world.client.counter('/made-by-curator', { supportCurator: true }).get()).toBe(-5);
  });

  test('a DistributedAtomicInteger and a Counter count together', async () => {
    const counter = world.client.counter('/atomic', { supportCurator: true });
    expect(await world.curator.ask('atomic /atomic 4 1')).toBe('4');
    expect(await counter.get()).toBe(4);
    const ours = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn++) await counter.subtract(1);
    };
    await Promise.all([ours(), world.curator.ask('atomic /atomic 2 50')]);
    expect(await counter.get()).toBe(54);
    expect(await world.curator.ask('atomic /atomic 0 1')).toBe('54');
  });

  test("our lock waits for a holder of Curator's mutex", async () => {
    const lock = world.client.lock('/mutex', { extraLockPatterns: ['-lock-'], identifier: 'node' });
    expect(await world.curator.ask('acquire /mutex 1000')).toBe('true');
    expect(await world.client.getChildren('/mutex')).toEqual([expect.stringMatching(/^_c_[0-9a-f-]{36}-lock-\d{10}$/)]);
    expect(await lock.acquire({ blocking: false })).toBe(false);
    await expect(lock.acquire({ timeout: 100 })).rejects.toMatchObject({ name: 'LockTimeout' });
    expect(await lock.contenders()).toHaveLength(1);
    const waiting = lock.acquire();
    await eventually(async () => (await world.client.getChildren('/mutex')).length === 2);
    expect(lock.isAcquired).toBe(false);
    expect(await world.curator.ask('release /mutex')).toBe('true');
    expect(await waiting).toBe(true);
    await lock.release();
  });

  // Curator ranks every child by what follows the last `lock-` in its name, and, where there is no `lock-`, by the whole name: our nodes
  // (`<hex>__lock__<sequence>`) come behind its own ten digits for most first letters, whatever the sequence.
  test('the limit: Curator does not wait for ours, so that the two do not exclude each other', async () => {
    const lock = world.client.lock('/one-way', { extraLockPatterns: ['-lock-'] });
    // A name that begins with a letter: with a small digit first, Curator would wait.
    for (let tries = 0; tries < 100 && !/^[a-f]/.test(lock.node ?? ''); tries++) {
      await lock.release();
      await lock.acquire();
    }
    expect(await world.curator.ask('acquire /one-way 500')).toBe('true');
    expect(lock.isAcquired).toBe(true);
    expect(await world.curator.ask('release /one-way')).toBe('true');
    await lock.release();
  });
});
