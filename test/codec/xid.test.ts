import { expect, test } from 'vitest';
import { MAX_XID, nextXid, Xid } from '../../src/codec/xid.ts';

test.each([
  [0, 1],
  [1, 2],
  [MAX_XID - 1, MAX_XID],
  [MAX_XID, 1],
])('after %i comes %i', (xid, next) => expect(nextXid(xid)).toBe(next));

test('the reserved ones are those of the protocol', () => {
  expect(Xid).toEqual({ NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 });
});
