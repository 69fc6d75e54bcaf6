import { expect, test } from 'vitest';
import { Wakeup } from '../../src/recipe/wakeup.ts';

test('a wake-up while nobody waits is kept for the next wait, and for one only', async () => {
  const { wake, wait } = new Wakeup();
  wake();
  wake();
  await wait();
  let woken = false;
  const waiting = wait().then(() => (woken = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(woken).toBe(false);
  wake();
  await waiting;
});
