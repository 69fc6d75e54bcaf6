import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConnectionLoss, NoNodeError, SessionExpiredError } from '../../src/base/errors.ts';
import { Election } from '../../src/recipe/election.ts';
import { withCaller } from '../../src/recipe/hold.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { collectGarbage } from '../support/garbage.ts';
import { Lab, until, untilConnected } from './lab.ts';
import { altered, watchCount } from './workbench.ts';

test('the signal of a hold under a caller’s signal aborts with the first of the two, and with its reason', () => {
  const [hold, caller] = [new AbortController(), new AbortController()];
  expect(withCaller(hold.signal, undefined)).toBe(hold.signal);
  const [one, late] = [withCaller(hold.signal, caller.signal), AbortSignal.abort('at once')];
  expect(withCaller(hold.signal, late).reason).toBe('at once');
  caller.abort('by the caller');
  hold.abort('by the hold');
  expect(one.reason).toBe('by the caller');
  expect(withCaller(hold.signal, new AbortController().signal).reason).toBe('by the hold');
});

test.each(['Lock', 'Semaphore', 'Election'])(
  'what the function of a %s listened to is not kept, though a listener was left on it',
  async (name) => {
    const client = await (await Lab.open()).client();
    const shutdown = new AbortController();
    const seen: WeakRef<AbortSignal>[] = [];
    const fn = (signal: AbortSignal): void => {
      signal.addEventListener('abort', () => undefined);
      seen.push(new WeakRef(signal));
    };
    for (let times = 0; times < 5; times++) {
      if (name === 'Lock') await new Lock(client, '/held').withLock(fn, { signal: shutdown.signal });
      else if (name === 'Semaphore') await new Semaphore(client, '/held').withLease(fn, { signal: shutdown.signal });
      else await new Election(client, '/held').run(fn, { signal: shutdown.signal });
    }
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    // The last may still be on some stack.
    expect(seen.slice(0, 4).filter((signal) => signal.deref() !== undefined)).toEqual([]);
  },
);

test('a lock that has lost its session says so before anybody is told', async () => {
  const client = await (await Lab.open()).client();
  let state = 'CONNECTED';
  const knowing = altered(client, {
    get state() {
      return state;
    },
  });
  const [lock, other] = [new Lock(knowing, '/held'), new Lock(knowing, '/other')];
  await Promise.all([lock.acquire(), other.acquire()]);
  const { signal } = lock;
  state = 'SUSPENDED';
  expect([signal.aborted, lock.signal.aborted, lock.isAcquired, lock.signal.reason]).toEqual([
    false,
    true,
    true,
    expect.any(ConnectionLoss),
  ]);
  state = 'LOST';
  expect([other.isAcquired, other.signal.reason]).toEqual([false, expect.any(SessionExpiredError)]);
});

test('a hold that is over soon leaves no timer', async () => {
  const clock = new ManualClock();
  const client = await (await Lab.open()).client({ clock, timeout: 20_000 });
  const lock = new Lock(client, '/held');
  const before = clock.pending;
  await lock.acquire();
  expect(clock.pending).toBe(before + 1);
  await lock.release();
  expect(clock.pending).toBe(before);
});

describe('a hold whose node somebody removes', () => {
  async function setUp() {
    const lab = await Lab.open();
    const clock = new ManualClock();
    const [client, other] = [await lab.client({ clock, timeout: 20_000 }), await lab.client()];
    const lock = new Lock(client, '/held');
    /** So long that a hold is worth watching. */
    const aSecond = async (): Promise<void> => {
      clock.advance(1_000);
      await client.exists('/');
    };
    const node = (): string => `/held/${lock.node}`;
    return { lab, clock, client, other, lock, aSecond, node };
  }

  test.each([true, false])('is over, and its signal says so (ephemeral: %s)', async (ephemeral) => {
    const { clock, client, other, lock, aSecond, node } = await setUp();
    const before = clock.pending;
    await lock.acquire({ ephemeral });
    const { signal } = lock;
    await aSecond();
    expect(await watchCount(other)).toBe(1);
    await other.set(node(), 'changed');
    await until('it is watched again', async () => (await watchCount(other)) === 1);
    const path = node();
    await other.delete(path);
    await until('it is known', () => signal.aborted);
    expect(signal.reason).toBeInstanceOf(NoNodeError);
    expect(signal.reason).toMatchObject({
      message: `the lock /held is no longer held: somebody removed ${path}`,
      path,
    });
    expect([lock.isAcquired, lock.node, lock.fencingToken, await lock.release()]).toEqual([false, null, null, false]);
    expect([client.listenerCount('state'), await watchCount(other)]).toEqual([0, 0]);
    expect(await lock.acquire()).toBe(true);
    await lock.release();
    await aSecond();
    expect([clock.pending, await watchCount(other)]).toEqual([before, 0]);
  });

  test('is over as soon as that is found out, where it was removed before it was watched', async () => {
    const { other, lock, aSecond, node } = await setUp();
    await lock.acquire();
    await other.delete(node());
    expect(lock.isAcquired).toBe(true);
    await aSecond();
    await until('it is known', () => lock.signal.aborted);
    expect(lock.isAcquired).toBe(false);
  });

  test('is watched for across a lost connection', async () => {
    const { client, other, lock, aSecond, clock, node } = await setUp();
    await lock.acquire();
    const path = node();
    const suspended = new Promise<void>((resolve) => client.once('suspended', resolve));
    client.dropConnection();
    clock.advance(1_000);
    await suspended;
    await other.delete(path);
    await untilConnected(client);
    await until('it is known', async () => (await aSecond(), !lock.isAcquired));
  });

  test('is watched for though the connection is lost in the very look at it', async () => {
    const { lab, client, other, lock, aSecond, clock, node } = await setUp();
    await lock.acquire();
    const path = node();
    lab.server.faults.cutAfterCommit('getData');
    const suspended = new Promise<void>((resolve) => client.once('suspended', resolve));
    clock.advance(1_000);
    await suspended;
    await untilConnected(client);
    await other.delete(path);
    await until('it is known', async () => (await aSecond(), !lock.isAcquired));
  });

  test('is over by its release, if that comes first: what it says then stays', async () => {
    const { client, other, lock, aSecond } = await setUp();
    await lock.acquire();
    const { signal } = lock;
    await aSecond();
    expect(await watchCount(other)).toBe(1);
    const deletions: string[] = [];
    const original = client.delete.bind(client);
    client.delete = (path, options) => {
      deletions.push(path);
      return original(path, options);
    };
    expect(await lock.release()).toBe(true);
    await client.sync('/');
    expect((signal.reason as Error).message).toBe('the lock /held was released');
    expect([deletions.length, await watchCount(other), client.listenerCount('state')]).toEqual([1, 0, 0]);
  });

  test('lets a function under a lease know', async () => {
    const { client, other, aSecond } = await setUp();
    const semaphore = new Semaphore(client, '/pool', { maxLeases: 2 });
    const reason = await semaphore.withLease(async (signal) => {
      await aSecond();
      for (const lease of await other.getChildren('/pool')) if (!lease.includes('lock')) await other.delete(`/pool/${lease}`);
      await until('it is known', () => signal.aborted);
      return signal.reason as Error;
    });
    expect(reason.message).toMatch(/^a lease of the semaphore \/pool is no longer held: somebody removed \/pool\/[0-9a-f]{32}$/);
  });
});
