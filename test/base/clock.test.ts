import { describe, expect, test, vi } from 'vitest';
import { ManualClock, systemClock } from '../../src/base/clock.ts';

describe('a manual clock', () => {
  test('fires timers at their instants, in order, and those of one instant in order of making', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    for (const [name, delay] of Object.entries({ late: 30, first: 10, second: 10, now: 0, past: -5 })) {
      clock.timer(delay, () => fired.push(`${name} ${clock.now()}`));
    }
    clock.advance(9);
    expect(fired).toEqual(['now 0', 'past 0']);
    clock.advance(21);
    expect(fired.slice(2)).toEqual(['first 10', 'second 10', 'late 30']);
    expect(clock.pending).toBe(0);
  });

  test('fires what a timer makes, if it is due too', () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now());
      clock.timer(10, again);
    };
    clock.timer(10, again);
    clock.advance(35);
    expect([fired, clock.now(), clock.pending]).toEqual([[10, 20, 30], 35, 1]);
  });

  test('fires nothing that was cancelled', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const other = clock.timer(20, () => fired.push('other'));
    clock.timer(10, () => other.cancel());
    clock.advance(50);
    expect(fired).toEqual([]);
    other.cancel();
  });

  test('has a wall time beside', () => {
    const clock = new ManualClock(1000);
    clock.advance(5);
    expect(clock.wallTime()).toBe(1005);
  });
});

test.each([-1, NaN])('a clock that is set by hand does not go back: %s', (milliseconds) => {
  const clock = new ManualClock();
  clock.advance(10);
  expect(() => clock.advance(milliseconds)).toThrow(RangeError);
  expect(clock.now()).toBe(10);
});

describe("the machine's clock", () => {
  test('goes on when it was first looked at while timers were faked', async () => {
    vi.resetModules();
    vi.useFakeTimers();
    const { systemClock: fresh } = await import('../../src/base/clock.ts');
    const during = fresh.now();
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fresh.now() - during).toBeGreaterThan(15);
  });

  test('goes forward, and knows the date', () => {
    const before = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(systemClock.wallTime() - Date.now())).toBeLessThan(1000);
  });

  test('fires a timer once its time has come', async () => {
    const started = systemClock.now();
    await new Promise<void>((resolve) => void systemClock.timer(20, resolve));
    expect(systemClock.now() - started).toBeGreaterThan(15);
    await new Promise<void>((resolve) => void systemClock.timer(-5, resolve));
  });

  test('fires neither a cancelled timer nor one beyond what Node can count', async () => {
    const fired: string[] = [];
    systemClock.timer(1, () => fired.push('cancelled')).cancel();
    const endless = systemClock.timer(2 ** 31, () => fired.push('endless'));
    systemClock.timer(Infinity, () => fired.push('infinite'), { background: true });
    await new Promise<void>((resolve) => void systemClock.timer(20, resolve));
    expect(fired).toEqual([]);
    endless.cancel();
  });
});
