import { describe, expect, test } from 'vitest';
import { NoAuthError } from '../../src/base/errors.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { sortEntries } from '../../src/recipe/queue-entry.ts';
import { altered, eventually, workbench } from './workbench.ts';

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
});

test('entries that differ only in how their number is written keep one order, and so do foreign names', () => {
  const names = ['entry-b', 'entry-100-0000000001', 'entry-a', 'entry-100-000000001', 'other', 'entry-a', 'entry-001-0000000002'];
  const sorted = ['entry-001-0000000002', 'entry-100-0000000001', 'entry-100-000000001', 'entry-a', 'entry-a', 'entry-b'];
  expect(sortEntries(names)).toEqual(sorted);
  expect(sortEntries(names.reverse())).toEqual(sorted);
});
