import { expect, test } from 'vitest';
import { StayingSupport } from '../../src/session/staying-support.ts';

const target = { host: 'balancer', address: '127.0.0.1', port: 2181 };
const other = { ...target, port: 2182 };

test('a server that hangs up without a word is asked for its version; once one was too old, so are all others, behind the same name too', () => {
  const support = new StayingSupport();
  expect(support.mayBeOld(target)).toBe(false);
  expect(support.has(target, undefined)).toBe(true);
  support.listener(target)(undefined);
  expect(support.mayBeOld(target)).toBe(true);
  expect(support.mayBeOld(other)).toBe(false);
  expect(support.has(target, [3, 5, 10])).toBe(false);
  // Then a newer one has its turn there.
  expect(support.mayBeOld(target)).toBe(true);
  expect(support.has(target, [3, 9, 5])).toBe(true);
  support.listener(target)(0);
  expect(support.mayBeOld(target)).toBe(true);
  expect(support.mayBeOld(other)).toBe(true);
});
