import { expect, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { ErrorPolicy } from '../../src/recipe/hold.ts';
import { Election } from '../../src/recipe/election.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { ReadLock, WriteLock } from '../../src/recipe/read-write-lock.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { Lab, once } from './lab.ts';

/** Each holds something, and gives the signal of it. */
const HOLDERS: Readonly<Record<string, (client: KazooClient, errorPolicy: ErrorPolicy) => Promise<AbortSignal>>> = {
  Lock: async (client, errorPolicy) => (await new Lock(client, '/held', { errorPolicy }).hold()).signal,
  ReadLock: async (client, errorPolicy) => (await new ReadLock(client, '/held', { errorPolicy }).hold()).signal,
  WriteLock: async (client, errorPolicy) => (await new WriteLock(client, '/held', { errorPolicy }).hold()).signal,
  Semaphore: async (client, errorPolicy) => {
    const semaphore = new Semaphore(client, '/held', { errorPolicy });
    await semaphore.acquire();
    return semaphore.signal;
  },
  Election: (client, errorPolicy) =>
    new Promise((resolve) => {
      const leading = new Election(client, '/held', { errorPolicy }).run(
        (signal) =>
          new Promise<void>((over) => {
            signal.addEventListener('abort', () => over());
            resolve(signal);
          }),
      );
      leading.catch(() => undefined);
    }),
  LeaderLatch: (client, errorPolicy) =>
    new Promise((resolve) => {
      const latch = new LeaderLatch(client, '/held', { errorPolicy });
      latch.on('leader', resolve);
      latch.start();
    }),
};

test.each(
  Object.keys(HOLDERS).flatMap((name) => [
    [name, 'standard', ['SUSPENDED true', 'LOST true']] as const,
    [name, 'session', ['SUSPENDED false', 'LOST true']] as const,
  ]),
)(
  'no listener of states, however old, hears of a loss before the signal of a %s, policy %s, has aborted (pain-points 14)',
  async (name, errorPolicy, expected) => {
    const lab = await Lab.open();
    const client = await lab.client();
    const heard: string[] = [];
    client.on('state', (state) => void heard.push(`${state} ${signal.aborted}`));
    const signal = await HOLDERS[name]!(client, errorPolicy);
    const lost = once(client, 'LOST');
    lab.server.refuseConnections(true);
    lab.server.dropConnections();
    await lost;
    expect(heard).toEqual(expected);
    lab.server.refuseConnections(false);
  },
);

test('whoever hears first of a loss, by a request that fails, finds that nothing is held', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const lock = new Lock(client, '/held');
  await lock.acquire();
  const { sessionId } = client.clientId!;
  lab.server.freeze();
  const aborted = client.exists('/').catch(() => lock.signal.aborted);
  client.dropConnection();
  expect(await aborted).toBe(true);
  expect(lock.isAcquired).toBe(true);
  const isAcquired = client.exists('/').catch(() => lock.isAcquired);
  lab.server.expireSession(sessionId);
  lab.server.thaw();
  expect(await isAcquired).toBe(false);
});
