import { expect, test } from 'vitest';
import { BATCH, inBatches } from '../../src/base/batches.ts';

test('a batch after the other, the first at once and each in a turn of its own', async () => {
  const items = Array.from({ length: 2 * BATCH + 1 }, (_, i) => i);
  let turns = 0;
  const begun: [turn: number, first: number, size: number][] = [];
  const done = inBatches(items, (batch) => {
    begun.push([turns, batch[0]!, batch.length]);
    return Promise.resolve();
  });
  expect(begun).toEqual([[0, 0, BATCH]]);
  for (; begun.length < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
  await done;
  expect(begun.map(([, ...batch]) => batch)).toEqual([
    [0, BATCH],
    [BATCH, BATCH],
    [2 * BATCH, 1],
  ]);
  expect(new Set(begun.map(([turn]) => turn)).size).toBe(3);
});

test('nothing to do is done at once; a failure ends it', async () => {
  await inBatches([], () => Promise.reject(new Error('not called')));
  let calls = 0;
  const failing = inBatches(Array.from({ length: 3 * BATCH }), () => Promise.reject(new Error(`call ${++calls}`)));
  await expect(failing).rejects.toThrow('call 1');
  expect(calls).toBe(1);
});
