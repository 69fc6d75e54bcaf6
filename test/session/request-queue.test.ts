import { describe, expect, onTestFinished, test } from 'vitest';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { framed, Op, replyFrame } from '../support/fake-server.ts';
import { collectGarbage } from '../support/garbage.ts';
import { rejection } from '../support/waiting.ts';
import { flush, Rig } from './rig.ts';

const T = 30_000;

async function connected(options: KazooClientOptions = {}): Promise<Rig> {
  const rig = new Rig(T, options);
  onTestFinished(() => rig.stop());
  await rig.start();
  return rig;
}

/** A connected client whose server leaves everything unanswered but what the test answers. */
async function unanswered(options: KazooClientOptions = {}): Promise<{ rig: Rig; answer: (...xids: number[]) => void }> {
  const rig = await connected(options);
  rig.setAll('silent', 'a');
  return { rig, answer: (...xids) => rig.peer.deliver(...xids.map((xid) => framed(replyFrame(xid, { err: -101 })))) };
}

function sent(rig: Rig): number {
  return rig.happened.filter(({ what, detail }) => what === 'request' && detail === Op.exists).length;
}

/** When a promise settled, and how. */
function outcome(rig: Rig, promise: Promise<unknown>): { is: string } {
  const seen = { is: 'pending' };
  promise.then(
    () => (seen.is = `answered at ${rig.clock.now()}`),
    (error: unknown) => (seen.is = `${(error as Error).name} at ${rig.clock.now()}`),
  );
  return seen;
}

describe("a call's timeout", () => {
  test('ends it at its instant, on the wire and while it waits, and frees its place (pain-points 20)', async () => {
    const { rig } = await unanswered({ maxInFlight: 1 });
    const first = outcome(rig, rig.client.exists('/1', { timeout: 700 }));
    const second = outcome(rig, rig.client.exists('/2', { timeout: 500 }));
    await rig.clock.advance(499);
    expect([first.is, second.is]).toEqual(['pending', 'pending']);
    expect(rig.client.queuedRequests).toBe(1);
    await rig.clock.advance(1);
    expect(second.is).toBe('OperationTimeoutError at 500');
    expect(rig.client.queuedRequests).toBe(0);
    await rig.clock.advance(200);
    expect(first.is).toBe('OperationTimeoutError at 700');
    expect(sent(rig)).toBe(1);
  });

  test('holds while every server is down', async () => {
    const rig = await connected();
    rig.setAll('refuses', 'a');
    rig.peer.hangUp();
    await rig.clock.advance(100);
    const call = outcome(rig, rig.client.exists('/', { timeout: 4_321 }));
    await rig.clock.advance(4_320);
    expect(call.is).toBe('pending');
    await rig.clock.advance(1);
    expect(call.is).toBe(`OperationTimeoutError at ${100 + 4_321}`);
  });

  test('leaves no timer when the answer comes first', async () => {
    const rig = await connected();
    const before = rig.clock.pending;
    await Promise.all([1, 2, 3].map(() => rig.client.exists('/', { timeout: 60_000, signal: new AbortController().signal })));
    expect(rig.clock.pending).toBe(before);
  });
});

describe('the queue', () => {
  test('sends in the order of the calls, no more than maxInFlight at a time (pain-points 15)', async () => {
    const { rig, answer } = await unanswered({ maxInFlight: 3 });
    const settled: number[] = [];
    for (let n = 1; n <= 10; n++) void rig.client.exists(`/${n}`).then(() => settled.push(n));
    expect([rig.client.inFlightRequests, rig.client.queuedRequests]).toEqual([3, 7]);
    for (let n = 1; n <= 10; n++) {
      await flush();
      expect(sent(rig)).toBe(Math.min(n + 2, 10));
      answer(n);
      await flush();
      expect(settled).toHaveLength(n);
    }
    expect(settled).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('counts what waits, and not what was given up while it did', async () => {
    const { rig, answer } = await unanswered({ maxInFlight: 1 });
    const first = rig.client.exists('/1');
    const given = rejection(rig.client.exists('/2', { timeout: 10 }));
    const third = rig.client.exists('/3');
    await rig.clock.advance(10);
    expect((await given).name).toBe('OperationTimeoutError');
    expect(rig.client.queuedRequests).toBe(1);
    answer(1);
    await first;
    expect([rig.client.inFlightRequests, rig.client.queuedRequests]).toEqual([1, 0]);
    const fourth = rig.client.exists('/4');
    expect(rig.client.queuedRequests).toBe(1);
    answer(2);
    await third;
    answer(3);
    await fourth;
    expect(rig.client.queuedRequests).toBe(0);
  });

  test.each([false, true])(
    'takes a request of maxRequestBytes, and refuses one of a byte more (connected: %s)',
    async (isConnected) => {
      const rig = await connected({ maxRequestBytes: 1_024 });
      if (!isConnected) {
        rig.setAll('refuses', 'a');
        rig.peer.hangUp();
        await rig.clock.settle();
      }
      // An xid, an operation, the length of the path, the path, and whether to watch.
      const path = `/${'x'.repeat(1_024 - 4 - 4 - 4 - 1 - 1)}`;
      const whole = outcome(rig, rig.client.exists(path));
      expect(await rejection(rig.client.exists(`${path}x`))).toBeInstanceOf(RangeError);
      rig.setAll('answers', 'a');
      await rig.clock.advance(2_000);
      expect(whole.is).toMatch(/^answered/);
    },
  );

  test('begins anew when the connection is lost, whatever had been sent of it, and given up', async () => {
    const { rig, answer } = await unanswered({ maxInFlight: 1 });
    const first = rig.client.exists('/1');
    const rest = [2, 3, 4, 5].map((n) => rejection(rig.client.exists(`/${n}`, { timeout: n === 4 ? 10 : Infinity })));
    answer(1);
    await first;
    await rig.clock.advance(10);
    expect([rig.client.inFlightRequests, rig.client.queuedRequests]).toEqual([1, 2]);
    rig.setAll('refuses', 'a');
    rig.peer.hangUp();
    await rig.clock.settle();
    const errors = (await Promise.all(rest)).map(({ name }) => name);
    expect(errors).toEqual(['ConnectionLoss', 'ConnectionLoss', 'OperationTimeoutError', 'ConnectionLoss']);
    expect(rig.client.queuedRequests).toBe(0);
    const next = rig.client.exists('/6');
    expect(rig.client.queuedRequests).toBe(1);
    rig.setAll('answers', 'a');
    await rig.clock.advance(2_000);
    expect(await next).toBeNull();
    expect(rig.client.queuedRequests).toBe(0);
  });

  test('drops the late answer of a call that was given up, and no other', async () => {
    const { rig, answer } = await unanswered();
    const late = rejection(rig.client.exists('/1', { timeout: 10 }));
    const next = outcome(rig, rig.client.exists('/2'));
    await rig.clock.advance(10);
    expect((await late).name).toBe('OperationTimeoutError');
    answer(1);
    await flush();
    expect(next.is).toBe('pending');
    answer(2);
    await flush();
    expect(next.is).toBe('answered at 10');
  });

  test('forgets what was given up in an outage, wherever it stood, and sends the rest in order', async () => {
    const rig = await connected();
    rig.setAll('refuses', 'a');
    rig.peer.hangUp();
    await rig.clock.settle();
    const abort = new AbortController();
    const kept: Promise<unknown>[] = [];
    const dropped: Promise<unknown>[] = [];
    const order: number[] = [];
    for (let n = 0; n < 3_000; n++) {
      if (n % 3 === 0) kept.push(rig.client.exists('/').then(() => order.push(n)));
      else dropped.push(rejection(rig.client.exists('/', { signal: abort.signal })));
    }
    abort.abort(new Error('enough'));
    expect(rig.client.queuedRequests).toBe(1_000);
    await Promise.all(dropped);
    rig.setAll('answers', 'a');
    await rig.clock.advance(2_000);
    await Promise.all(kept);
    expect(sent(rig)).toBe(1_000);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test('holds nothing of what was answered while others wait', async () => {
    const { rig, answer } = await unanswered({ maxInFlight: 1 });
    const errors: WeakRef<Error>[] = [];
    const waiting = [1, 2, 3, 4].map((n) => rejection(rig.client.get(`/${n}`)).then((error) => errors.push(new WeakRef(error))));
    answer(1);
    await waiting[0];
    answer(2);
    await waiting[1];
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(errors.map((error) => error.deref())).toEqual([undefined, undefined]);
    expect(rig.client.queuedRequests).toBe(1);
    answer(3);
    await waiting[2];
    answer(4);
    await waiting[3];
  });

  test('counts xids round past the reserved ones (pain-points 16)', async () => {
    const { rig, answer } = await unanswered({ firstXid: 0x7fff_ffff });
    const calls = [1, 2, 3].map((n) => rig.client.exists(`/${n}`));
    answer(0x7fff_ffff, 1, 2);
    expect(await Promise.all(calls)).toEqual([null, null, null]);
  });
});

describe('stop()', () => {
  /** When the server was told that the session is over; undefined before. */
  const farewell = (rig: Rig): number | undefined =>
    rig.happened.find(({ what, detail }) => what === 'request' && detail === Op.closeSession)?.at;

  test('waits for the answers that somebody waits for, after one that came too late for its caller, too', async () => {
    const { rig, answer } = await unanswered();
    const late = rejection(rig.client.exists('/1', { timeout: 10 }));
    const call = outcome(rig, rig.client.exists('/2'));
    await rig.clock.advance(10);
    expect((await late).name).toBe('OperationTimeoutError');
    answer(1);
    const stopped = rig.client.stop();
    await rig.clock.advance(100);
    expect(farewell(rig)).toBeUndefined();
    answer(2);
    await rig.clock.settle();
    expect([call.is, farewell(rig)]).toEqual(['answered at 110', 110]);
    rig.peer.hangUp();
    await rig.clock.settle();
    await stopped;
  });

  test('goes on once the last that it waits for is given up, if that had no room on the connection either', async () => {
    const { rig } = await unanswered({ maxInFlight: 1 });
    const first = outcome(rig, rig.client.exists('/1', { timeout: 100 }));
    const second = outcome(rig, rig.client.exists('/2', { timeout: 500 }));
    const stopped = rig.client.stop();
    await rig.clock.advance(499);
    expect([first.is, second.is, farewell(rig)]).toEqual(['OperationTimeoutError at 100', 'pending', undefined]);
    await rig.clock.advance(1);
    expect([second.is, farewell(rig)]).toEqual(['OperationTimeoutError at 500', 500]);
    rig.peer.hangUp();
    await rig.clock.settle();
    await stopped;
  });
});
