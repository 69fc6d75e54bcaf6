import { expect, test, vi } from 'vitest';
import { CallbackQueue } from '../../src/base/callback-queue.ts';

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(): { queue: { push(callback: () => unknown): void; readonly size: number }; errors: unknown[]; order: string[] } {
  const errors: unknown[] = [];
  const queue = new CallbackQueue();
  const push = (callback: () => unknown): void => queue.push(callback, (error) => errors.push(error));
  return {
    queue: {
      push,
      get size() {
        return queue.size;
      },
    },
    errors,
    order: [],
  };
}

test('callbacks run in order, after the code that queued them', async () => {
  const { queue, order } = setUp();
  for (const name of ['a', 'b', 'c']) queue.push(() => void order.push(name));
  expect(order).toEqual([]);
  await flush();
  expect(order).toEqual(['a', 'b', 'c']);
  expect(queue.size).toBe(0);
});

test('the next waits for an async one', async () => {
  const { queue, order } = setUp();
  let finish: () => void = () => undefined;
  queue.push(async () => {
    order.push('begins');
    await new Promise<void>((resolve) => (finish = resolve));
    order.push('ends');
  });
  queue.push(() => void order.push('next'));
  await flush();
  expect([order, queue.size]).toEqual([['begins'], 1]);
  queue.push(() => void order.push('last'));
  finish();
  await flush();
  expect(order).toEqual(['begins', 'ends', 'next', 'last']);
});

test('what throws or rejects is reported, and the rest goes on', async () => {
  const { queue, order, errors } = setUp();
  queue.push(() => {
    throw new Error('thrown');
  });
  queue.push(() => Promise.reject(new Error('rejected')));
  queue.push(() => ({ then: (_: unknown, reject: (error: unknown) => void) => reject('thenable') }));
  queue.push(() => void order.push('after'));
  await flush();
  expect(errors.map((error) => (error instanceof Error ? error.message : error))).toEqual(['thrown', 'rejected', 'thenable']);
  expect(order).toEqual(['after']);
});

test('a callback may queue another, which runs behind those that wait', async () => {
  const { queue, order } = setUp();
  queue.push(() => {
    order.push('a');
    queue.push(() => void order.push('inner'));
  });
  queue.push(() => void order.push('b'));
  await flush();
  queue.push(() => void order.push('c'));
  await flush();
  expect(order).toEqual(['a', 'b', 'inner', 'c']);
});

test('what a callback queues before it waits is not forgotten', async () => {
  const { queue, order } = setUp();
  queue.push(async () => {
    queue.push(() => void order.push('inner'));
    await Promise.resolve();
    order.push('outer');
  });
  await flush();
  expect(order).toEqual(['outer', 'inner']);
});

test('values that are no promises are not waited for, not even for a microtask, nor mistaken for a failure', async () => {
  const { queue, order, errors } = setUp();
  const values = [1, 'x', null, {}, { then: 5 }];
  for (const value of values)
    queue.push(() => {
      queueMicrotask(() => void order.push('later'));
      return value;
    });
  queue.push(() => void order.push('end'));
  await flush();
  expect(order).toEqual(['end', ...values.map(() => 'later')]);
  expect(errors).toEqual([]);
});

test('each callback has its own reporter, and one that fails itself stops nothing', async () => {
  const queue = new CallbackQueue();
  const told: string[] = [];
  const fails = (): never => {
    throw new Error('nobody listens');
  };
  queue.push(fails, fails);
  queue.push(() => Promise.reject(new Error('rejected')), fails);
  queue.push(fails, (error) => void told.push(String(error)));
  queue.push(
    () => void told.push('after'),
    () => undefined,
  );
  await flush();
  expect(told).toEqual(['Error: nobody listens', 'after']);
});

test('behind async callbacks a long queue is moved but once, and keeps its order', async () => {
  const { queue, order } = setUp();
  const many = 5_000;
  for (let i = 0; i < many; i++)
    queue.push(async () => {
      order.push(String(i));
      await Promise.resolve();
      if (i === many - 2) queue.push(() => void order.push('inner'));
    });
  const slice = vi.spyOn(Array.prototype, 'slice');
  await flush();
  const moved = slice.mock.results.reduce((sum, { value }) => sum + (value as unknown[]).length, 0);
  slice.mockRestore();
  expect([order.length, queue.size]).toEqual([many + 1, 0]);
  expect(order.slice(-3)).toEqual([String(many - 2), String(many - 1), 'inner']);
  expect(moved).toBeLessThan(2 * many);
});
