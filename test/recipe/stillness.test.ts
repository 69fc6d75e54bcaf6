import { expect, test } from 'vitest';
import { NoAuthError } from '../../src/base/errors.ts';
import { Attempt } from '../../src/recipe/attempt.ts';
import { Stillness } from '../../src/recipe/stillness.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { altered, eventually, watchCount, workbench } from './workbench.ts';

const attemptOf = (client: KazooClient): Attempt => new Attempt(client.clock, {}, () => new Error('no deadline was set'));

test('children that change are waited for again; what ended before anyone asked is told at once', async () => {
  const { client } = await workbench();
  await client.ensurePath('/parent');
  let reads = 0;
  const changing = altered(client, {
    getChildren: async (...args: Parameters<KazooClient['getChildren']>) => {
      const children = await client.getChildren(...args);
      if (reads++ < 2) await client.create(`/parent/${reads}`);
      return children;
    },
  });
  const still = new Stillness(changing, '/parent', 50);
  expect((await still.wait(attemptOf(client))).sort()).toEqual(['1', '2']);
  expect(reads).toBe(3);
  const told: string[] = [];
  still.onEnd(() => void told.push('first'));
  expect(told).toEqual([]);
  await client.create('/parent/3');
  await eventually(() => told.length === 1);
  still.onEnd(() => void told.push('second'));
  expect(told).toEqual(['first', 'second']);
  still.stop();
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a read that fails leaves nothing to take back', async () => {
  const { server, client } = await workbench();
  await client.ensurePath('/parent');
  server.faults.fail('getChildren', -102);
  const still = new Stillness(client, '/parent', 50);
  await expect(still.wait(attemptOf(client))).rejects.toBeInstanceOf(NoAuthError);
  still.stop();
  still.stop();
  expect(await watchCount(client)).toBe(0);
});
