import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import {
  ConnectionClosedError,
  ConnectionLoss,
  NoNodeError,
  OperationTimeoutError,
  SessionExpiredError,
  SessionMovedError,
} from '../../src/base/errors.ts';
import {
  ForceRetryError,
  InterruptedError,
  KazooRetry,
  RetryFailedError,
  toRetryPolicy,
  UNLIMITED_RETRY,
  type KazooRetryOptions,
} from '../../src/base/retry.ts';

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A call that always fails, and the instants at which it was made. */
async function instants(options: KazooRetryOptions, until: number, error: unknown = new ConnectionLoss()): Promise<number[]> {
  const clock = new ManualClock();
  const made: number[] = [];
  const retry = new KazooRetry({ maxJitter: 0, ...options, clock });
  retry
    .call(() => {
      made.push(Math.round(clock.now()));
      throw error;
    })
    .catch(() => undefined);
  await flush();
  while (clock.now() < until && clock.pending > 0) {
    clock.advance(1);
    await flush();
  }
  return made;
}

describe('which errors are retried', () => {
  test.each([
    ['ConnectionLoss', new ConnectionLoss(), true],
    ['OperationTimeoutError', new OperationTimeoutError(), true],
    ['SessionExpiredError', new SessionExpiredError(), true],
    ['ForceRetryError', new ForceRetryError(), true],
    ['ConnectionClosedError', new ConnectionClosedError(), false],
    ['NoNodeError', new NoNodeError(), false],
    ['SessionMovedError', new SessionMovedError(), false],
    ['an Error', new Error('mine'), false],
    ['no error at all', 'text', false],
  ])('%s: %s', async (_, error, again) => {
    let calls = 0;
    const outcome = await new KazooRetry({ maxTries: 2, delay: 0 })
      .call(() => {
        calls += 1;
        throw error;
      })
      .catch((caught: unknown) => caught);
    expect(calls).toBe(again ? 2 : 1);
    if (again) expect(outcome).toMatchObject({ name: 'RetryFailedError', cause: error });
    else expect(outcome).toBe(error);
  });

  test('an expired session is not, without ignoreExpire', async () => {
    const error = new SessionExpiredError();
    await expect(
      new KazooRetry({ maxTries: 5, ignoreExpire: false }).call(() => {
        throw error;
      }),
    ).rejects.toBe(error);
  });
});

describe('when calls are made again', () => {
  test('the pause doubles up to its limit (Kazoo RE-4)', async () => {
    expect(await instants({ maxTries: -1, delay: 10, maxDelay: 100 }, 420)).toEqual([0, 10, 30, 70, 150, 250, 350]);
    expect(await instants({ maxTries: -1, delay: 200, maxDelay: 100 }, 420)).toEqual([0, 200, 300, 400]);
  });

  test('with another factor', async () => {
    expect(await instants({ maxTries: 5, delay: 10, backoff: 1 }, 420)).toEqual([0, 10, 20, 30, 40]);
  });

  test('jitter widens each pause, and does not compound', async () => {
    expect(await instants({ maxTries: 4, delay: 100, maxJitter: 0.5, random: () => 0 }, 999)).toEqual([0, 50, 150, 350]);
    expect(await instants({ maxTries: 4, delay: 100, maxJitter: 0.5, random: () => 1 }, 1999)).toEqual([0, 150, 450, 1050]);
  });

  test('maxTries counts calls, so that 1 is a call without retry', async () => {
    expect(await instants({}, 99)).toEqual([0]);
    expect(await instants({ maxTries: 3, delay: 1 }, 99)).toEqual([0, 1, 3]);
  });

  test('no call is made beyond the deadline', async () => {
    expect(await instants({ maxTries: Infinity, delay: 10, backoff: 1, deadline: 35 }, 200)).toEqual([0, 10, 20, 30]);
  });

  test('the deadline is named when it ends the trying', async () => {
    const retry = new KazooRetry({ maxTries: -1, delay: 10, deadline: 5, clock: new ManualClock() });
    const failed = retry.call(() => Promise.reject(new ConnectionLoss('lost')));
    await expect(failed).rejects.toThrow('gave up after 5 ms: lost');
    await expect(failed).rejects.toBeInstanceOf(RetryFailedError);
  });

  test('each call of `call` begins anew', async () => {
    const retry = new KazooRetry({ maxTries: 2, delay: 0 });
    let calls = 0;
    const fail = (): never => {
      calls += 1;
      throw new ConnectionLoss();
    };
    await expect(retry.call(fail)).rejects.toThrow('gave up after 2 tries');
    expect(retry.attempts).toBe(2);
    await expect(retry.call(fail)).rejects.toThrow(RetryFailedError);
    expect(calls).toBe(4);
    retry.reset();
    expect(retry.attempts).toBe(0);
  });

  test('a single try is told in the singular', async () => {
    await expect(new KazooRetry().call(() => Promise.reject(new ConnectionLoss('lost')))).rejects.toThrow(
      'gave up after 1 try: lost',
    );
  });
});

describe('a retried call', () => {
  test('gets its arguments, and its result is passed on', async () => {
    expect(await new KazooRetry().call((a: number, b: string) => `${a}${b}`, 1, 'x')).toBe('1x');
    expect(await new KazooRetry().call(async () => Promise.resolve(5))).toBe(5);
  });

  test('is interrupted within 100 ms of a pause', async () => {
    const clock = new ManualClock();
    let stop = false;
    const retry = new KazooRetry({ maxTries: -1, delay: 5000, maxJitter: 0, clock, interrupt: () => stop });
    const outcome = retry.call(() => Promise.reject(new ConnectionLoss())).catch((error: unknown) => error);
    await flush();
    clock.advance(100);
    await flush();
    stop = true;
    clock.advance(100);
    expect(await outcome).toBeInstanceOf(InterruptedError);
    expect(clock.pending).toBe(0);
  });

  test('is interrupted before it is made again, at the end of the last pause', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const retry = new KazooRetry({ maxTries: -1, delay: 50, maxJitter: 0, clock, interrupt: () => ++asked === 2 });
    const outcome = retry.call(() => Promise.reject(new ConnectionLoss())).catch((error: unknown) => error);
    await flush();
    clock.advance(50);
    expect(await outcome).toBeInstanceOf(InterruptedError);
  });
});

describe('options', () => {
  test.each<[unknown, string]>([
    [{ delay: -1 }, 'retry option "delay" must be milliseconds, 0 or more, not -1'],
    [{ delay: '5' }, 'retry option "delay" must be milliseconds, 0 or more, not "5"'],
    [{ delay: Number.NaN }, 'not NaN'],
    [{ backoff: 0.5 }, 'retry option "backoff" must be a factor of 1 or more, not 0.5'],
    [{ maxDelay: null }, 'not null'],
    [{ deadline: -5 }, 'retry option "deadline" must be milliseconds, 0 or more, not -5'],
    [{ maxJitter: -0.1 }, 'retry option "maxJitter" must be a fraction from 0 to 1, not -0.1'],
    [{ maxJitter: 1.5 }, 'retry option "maxJitter" must be a fraction from 0 to 1, not 1.5'],
    [{ maxTries: 0 }, 'retry option "maxTries" must be a whole number from 1, or -1 or Infinity for no limit, not 0'],
    [{ maxTries: 1.5 }, 'not 1.5'],
    [{ maxTries: -2 }, 'not -2'],
    [{ interrupt: true }, 'retry option "interrupt" must be a function, not true'],
    [{ ignoreExpire: 'no' }, 'retry option "ignoreExpire" must be a boolean, not "no"'],
    [{ random: 1 }, 'retry option "random" must be a function, not 1'],
    [{ clock: {} }, 'retry option "clock" must be a Clock, not an object (Object)'],
    [{ clock: null }, 'retry option "clock" must be a Clock, not null'],
    [[], 'retry options must be an object, not an array of 0'],
    [new Map([['maxTries', 3]]), 'retry options must be an object, not an object (Map)'],
    [{ max_tries: 3 }, 'unknown retry option "max_tries"'],
    [5, 'retry options must be an object, not 5'],
    [null, 'retry options must be an object, not null'],
  ])('%o are refused', (options, message) => {
    expect(() => new KazooRetry(options as object)).toThrow(message);
  });

  test('a copy has the same settings and no attempts', async () => {
    const retry = new KazooRetry({ maxTries: 3, delay: 0, ignoreExpire: false });
    await retry.call(() => Promise.reject(new ConnectionLoss())).catch(() => undefined);
    const copy = retry.copy();
    expect(copy).toMatchObject({
      maxTries: 3,
      delay: 0,
      backoff: 2,
      maxJitter: 0.4,
      maxDelay: 60_000,
      ignoreExpire: false,
      attempts: 0,
    });
    expect(copy.withClock(new ManualClock())).toMatchObject({ maxTries: 3, delay: 0 });
  });

  test('a derived class is copied as such (Kazoo D-14)', () => {
    class Mine extends KazooRetry {}
    const retry = new Mine({ delay: 7 });
    for (const copy of [retry.copy(), retry.withClock(new ManualClock()), toRetryPolicy(retry, UNLIMITED_RETRY)]) {
      expect(copy).toBeInstanceOf(Mine);
      expect(copy).not.toBe(retry);
      expect(copy).toMatchObject({ delay: 7 });
    }
  });

  test("a policy is made of nothing, of options, or is the user's own", () => {
    expect(toRetryPolicy(undefined, UNLIMITED_RETRY)).toMatchObject({ maxTries: Infinity, delay: 100, maxDelay: 10_000 });
    expect(toRetryPolicy({ delay: 5 }, UNLIMITED_RETRY)).toMatchObject({ maxTries: Infinity, delay: 5 });
    const unset = { maxTries: undefined, maxDelay: undefined, clock: undefined } as unknown as KazooRetryOptions;
    expect(toRetryPolicy({ ...unset, delay: 5 }, UNLIMITED_RETRY)).toMatchObject({
      maxTries: Infinity,
      delay: 5,
      maxDelay: 10_000,
    });
    const copy = { call: () => Promise.reject(new Error()), reset: () => undefined, copy: () => copy };
    const own = { ...copy };
    expect(toRetryPolicy(own, UNLIMITED_RETRY)).toBe(copy);
    class Half {
      copy(): this {
        return this;
      }
    }
    for (const half of [{ call: copy.call, reset: copy.reset }, { copy: copy.copy }, new Half()])
      expect(() => toRetryPolicy(half as unknown as KazooRetryOptions, UNLIMITED_RETRY)).toThrow(
        new TypeError('a retry policy must have the functions call, reset and copy'),
      );
    expect(() => toRetryPolicy(5 as unknown as object, {})).toThrow('a retry policy must be a RetryPolicy or its options, not 5');
  });
});
