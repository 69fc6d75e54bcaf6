import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { ConnectionDropped } from '../../src/base/errors.ts';
import { Heartbeat } from '../../src/connection/heartbeat.ts';

const T = 6_000;
/** A little before two thirds, so that a timer that is late is in time. */
const DEAD = (2 * T) / 3 - 20;

function beating(timeout = T): { clock: ManualClock; heartbeat: Heartbeat; pings: number[]; dead: string[] } {
  const clock = new ManualClock();
  const pings: number[] = [];
  const dead: string[] = [];
  const heartbeat: Heartbeat = new Heartbeat(clock, timeout, {
    ping: () => {
      pings.push(clock.now());
      heartbeat.sent();
    },
    dead: (error: ConnectionDropped) => {
      dead.push(`${clock.now()} ${error.code}`);
      heartbeat.stop();
    },
  });
  return { clock, heartbeat, pings, dead };
}

describe('a heartbeat of T', () => {
  test('pings at T/3, and finds the peer dead just before 2T/3', () => {
    const { clock, pings, dead } = beating();
    clock.advance(10 * T);
    expect(pings[0]).toBe(T / 3);
    expect(pings.every((at) => at < DEAD)).toBe(true);
    expect(dead).toEqual([`${DEAD} undefined`]);
    expect(clock.pending).toBe(0);
  });

  test('counts from the last byte received', () => {
    const { clock, heartbeat, dead } = beating();
    clock.advance(1_000);
    expect(heartbeat.received()).toBe(true);
    expect(heartbeat.lastReceived).toBe(1_000);
    clock.advance(10 * T);
    expect(dead).toEqual([`${1_000 + DEAD} undefined`]);
  });

  test('does not count what is sent (Kazoo D-1)', () => {
    const { clock, heartbeat, dead } = beating();
    for (let at = 0; at < T; at += 50) {
      clock.advance(50);
      heartbeat.sent();
    }
    expect(dead).toEqual([`${DEAD} undefined`]);
  });

  test('pings though bytes keep coming, T/3 after the last that was sent', () => {
    const { clock, heartbeat, pings, dead } = beating();
    for (let at = 0; at < 2 * T; at += 10) {
      clock.advance(10);
      heartbeat.received();
    }
    expect(pings).toEqual([1, 2, 3, 4, 5, 6].map((n) => (n * T) / 3));
    expect(dead).toEqual([]);
  });

  test('asks a server that has been silent for T/3, though requests go out', () => {
    const { clock, heartbeat, pings } = beating();
    for (let at = 0; at < T / 2; at += 100) {
      clock.advance(100);
      heartbeat.sent();
    }
    expect(pings.length).toBeGreaterThan(0);
    expect(pings[0]).toBeGreaterThanOrEqual(T / 3);
    expect(pings[0]).toBeLessThanOrEqual(T / 2);
  });

  test('trusts nothing that comes a whole T after the last byte: this process has slept', () => {
    const { clock, heartbeat, dead } = beating();
    heartbeat.stop();
    clock.advance(T);
    expect(heartbeat.received()).toBe(false);
    expect(dead).toEqual([`${T} event-loop-stall`]);
    expect(heartbeat.lastReceived).toBe(0);
  });

  test('trusts what comes a moment earlier', () => {
    const { clock, heartbeat, dead } = beating();
    heartbeat.stop();
    clock.advance(T - 1);
    expect(heartbeat.received()).toBe(true);
    expect(dead).toEqual([]);
  });

  test('that is stopped leaves no timer', () => {
    const { clock, heartbeat, pings, dead } = beating();
    heartbeat.stop();
    expect(clock.pending).toBe(0);
    clock.advance(10 * T);
    expect([...pings, ...dead]).toEqual([]);
  });

  test.each([100, 1_000, 40_000])('of %i ms finds a dead peer after no more than two thirds of it', (timeout) => {
    const { clock, dead } = beating(timeout);
    clock.advance(2 * timeout);
    const at = Number(dead[0]!.split(' ')[0]);
    expect(at).toBeLessThanOrEqual((2 * timeout) / 3);
    expect(at).toBeGreaterThan(timeout * 0.6);
  });
});

describe('a timer that fires late', () => {
  /** A clock whose timers are held up, as by a long computation, until they are let go. */
  function held(): { clock: ManualClock; heartbeat: Heartbeat; dead: string[]; late: (by: number) => void; fire: () => void } {
    const clock = new ManualClock();
    let offset = 0;
    let due: (() => void) | undefined;
    const dead: string[] = [];
    const heartbeat = new Heartbeat(
      {
        now: () => clock.now() + offset,
        wallTime: () => 0,
        timer: (_delay, callback) => {
          due = callback;
          return { cancel: () => (due = undefined) };
        },
      },
      T,
      { ping: () => undefined, dead: (error) => dead.push(`${error.code}`) },
    );
    return { clock, heartbeat, dead, late: (by) => (offset += by), fire: () => due?.() };
  }

  test('by less than T gives the bytes that may be waiting a turn of the loop', () => {
    const { heartbeat, dead, late, fire } = held();
    late(DEAD + 100);
    fire();
    expect(dead).toEqual([]);
    heartbeat.received();
    late(5);
    fire();
    expect(dead).toEqual([]);
  });

  test('and brings no bytes in that turn, finds the peer dead', () => {
    const { dead, late, fire } = held();
    late(DEAD + 100);
    fire();
    late(5);
    fire();
    expect(dead).toEqual(['undefined']);
  });

  test('by T or more means that this process has slept through its session', () => {
    const { dead, late, fire } = held();
    late(T);
    fire();
    expect(dead).toEqual(['event-loop-stall']);
  });
});
