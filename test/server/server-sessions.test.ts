import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { passwordOf as independent } from '../conformance/wire.ts';
import { passwordOf, ServerSessions } from '../../src/server/server-sessions.ts';

test('ids are those of server 1, one after the other', () => {
  const sessions = new ServerSessions(new ManualClock(1_700_000_000_000), 100, () => undefined);
  const [a, b] = [sessions.open(1000, false), sessions.open(1000, false)];
  expect(a.id >> 56n).toBe(1n);
  expect((a.id >> 16n) & 0xff_ffff_ffffn).toBe(1_700_000_000_000n & 0xff_ffff_ffffn);
  expect(b.id).toBe(a.id + 1n);
});

test('a password follows from its session', () => {
  for (const id of [1n, 0x1000_0000_0000_0001n, 0x0123_4567_89ab_cdefn]) expect(passwordOf(id)).toEqual(independent(id));
});

test('suspended sessions do not end, and then have their whole time again', () => {
  const clock = new ManualClock();
  const expired: bigint[] = [];
  const sessions = new ServerSessions(clock, 100, ({ id }) => expired.push(id));
  const { id } = sessions.open(1000, false);
  sessions.suspend();
  clock.advance(5000);
  sessions.resume();
  clock.advance(1000);
  expect(expired).toEqual([]);
  clock.advance(100);
  expect(expired).toEqual([id]);
});
