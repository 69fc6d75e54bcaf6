import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/session/abort-listeners.ts';
import { collectGarbage } from '../support/garbage.ts';

const listenersOf = ({ signal }: AbortController): number => getEventListeners(signal, 'abort').length;

test('however many share a signal, it has one listener, until the last has taken its callback back', () => {
  const controller = new AbortController();
  const told: string[] = [];
  const [first, second] = ['first', 'second'].map((name) => onAbort(controller.signal, () => void told.push(name)));
  expect(listenersOf(controller)).toBe(1);
  first!();
  first!();
  expect(listenersOf(controller)).toBe(1);
  second!();
  expect(listenersOf(controller)).toBe(0);
  onAbort(controller.signal, () => void told.push('third'));
  controller.abort();
  expect(told).toEqual(['third']);
});

test('all are called, in order and once, and nothing is left with the signal', () => {
  const controller = new AbortController();
  const told: string[] = [];
  const back = onAbort(controller.signal, () => {
    told.push('first');
    back();
    back2();
  });
  const back2 = onAbort(controller.signal, () => void told.push('second'));
  controller.abort();
  expect(told).toEqual(['first', 'second']);
  expect(listenersOf(controller)).toBe(0);
});

test('of whom it has called back it keeps nothing, though the signal lives on', async () => {
  const controller = new AbortController();
  const call = (() => {
    const call = { told: false };
    onAbort(controller.signal, () => (call.told = true));
    return new WeakRef(call);
  })();
  controller.abort();
  expect(call.deref()?.told).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(call.deref()).toBeUndefined();
  expect(controller.signal.aborted).toBe(true);
});
