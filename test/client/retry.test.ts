import { expect, test } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../src/base/clock.ts';
import { ConnectionClosedError, ConnectionLoss, OperationTimeoutError } from '../../src/base/errors.ts';
import { ForceRetryError, KazooRetry, RetryFailedError, type RetryPolicy } from '../../src/base/retry.ts';
import type { WaitOptions } from '../../src/client/call-options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { rejection, told, until } from '../support/waiting.ts';

/** A policy of a user's own, which tells what is done with it. */
class Own implements RetryPolicy {
  readonly #done: string[];
  readonly #name: string;
  #copies = 0;

  constructor(done: string[], name: string) {
    this.#done = done;
    this.#name = name;
  }

  async call<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    this.#done.push(`${this.#name} called`);
    for (;;) {
      try {
        return await fn(...args);
      } catch (error) {
        if (!(error instanceof ConnectionLoss)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  reset(): void {
    this.#done.push(`${this.#name} reset`);
  }

  copy(): Own {
    return new Own(this.#done, `${this.#name}.${++this.#copies}`);
  }
}

test("a user's policies are copied for every use, and themselves never used (Kazoo D-14, RE-7)", async () => {
  await using server = await EmbeddedZooKeeper.start();
  const done: string[] = [];
  await using client = new KazooClient({
    hosts: server.connectString,
    connectionRetry: new Own(done, 'connection'),
    commandRetry: new Own(done, 'command'),
  });
  await client.start();
  const suspended = told(client, 'SUSPENDED');
  server.dropConnections();
  await suspended;
  await client.retry(() => client.exists('/'));
  await client.retry(() => client.exists('/'));
  const uses = (of: string): string[] => done.filter((use) => use.startsWith(of));
  expect(new Set(uses('connection')).size).toBe(2);
  expect(uses('connection')).toHaveLength(2);
  expect(new Set(uses('command')).size).toBe(2);
  expect(uses('command')).toHaveLength(2);
  expect(done).not.toContain('connection called');
  expect(done).not.toContain('command called');
});

test('a class derived from KazooRetry keeps its ways, in commands and in connecting (Kazoo D-14)', async () => {
  const called: string[] = [];
  class Telling extends KazooRetry {
    override call<A extends unknown[], T>(fn: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
      called.push(`${this.maxTries}`);
      return super.call(fn, ...args);
    }
  }
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient({
    hosts: server.connectString,
    connectionRetry: new Telling({ maxTries: 3, delay: 1 }),
    commandRetry: new Telling({ maxTries: 5, delay: 1 }),
  });
  await client.start();
  await client.retry(() => client.exists('/'));
  expect(called).toEqual(['3', '5']);
});

test("a derived policy's pauses are by the client's clock, and end when the client stops", async () => {
  class Mine extends KazooRetry {}
  const { running, clock } = watchedClock();
  const connectionRetry = new Mine({ maxTries: -1, delay: 3_600_000, maxJitter: 0 });
  const client = new KazooClient({ hosts: '127.0.0.1:1', clock, connectionRetry });
  client.start().catch(() => undefined);
  await until(() => running.has(3_600_000), 'the pause');
  await client.stop();
  expect(running.has(3_600_000)).toBe(false);
});

test('the pause of a call that is given up goes with it', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const { running, clock } = watchedClock();
  await using client = await new KazooClient({
    hosts: server.connectString,
    clock,
    connectionRetry: { delay: 10 },
    commandRetry: { delay: 3_600_000, maxJitter: 0 },
  }).start();
  const failing = (limits: WaitOptions): Promise<Error> => {
    server.faults.cutAfterCommit('create');
    server.faults.fail('sync', -4);
    return rejection(client.create('/p', '', { protected: true, ...limits }));
  };
  const abort = new AbortController();
  const aborted = failing({ signal: abort.signal });
  await until(() => running.has(3_600_000), 'the pause');
  abort.abort(new Error('enough'));
  expect(running.has(3_600_000)).toBe(false);
  expect(await aborted).toBe(abort.signal.reason);
  expect(await failing({ timeout: 300 })).toBeInstanceOf(OperationTimeoutError);
  expect(running.has(3_600_000)).toBe(false);
});

test('a pause of client.retry ends when the client stops', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const { running, clock } = watchedClock();
  const options = { maxTries: -1, delay: 3_600_000, maxJitter: 0 };
  for (const [commandRetry, pause] of [
    [options, 3_600_000],
    [new KazooRetry({ ...options, clock }), 3_600_000],
    // Asked every 100 ms.
    [{ ...options, interrupt: () => false }, 100],
  ] as const) {
    const client = await new KazooClient({ hosts: server.connectString, clock, commandRetry }).start();
    const refused = rejection(client.retry(() => client.exists('/').then(() => Promise.reject(new ForceRetryError()))));
    await until(() => running.has(pause), 'the pause');
    await client.stop();
    expect(await refused).toBeInstanceOf(ConnectionClosedError);
    expect(running.has(pause)).toBe(false);
  }
});

test("a policy with a clock of its own keeps it in the client's hands", async () => {
  const clock = new ManualClock();
  const client = new KazooClient({ commandRetry: new KazooRetry({ maxTries: 2, clock }) });
  let calls = 0;
  const done = client.retry(() => (++calls === 1 ? Promise.reject(new ForceRetryError()) : 'done'));
  await until(() => clock.pending === 1, 'the pause');
  clock.advance(1000);
  expect(await done).toBe('done');
});

/** The machine's clock, and how long the timers are that run on it. */
function watchedClock(): { running: Set<number>; clock: Clock } {
  const running = new Set<number>();
  const clock: Clock = {
    ...systemClock,
    timer: (delay, callback, options) => {
      running.add(delay);
      const fire = (): void => {
        running.delete(delay);
        callback();
      };
      const timer = systemClock.timer(delay, fire, options);
      return {
        cancel: () => {
          running.delete(delay);
          timer.cancel();
        },
      };
    },
  };
  return { running, clock };
}

test('what is retried is not called again once the client has stopped, nor when the signal has aborted', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient({ hosts: server.connectString, commandRetry: { delay: 60_000 } }).start();
  let calls = 0;
  const retried = rejection(
    client.retry(() => {
      calls += 1;
      throw new ForceRetryError('again');
    }),
  );
  await client.sync('/');
  await client.stop();
  expect(await retried).toBeInstanceOf(ConnectionClosedError);
  expect(calls).toBe(1);
});

test('queues and counters retry by the command policy where nothing else bounds them (Kazoo QU-3, CO-4)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient({
    hosts: server.connectString,
    commandRetry: { maxTries: 2, delay: 1 },
    connectionRetry: { delay: 1, maxTries: -1 },
  }).start();
  const [counter, queue, locking] = [client.counter('/counter'), client.queue('/queue'), client.lockingQueue('/locking')];
  await Promise.all([counter.add(1), queue.put('a'), locking.put('a')]);
  for (const [op, each, call] of [
    ['getData', 1, (limits?: WaitOptions) => counter.get(limits)],
    ['getChildren2', 1, (limits?: WaitOptions) => queue.size(limits)],
    ['getChildren2', 2, (limits?: WaitOptions) => locking.get(limits)],
  ] as const) {
    server.faults.fail(op, ConnectionLoss.code, 2 * each);
    expect(await rejection(call())).toBeInstanceOf(RetryFailedError);
    server.faults.clear();
    // A deadline of the call's own counts instead.
    server.faults.fail(op, ConnectionLoss.code, 3 * each);
    await call({ timeout: 20_000 });
    server.faults.clear();
  }
});
