import { expect, test } from 'vitest';
import { Election } from '../../src/recipe/election.ts';
import { withCaller } from '../../src/recipe/hold.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { collectGarbage } from '../support/garbage.ts';
import { Lab } from './lab.ts';

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
