import { describe, expect, test } from 'vitest';
import { ConnectionLoss, NoAuthError } from '../../src/base/errors.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { sortEntries } from '../../src/recipe/queue-entry.ts';
import { altered, eventually, watchCount, workbench } from './workbench.ts';

const CONNECTION_LOSS = -4;
const NO_AUTH = -102;
const BAD_VERSION = -103;

describe('an item of a queue', () => {
  test('that was written since it was read is read again', async () => {
    const { client } = await workbench();
    const queue = new Queue(
      altered(client, {
        delete: async (...args: Parameters<KazooClient['delete']>) => {
          if ((await client.exists(args[0]))!.version === 0) await client.set(args[0], 'new');
          return client.delete(...args);
        },
      }),
      '/queue',
    );
    await queue.put('old');
    expect(String(await queue.get())).toBe('new');
    expect(await queue.size()).toBe(0);
  });

  test('that may not be removed is not given', async () => {
    const { server, client } = await workbench();
    const queue = new Queue(client, '/queue');
    await queue.put('item');
    server.faults.fail('delete', NO_AUTH);
    await expect(queue.get()).rejects.toBeInstanceOf(NoAuthError);
    server.faults.fail('delete', BAD_VERSION);
    expect(String(await queue.get())).toBe('item');
  });

  test('of which nobody can tell whether it was removed is given: better twice than never', async () => {
    const { server, client } = await workbench();
    const queue = new Queue(client, '/queue');
    await queue.put('item');
    server.faults.fail('delete', CONNECTION_LOSS);
    server.faults.fail('sync', NO_AUTH);
    expect(String(await queue.get())).toBe('item');
    expect(String(await queue.get())).toBe('item');
    expect(await queue.get()).toBeNull();
  });

  test('that was claimed by a call which was then aborted goes to the next that waits', async () => {
    const { client } = await workbench();
    const controller = new AbortController();
    let reading = (): void => undefined;
    const read = new Promise<void>((resolve) => (reading = resolve));
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    let first = true;
    const slow = altered(client, {
      get: async (path: string) => {
        const outcome = await client.get(path);
        if (first) {
          first = false;
          reading();
          await held;
        }
        return outcome;
      },
    });
    const queue = new Queue(slow, '/queue');
    await queue.put('item');
    const aborted = queue.get({ signal: controller.signal, timeout: 60_000 }).catch((error: unknown) => error);
    await read;
    const next = queue.get({ timeout: 60_000 });
    await eventually(async () => Number(/zk_watch_count\t(\d+)/.exec(await client.command('mntr'))![1]) > 0);
    const reason = new Error('enough');
    controller.abort(reason);
    goOn();
    expect(await aborted).toBe(reason);
    expect(String(await next)).toBe('item');
  });

  test('of which the reading was given up goes to the next that waits', async () => {
    const { client } = await workbench();
    const controller = new AbortController();
    const reason = new Error('enough');
    let reads = 0;
    const get = async (path: string, { signal }: { signal: AbortSignal }): Promise<unknown> => {
      if (++reads > 1) return client.get(path);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(reason)));
    };
    const queue = new Queue(altered(client, { get }), '/queue');
    await queue.put('item');
    const aborted = queue.get({ signal: controller.signal, timeout: 60_000 }).catch((error: unknown) => error);
    await eventually(() => reads === 1);
    const next = queue.get({ timeout: 50_000 });
    await eventually(async () => (await watchCount(client)) === 1);
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(String(await next)).toBe('item');
  });
});

describe('an item that was read while the one before it was being removed', () => {
  /** Removes an item by `then()`, and does more. */
  type Remove = (path: string, then: () => Promise<unknown>, bench: { client: KazooClient; other: Queue }) => Promise<unknown>;
  const plainly: Remove = (_, then) => then();

  /** A queue of `a`, `b`, `c` and more; what is asked for in the turn in which `a` was given is in a row with it. */
  async function inARow(remove: Remove, ...more: string[]) {
    const { server, client, connect } = await workbench();
    const other = new Queue(await connect(), '/queue');
    const removing = (path: string, options?: object): unknown =>
      remove(path, () => client.delete(path, options), { client, other });
    const queue = new Queue(altered(client, { delete: removing }), '/queue');
    for (const item of ['a', 'b', 'c', ...more]) await queue.put(item);
    return { server, client, queue, other, next: async () => String(await queue.get()) };
  }

  test('is not given when a more urgent one came meanwhile', async () => {
    let removals = 0;
    const { next } = await inARow(async (_, then, { other }) => {
      const removal = then();
      // The second is the first with which the next is read.
      if (++removals === 2) await other.put('urgent', { priority: 1 });
      return removal;
    });
    expect([await next(), await next(), await next(), await next()]).toEqual(['a', 'b', 'urgent', 'c']);
  });

  test('is not given when a more urgent one is put in the same turn, without a wait', async () => {
    const { queue, next } = await inARow(plainly);
    expect([await next(), await next()]).toEqual(['a', 'b']);
    const put = queue.put('urgent', { priority: 1 });
    expect(await next()).toBe('urgent');
    expect(await next()).toBe('c');
    await put;
  });

  test('is not kept for later', async () => {
    const { other, next } = await inARow(plainly);
    expect([await next(), await next()]).toEqual(['a', 'b']);
    await other.put('urgent', { priority: 1 });
    expect([await next(), await next()]).toEqual(['urgent', 'c']);
  });

  test('is read again when it has changed', async () => {
    let removals = 0;
    const { next } = await inARow(async (path, then, { client }) => {
      if (++removals === 3) await client.set(path, 'new');
      return then();
    });
    expect([await next(), await next(), await next()]).toEqual(['a', 'b', 'new']);
  });

  test('goes to whoever waits when nobody asks for it', async () => {
    const { client, queue, next } = await inARow(plainly);
    expect([await next(), await next()]).toEqual(['a', 'b']);
    await client.sync('/');
    const items = await Promise.all([queue.get({ timeout: 60_000 }), queue.get({ timeout: 5 })]);
    expect(items.map((item) => item?.toString() ?? null)).toEqual(['c', null]);
  });

  test('that could not be read is read again when it is asked for, which is when an error is told', async () => {
    const { server, queue, next } = await inARow(plainly, 'd', 'e');
    expect([await next(), await next()]).toEqual(['a', 'b']);
    // Of the reading of d with the removal of c, and of the one for who asks for it.
    server.faults.fail('getData', NO_AUTH, 2);
    expect(await next()).toBe('c');
    await expect(queue.get()).rejects.toBeInstanceOf(NoAuthError);
    expect([await next(), await next()]).toEqual(['d', 'e']);
  });

  /** `a` and `b` have been given, and the answer to the read ahead of `c` is late. */
  async function lateAhead(...more: string[]) {
    const { client } = await workbench();
    let answer = (): void => undefined;
    const late = new Promise<void>((resolve) => (answer = resolve));
    let reads = 0;
    const get = async (...given: Parameters<KazooClient['get']>): Promise<unknown> => {
      const isLate = ++reads === 3;
      const read = await client.get(...given);
      if (isLate) await late;
      return read;
    };
    const queue = new Queue(altered(client, { get }), '/queue');
    for (const item of ['a', 'b', 'c', ...more]) await queue.put(item);
    for (const item of ['a', 'b']) expect(String(await queue.get())).toBe(item);
    return { queue, answer };
  }

  /** What was asked for so far has been answered, as far as it can be. */
  const settled = async (queue: Queue): Promise<void> => {
    for (let i = 0; i < 3; i++) await queue.size();
  };

  test.each([
    ['more follow', ['d']],
    ['none follows', []],
  ])('is the next after an abort of who asked for it, where %s', async (_, more) => {
    const { queue, answer } = await lateAhead(...more);
    const [giveUp, reason] = [new AbortController(), new Error('enough')];
    const aborted = queue.get({ signal: giveUp.signal });
    giveUp.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const next = queue.get();
    await settled(queue);
    answer();
    expect(String(await next)).toBe('c');
    expect((await queue.get())?.toString()).toBe(more[0]);
  });

  test('is the next when another has been put behind it', async () => {
    const { queue, answer } = await lateAhead();
    await queue.put('d');
    const next = queue.get();
    await settled(queue);
    answer();
    expect([String(await next), String(await queue.get())]).toEqual(['c', 'd']);
  });

  test('is given once, though the answer to a removal was lost', async () => {
    const { server, queue } = await inARow(plainly, 'd', 'e', 'f');
    const given: string[] = [];
    for (let item = await queue.get(); item !== null; item = await queue.get()) {
      given.push(String(item));
      if (given.length === 3) server.faults.cutAfterCommit('delete');
    }
    expect(given).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });
});

test('what was read ahead is not given to who asks in a later turn, though its answer is still on the way', async () => {
  const { client, connect } = await workbench();
  const other = new Queue(await connect(), '/queue');
  let isSlow = false;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  /** Answers come late, from one moment to another. */
  const late =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      const answer = call(...given);
      if (isSlow) await held;
      return answer;
    };
  let isAhead = false;
  const slow = altered(client, {
    exists: late(client.exists.bind(client)),
    get: late(client.get.bind(client)),
    delete: (...given: Parameters<KazooClient['delete']>) => {
      isSlow = isAhead;
      return client.delete(...given);
    },
  });
  const queue = new Queue(slow, '/queue');
  for (const item of ['1', '2', '3']) await queue.put(item);
  await queue.get();
  isAhead = true;
  await queue.get();
  isSlow = isAhead = false;
  await other.put('urgent', { priority: 0 });
  const next = queue.get();
  release();
  expect(String(await next)).toBe('urgent');
  expect(String(await queue.get())).toBe('3');
});

test.each(['a removal without an answer', 'a removal that is refused'])(
  '%s leaves the item to the next that waits, when the call is given up or fails',
  async (what) => {
    const { server, client } = await workbench({ timeout: 20_000 });
    let isFirst = true;
    const flawed = altered(client, {
      delete: async (...given: Parameters<KazooClient['delete']>) => {
        if (!isFirst) return client.delete(...given);
        isFirst = false;
        if (what.includes('refused')) throw new NoAuthError();
        throw new ConnectionLoss();
      },
    });
    const queue = new Queue(flawed, '/queue');
    await queue.put('item');
    if (!what.includes('refused')) server.freeze();
    const given = queue.get({ timeout: 50 }).catch((error: unknown) => error);
    const next = queue.get({ timeout: 20_000 });
    const outcome = await given;
    server.thaw();
    expect(what.includes('refused') ? outcome instanceof NoAuthError : outcome).toBe(what.includes('refused') ? true : null);
    expect(String(await next)).toBe('item');
  },
);

test('entries that differ only in how their number is written keep one order, and so do foreign names', () => {
  const names = ['entry-b', 'entry-100-0000000001', 'entry-a', 'entry-100-000000001', 'other', 'entry-a', 'entry-001-0000000002'];
  const sorted = ['entry-001-0000000002', 'entry-100-0000000001', 'entry-100-000000001', 'entry-a', 'entry-a', 'entry-b'];
  expect(sortEntries(names)).toEqual(sorted);
  expect(sortEntries(names.reverse())).toEqual(sorted);
});
