import { expect, test, vi } from 'vitest';
import { Turnstile } from '../../src/base/turnstile.ts';

test('one passes at a time, first come first served; who leaves the line is passed by', async () => {
  const turnstile = new Turnstile();
  const order: string[] = [];
  const [first, second, third] = ['first', 'second', 'third'].map((name) => {
    const ticket = turnstile.take();
    void ticket.ready.then(() => order.push(name));
    return ticket;
  });
  second!.leave();
  await Promise.resolve();
  expect(order).toEqual(['first']);
  first!.leave();
  first!.leave();
  await Promise.resolve();
  expect(order).toEqual(['first', 'third']);
  third!.leave();
  expect(turnstile.taken).toBe(false);
});

test('a long line is not gone through for each who passes', async () => {
  const turnstile = new Turnstile();
  const many = 1_000;
  const filter = vi.spyOn(Array.prototype, 'filter');
  const passed = await Promise.all(Array.from({ length: many }, (_, i) => turnstile.pass(() => Promise.resolve(i))));
  const looks = filter.mock.calls.length;
  filter.mockRestore();
  expect(passed).toEqual(Array.from({ length: many }, (_, i) => i));
  expect(looks).toBe(0);
});
