import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConnectionClosedError, ConnectionLoss, NoNodeError, SessionExpiredError } from '../../src/base/errors.ts';
import { Attempt, isTransient, pauseAfter } from '../../src/recipe/attempt.ts';

const timedOut = (): Error => new Error('out of time');

test('the deadline ends what is waited for, once, and the timer goes with the end', async () => {
  const clock = new ManualClock();
  const attempt = new Attempt(clock, { timeout: 100 }, timedOut);
  const wait = attempt.guard(new Promise(() => undefined));
  clock.advance(99);
  expect(attempt.signal.aborted).toBe(false);
  clock.advance(1);
  await expect(wait).rejects.toThrow('out of time');
  attempt.end(new Error('later'));
  expect(() => attempt.check()).toThrow('out of time');
  await expect(attempt.guard(Promise.resolve(1))).rejects.toThrow('out of time');
  const other = new Attempt(clock, { timeout: 100 }, timedOut);
  other.close();
  expect(clock.pending).toBe(0);
});

test('the caller’s signal ends it with its reason, also one that has aborted already', async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const attempt = new Attempt(clock, { signal: controller.signal }, timedOut);
  expect(attempt.givenUp).toBe(false);
  controller.abort(new Error('enough'));
  expect(attempt.givenUp).toBe(true);
  expect(() => attempt.check()).toThrow('enough');
  expect(() => new Attempt(clock, { signal: controller.signal }, timedOut).check()).toThrow('enough');
});

test('many attempts that share a signal leave one listener with it', () => {
  const controller = new AbortController();
  const attempts = Array.from({ length: 10 }, () => new Attempt(new ManualClock(), { signal: controller.signal }, timedOut));
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
  for (const attempt of attempts.slice(0, 5)) attempt.close();
  controller.abort();
  expect(attempts.map(({ ended }) => ended)).toEqual(attempts.map((_, i) => i >= 5));
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});

test('after the close the caller’s signal is not listened to', () => {
  const controller = new AbortController();
  const attempt = new Attempt(new ManualClock(), { signal: controller.signal }, timedOut);
  attempt.close();
  controller.abort();
  expect(attempt.signal.aborted).toBe(false);
});

test('what is guarded settles as it does', async () => {
  const attempt = new Attempt(new ManualClock(), { timeout: Infinity }, timedOut);
  expect(await attempt.guard(Promise.resolve(1))).toBe(1);
  await expect(attempt.guard(Promise.reject(new Error('boom')))).rejects.toThrow('boom');
});

test('a step that fails for a passing reason is taken again after a pause', async () => {
  const clock = new ManualClock();
  const attempt = new Attempt(clock, {}, timedOut);
  let calls = 0;
  const outcome = attempt.persist(() => {
    calls += 1;
    return calls < 3 ? Promise.reject(new ConnectionLoss()) : Promise.resolve('done');
  });
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1_000);
  }
  expect(await outcome).toBe('done');
  expect(clock.pending).toBe(0);
  await expect(attempt.persist(() => Promise.reject(new NoNodeError()))).rejects.toThrow(NoNodeError);
});

test('a pause ends with the attempt', async () => {
  const clock = new ManualClock();
  const attempt = new Attempt(clock, {}, timedOut);
  const pause = attempt.pause(1_000);
  attempt.end(new Error('enough'));
  await expect(pause).rejects.toThrow('enough');
  expect(clock.pending).toBe(0);
});

test('the loss of a connection or a session passes, the stop of the client does not', () => {
  expect(
    [new ConnectionLoss(), new SessionExpiredError(), new ConnectionClosedError(), new NoNodeError(), 'x'].map(isTransient),
  ).toEqual([true, true, false, false, false]);
});

test('pauses grow to a few seconds', () => {
  expect(pauseAfter(0)).toBeLessThan(50);
  expect(pauseAfter(50)).toBeLessThanOrEqual(7_000);
  expect(pauseAfter(50)).toBeGreaterThanOrEqual(3_000);
});
