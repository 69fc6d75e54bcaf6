import { expect, test } from 'vitest';
import { Teller } from '../../src/session/teller.ts';

test('what may be told at once is, what follows rejections waits until they have been seen (Kazoo ST-9)', async () => {
  const teller = new Teller();
  const order: string[] = [];
  const rejected = Promise.reject(new Error('lost'));
  const seen = (async () => {
    try {
      await rejected;
    } catch {
      await Promise.resolve();
      order.push('seen');
    }
  })();
  teller.tellAfterRejections(() => order.push('SUSPENDED'));
  order.push('turn');
  await seen;
  await teller.caughtUp();
  expect(order).toEqual(['turn', 'seen', 'SUSPENDED']);
});

test('nothing overtakes what is held back, nor has it told before its time', async () => {
  const teller = new Teller();
  const order: string[] = [];
  teller.tellAfterRejections(() => order.push('SUSPENDED'));
  teller.tell(() => order.push('LOST'));
  expect(order).toEqual([]);
  await teller.caughtUp();
  expect(order).toEqual(['SUSPENDED', 'LOST']);
  teller.tell(() => order.push('CONNECTED'));
  expect(order).toEqual(['SUSPENDED', 'LOST', 'CONNECTED']);
});

test('what is told may tell more, in order', async () => {
  const teller = new Teller();
  const order: string[] = [];
  teller.tellAfterRejections(() => {
    order.push('SUSPENDED');
    teller.tell(() => order.push('LOST'));
    teller.tellAfterRejections(() => order.push('NONE'));
  });
  await teller.caughtUp();
  expect(order).toEqual(['SUSPENDED', 'LOST', 'NONE']);
});

test('what a listener brings about is told when all have heard what it was told', async () => {
  const teller = new Teller();
  const order: string[] = [];
  teller.tell(() => {
    teller.tellAfterRejections(() => order.push('SUSPENDED'));
    teller.tell(() => order.push('LOST'));
    teller.tellAfterRejections(() => order.push('NONE'));
    order.push('CONNECTED');
  });
  expect(order).toEqual(['CONNECTED', 'SUSPENDED', 'LOST']);
  await teller.caughtUp();
  expect(order).toEqual(['CONNECTED', 'SUSPENDED', 'LOST', 'NONE']);
});

test('a failure in the midst of it holds nothing up', async () => {
  const teller = new Teller();
  const order: string[] = [];
  const fail = (): void => {
    teller.tell(() => order.push('LOST'));
    throw new Error('mine');
  };
  expect(() => teller.tell(fail)).toThrow('mine');
  teller.tell(() => order.push('CONNECTED'));
  await teller.caughtUp();
  expect(order).toEqual(['LOST', 'CONNECTED']);
});
