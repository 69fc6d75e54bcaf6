import { expect, test } from 'vitest';
import { systemClock, type Clock } from '../../src/base/clock.ts';
import { ConnectionLoss } from '../../src/base/errors.ts';
import { KazooRetry, type RetryPolicy } from '../../src/base/retry.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { told, until } from '../support/waiting.ts';

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
  const running = new Set<number>();
  const clock: Clock = {
    ...systemClock,
    timer: (delay, callback) => {
      running.add(delay);
      const timer = systemClock.timer(delay, callback);
      return {
        cancel: () => {
          running.delete(delay);
          timer.cancel();
        },
      };
    },
  };
  const connectionRetry = new Mine({ maxTries: -1, delay: 3_600_000, maxJitter: 0 });
  const client = new KazooClient({ hosts: '127.0.0.1:1', clock, connectionRetry });
  client.start().catch(() => undefined);
  await until(() => running.has(3_600_000), 'the pause');
  await client.stop();
  expect(running.has(3_600_000)).toBe(false);
});
