import { expect, test } from 'vitest';
import type { KazooState } from '../../src/base/states.ts';
import { DataWatch } from '../../src/recipe/data-watch.ts';
import { ignoreState, listenToState } from '../../src/recipe/state-listeners.ts';
import { Lab } from './lab.ts';

test('however many recipes there are, the client has one listener of theirs, and none after the last', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const watches = Array.from({ length: 20 }, (_, i) => new DataWatch(client, `/node-${i}`, () => undefined));
  await Promise.all(watches.map(({ ready }) => ready));
  const lock = client.lock('/lock');
  await lock.acquire();
  expect(client.listenerCount('state')).toBe(1);
  for (const watch of watches) watch.stop();
  expect(client.listenerCount('state')).toBe(1);
  await lock.release();
  expect(client.listenerCount('state')).toBe(0);
});

test('each is told of every state once, before the user’s listeners; one that is taken back meanwhile still hears of that state', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const told: string[] = [];
  const note = (name: string) => (state: KazooState) => void told.push(`${name} ${state}`);
  client.on('state', note('user'));
  const second = note('second');
  const first = (state: KazooState): void => {
    note('first')(state);
    ignoreState(client, second);
    ignoreState(client, second);
  };
  for (const listener of [first, second, first]) listenToState(client, listener);
  await client.stop();
  await client.start();
  expect(told).toEqual(['first LOST', 'second LOST', 'user LOST', 'first CONNECTED', 'user CONNECTED']);
  ignoreState(client, first);
  expect(client.listenerCount('state')).toBe(1);
});

test('where a user has removed all listeners of the client, a lock still hears of the loss of its session', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const earlier = new DataWatch(client, '/node', () => undefined);
  await earlier.ready;
  client.removeAllListeners('state');
  const lock = client.lock('/lock');
  await lock.acquire();
  const { signal } = lock;
  await lab.expire(client);
  expect([signal.aborted, lock.isAcquired]).toEqual([true, false]);
  earlier.stop();
  expect(client.listenerCount('state')).toBe(0);
});
