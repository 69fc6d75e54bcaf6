import { expect, test } from 'vitest';
import {
  ConnectionClosedError,
  ConnectionLoss,
  NoAuthError,
  NotEmptyError,
  OperationTimeoutError,
} from '../../src/base/errors.ts';
import { makeAcl, OPEN_ACL_UNSAFE } from '../../src/base/security.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { altered, eventually, expire, forgetful, pause, reconnect, watchCount, workbench } from './workbench.ts';

test('an item is locked until it is consumed; the layout is Kazoo’s', async () => {
  const { client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('b');
  await queue.put('a', { priority: 1 });
  expect(String(await queue.get())).toBe('a');
  expect(queue.processingElement).toEqual({ name: 'entry-001-0000000001', value: Buffer.from('a') });
  const [id, stat] = await client.get('/queue/taken/entry-001-0000000001');
  expect(id!.toString()).toBe(queue.id);
  expect(queue.id).toMatch(/^[0-9a-f]{32}$/);
  expect(stat.ephemeralOwner).toBe(client.clientId!.sessionId);
  expect(await queue.holdsLock()).toBe(true);
  expect(String(await queue.get())).toBe('a');
  expect(await queue.size()).toBe(2);
  expect(await queue.consume()).toBe(true);
  expect(await client.getChildren('/queue/taken')).toEqual([]);
  expect(await client.getChildren('/queue/entries')).toEqual(['entry-100-0000000000']);
  expect(await queue.holdsLock()).toBe(false);
  expect(await queue.consume()).toBe(false);
  expect(await queue.release()).toBe(false);
});

test('of two calls that consume one item at once the second says no, and leaves alone what was given meanwhile', async () => {
  const { client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.putAll(['a', 'b']);
  await queue.get();
  const [first, next, second] = await Promise.all([queue.consume(), queue.get(), queue.consume()]);
  expect([first, String(next), second]).toEqual([true, 'b', false]);
  expect(await queue.consume()).toBe(true);
  expect(await queue.size()).toBe(0);
});

test('a released item is given again; two consumers never have the same', async () => {
  const { client, connect } = await workbench();
  const first = new LockingQueue(client, '/queue');
  const second = new LockingQueue(await connect(), '/queue');
  await first.putAll(['a', 'b'], { priority: 5 });
  expect(String(await first.get())).toBe('a');
  expect(String(await second.get())).toBe('b');
  expect(await first.release()).toBe(true);
  expect(await second.consume()).toBe(true);
  expect(String(await second.get())).toBe('a');
  expect(await first.get()).toBeNull();
});

test('without a timeout it answers at once, with one it waits', async () => {
  const { client, connect } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  const other = new LockingQueue(await connect(), '/queue');
  expect(await queue.get()).toBeNull();
  expect(await queue.get({ timeout: 30 })).toBeNull();
  const waiting = queue.get({ timeout: 30_000 });
  await other.put('item');
  expect(String(await waiting)).toBe('item');
  const turn = other.get({ timeout: Infinity });
  await queue.release();
  expect(String(await turn)).toBe('item');
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a wait outlives a reconnect and a lost session (D-8, LQ-4)', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  const waiting = new LockingQueue(client, '/queue').get({ timeout: Infinity });
  await eventually(async () => (await watchCount(other)) === 2);
  await reconnect(server, client);
  await expire(server, client);
  await eventually(() => other.connected);
  await new LockingQueue(other, '/queue').put('item');
  expect(String(await waiting)).toBe('item');
});

test('a wait goes on when the queue is deleted under it (CURATOR-308)', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const waiting = new LockingQueue(client, '/jobs/queue').get({ timeout: Infinity });
  await eventually(async () => (await watchCount(other)) === 2);
  await other.delete('/jobs', { recursive: true });
  await new LockingQueue(other, '/jobs/queue').put('at last');
  expect(String(await waiting)).toBe('at last');
});

test('a lost session gives the item back: consume is false, and the next get looks again', async () => {
  const { server, client, connect } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('item');
  await queue.get();
  await expire(server, client);
  expect(await queue.holdsLock()).toBe(false);
  const other = new LockingQueue(await connect(), '/queue');
  expect(String(await other.get())).toBe('item');
  expect(await queue.get()).toBeNull();
  expect(await queue.consume()).toBe(false);
  expect(await other.consume()).toBe(true);
});

test('an entry that vanished under the lock: consume is false and leaves no lock (D-7, LQ-6)', async () => {
  const { client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('item');
  await queue.get();
  await client.delete('/queue/entries', { recursive: true });
  expect(await queue.consume()).toBe(false);
  expect(await client.getChildren('/queue/taken')).toEqual([]);
  await queue.put('next');
  expect(String(await queue.get())).toBe('next');
});

test('a transaction that the server refuses rejects: nothing is put, nothing consumed (D-7)', async () => {
  const { server, client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('item');
  server.faults.fail('multi', -102);
  await expect(queue.putAll(['a', 'b'])).rejects.toThrow(NoAuthError);
  expect(await queue.size()).toBe(1);
  await queue.get();
  server.faults.fail('multi', -102);
  await expect(queue.consume()).rejects.toThrow(NoAuthError);
  expect(await queue.holdsLock()).toBe(true);
  expect(await queue.consume()).toBe(true);
  expect(await client.getChildren('/queue/taken')).toEqual([]);
});

test('an item that may not be removed, or has children, is kept, and consume says why (D-7)', async () => {
  const { client, connect } = await workbench();
  const acl = [makeAcl('world', 'anyone', { read: true, write: true, create: true, admin: true })];
  await client.create('/queue/entries', null, { acl, makepath: true });
  const queue = new LockingQueue(client, '/queue');
  const rival = new LockingQueue(await connect(), '/queue');
  await queue.put('item');
  await queue.get();
  await expect(queue.consume()).rejects.toBeInstanceOf(NoAuthError);
  await client.setAcls('/queue/entries', OPEN_ACL_UNSAFE);
  const child = `/queue/entries/${queue.processingElement!.name}/child`;
  await client.create(child);
  await expect(queue.consume()).rejects.toBeInstanceOf(NotEmptyError);
  expect(await queue.holdsLock()).toBe(true);
  expect(await rival.get()).toBeNull();
  await client.delete(child);
  expect(await queue.consume()).toBe(true);
});

test('a lock that vanished: nothing is held, and the entry is given again (D-8, LQ-7)', async () => {
  const { client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('item');
  await queue.get();
  await client.delete('/queue/taken', { recursive: true });
  expect(await queue.holdsLock()).toBe(false);
  expect(String(await queue.get())).toBe('item');
  expect(await queue.consume()).toBe(true);
});

test.each(['create', 'multi', 'delete'] as const)('a lost reply to %s changes nothing', async (op) => {
  const { server, client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.putAll(['a', 'b']);
  server.faults.cutAfterCommit(op);
  expect(String(await queue.get())).toBe('a');
  expect(await queue.consume()).toBe(true);
  expect(String(await queue.get())).toBe('b');
  expect(await queue.release()).toBe(true);
  expect(await client.getChildren('/queue/taken')).toEqual([]);
  expect(await queue.size()).toBe(1);
});

test('aborted at any moment, no item stays locked', async () => {
  const { client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('item');
  for (let i = 0; i < 40; i++) {
    const controller = new AbortController();
    const getting = queue.get({ signal: controller.signal }).catch(() => undefined);
    await pause((i % 8) / 2);
    controller.abort(new Error('enough'));
    if ((await getting) !== undefined) await queue.release();
    await eventually(async () => (await client.getChildren('/queue/taken')).length === 0);
  }
});

test('what an aborted call takes back is not the lock of the next', async () => {
  const { client, connect } = await workbench();
  const rival = new LockingQueue(await connect(), '/queue');
  await rival.put('item');
  const controller = new AbortController();
  let removals = 0;
  const aborting = lockingBy(client, (lock) => {
    const locked = lock();
    controller.abort(new Error('enough'));
    return locked;
  });
  const flawed = altered(aborting, {
    delete: async (path: string) => {
      await client.delete(path);
      if (++removals > 1) return true;
      // As long as the next could have locked it, were it to.
      await Promise.race([next, pause(300)]);
      throw new ConnectionLoss('the reply was lost');
    },
  });
  const queue = new LockingQueue(flawed, '/queue');
  await expect(queue.get({ signal: controller.signal })).rejects.toThrow('enough');
  const next = queue.get({ timeout: 30_000 });
  expect(String(await next)).toBe('item');
  expect(await rival.get({ timeout: 300 })).toBeNull();
  expect(await queue.consume()).toBe(true);
});

test('a release whose reply was lost does not give back what the next call has locked', async () => {
  const { client, connect } = await workbench();
  const rival = new LockingQueue(await connect(), '/queue');
  let next: Promise<Buffer | null> | undefined;
  let removals = 0;
  const remove = async (path: string): Promise<true> => {
    await client.delete(path);
    if (++removals > 1) return true;
    next = queue.get();
    // As long as it could have locked the item, were it to.
    await Promise.race([next, pause(300)]);
    throw new ConnectionLoss('the reply was lost');
  };
  const queue = new LockingQueue(altered(client, { delete: remove }), '/queue');
  await queue.put('item');
  await queue.get();
  expect(await queue.release()).toBe(true);
  expect(String(await next)).toBe('item');
  expect(await rival.get()).toBeNull();
  expect(await queue.consume()).toBe(true);
});

test.each(['released', 'given up'])(
  'an item is free although a create without an answer locks it after it was %s',
  async (how) => {
    const { client, connect } = await workbench({ timeout: 1_000 });
    const rival = new LockingQueue(await connect(), '/queue');
    await rival.put('item');
    const controller = new AbortController();
    let late: (() => Promise<unknown>) | undefined;
    let again: Promise<unknown> | undefined;
    const flawed = lockingBy(client, (lock) => {
      if (late !== undefined) return (again = lock());
      late = lock;
      if (how === 'given up') controller.abort(new Error('enough'));
      return Promise.reject(new ConnectionLoss('on its way yet'));
    });
    const queue = new LockingQueue(flawed, '/queue');
    const item = queue.get({ signal: controller.signal });
    if (how === 'given up') await expect(item).rejects.toThrow('enough');
    else expect([String(await item), await queue.release()]).toEqual(['item', true]);
    await eventually(async () => (await again) !== undefined && (await client.getChildren('/queue/taken')).length === 0);
    await late!();
    expect(await rival.get()).toBeNull();
    expect(String(await rival.get({ timeout: 30_000 }))).toBe('item');
  },
);

test('an item that another consumes before it can be locked is left alone, and the next is given', async () => {
  const { client, connect } = await workbench();
  const rival = new LockingQueue(await connect(), '/queue');
  await rival.putAll(['a', 'b']);
  let gone: Promise<unknown> | undefined;
  const late = lockingBy(client, async (lock) => {
    await (gone ??= rival.get().then(() => rival.consume()));
    return lock();
  });
  const queue = new LockingQueue(late, '/queue');
  expect(String(await queue.get())).toBe('b');
  // One for the rival's item, made and removed, and one for ours.
  expect((await client.exists('/queue/taken'))?.cversion).toBe(3);
});

test('a lock of which the answer was lost goes when its entry has gone', async () => {
  const { client } = await workbench();
  let entry: string | undefined;
  const flawed = lockingBy(client, async (lock) => {
    await lock();
    if (entry !== undefined) return;
    [entry] = await client.getChildren('/queue/entries');
    await client.delete(`/queue/entries/${entry}`);
    throw new ConnectionLoss('the answer was lost');
  });
  const queue = new LockingQueue(flawed, '/queue');
  await queue.put('item');
  expect(await queue.get()).toBeNull();
  expect(await client.getChildren('/queue/taken')).toEqual([]);
});

test('an item that is being processed stays locked when what might have come late is looked for', async () => {
  const { client, connect } = await workbench({ timeout: 1_000 });
  const rival = new LockingQueue(await connect(), '/queue');
  await rival.put('item');
  let locks = 0;
  const flawed = lockingBy(client, async (lock) => {
    if (++locks === 1) throw new ConnectionLoss('lost');
    return lock();
  });
  const queue = new LockingQueue(flawed, '/queue');
  expect(String(await queue.get())).toBe('item');
  await pause(client.sessionTimeout! * 1.5);
  expect(await rival.get()).toBeNull();
  expect([await queue.holdsLock(), await queue.consume()]).toEqual([true, true]);
});

test.each(['consume', 'release', 'holdsLock'] as const)(
  '%s is no false “no” where the connection is lost in the very moment of the answer',
  async (call) => {
    const { client } = await workbench();
    const { flawed, lose, lost } = forgetful(client);
    const queue = new LockingQueue(flawed, '/queue');
    await queue.put('item');
    await queue.get();
    lose();
    expect(await queue[call]()).toBe(true);
    expect(lost()).toBe(true);
    if (call !== 'holdsLock') expect(await client.getChildren('/queue/taken')).toEqual([]);
  },
);

test('while one call waits for an item another answers at once; what comes is one item for both', async () => {
  const { client, connect } = await workbench();
  const other = new LockingQueue(await connect(), '/queue');
  const queue = new LockingQueue(client, '/queue');
  const waiting = [queue.get({ timeout: 50_000 }), queue.get({ timeout: Infinity })];
  await eventually(async () => (await watchCount(client)) === 2);
  expect(await queue.get()).toBeNull();
  expect(await queue.get({ signal: new AbortController().signal })).toBeNull();
  await other.putAll(['a', 'b']);
  expect((await Promise.all([...waiting, queue.get()])).map(String)).toEqual(['a', 'a', 'a']);
  expect(String(await other.get())).toBe('b');
  await eventually(async () => (await watchCount(client)) === 0);
});

test('many consumers process every item once', async () => {
  const { client, connect } = await workbench();
  const queues = [client, await connect(), await connect(), client].map((each) => new LockingQueue(each, '/queue'));
  const items = Array.from({ length: 40 }, (_, i) => `item ${i}`);
  await queues[0]!.putAll(items);
  const done: string[] = [];
  await Promise.all(
    queues.map(async (queue) => {
      for (let item = await queue.get(); item !== null; item = await queue.get()) {
        done.push(String(item));
        expect(await queue.consume()).toBe(true);
      }
    }),
  );
  expect(done.sort()).toEqual(items.sort());
  expect(await client.getChildren('/queue/taken')).toEqual([]);
});

test('a wait ends with the client', async () => {
  const { client } = await workbench();
  const waiting = new LockingQueue(client, '/queue').get({ timeout: Infinity });
  waiting.catch(() => undefined);
  await client.sync('/');
  await client.stop();
  await expect(waiting).rejects.toThrow(ConnectionClosedError);
});

test('bad arguments are refused at once', async () => {
  const { client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.putAll([]);
  await expect(queue.putAll('ab' as never)).rejects.toThrow(TypeError);
  await expect(queue.putAll(['a', 5 as never])).rejects.toThrow(TypeError);
  const hole = Object.assign(['a'], { length: 2 });
  await expect(queue.putAll(hole)).rejects.toThrow('an item must be a string, a Uint8Array or null, not undefined');
  await expect(queue.put('a', { priority: 1000 })).rejects.toThrow(RangeError);
  await expect(queue.get({ timeout: NaN })).rejects.toThrow(TypeError);
});

test('an item that another has consumed meanwhile was not consumed by this one', async () => {
  const { server, client, connect } = await workbench({ timeout: 2_000 });
  const other = new LockingQueue(await connect(), '/queue');
  let isLost = false;
  let isTaken = false;
  // The request never reaches the server, and the session is over before the client is back.
  const transaction = (): unknown => {
    if (isLost || !isTaken) return client.transaction();
    isLost = true;
    server.refuseConnections(true);
    server.expireSession(client.clientId!.sessionId);
    return {
      delete() {
        return this;
      },
      commitOrThrow: () => Promise.reject(new ConnectionLoss()),
    };
  };
  const queue = new LockingQueue(altered(client, { transaction }), '/queue');
  await queue.put('job');
  expect((await queue.get())?.toString()).toBe('job');
  isTaken = true;
  const consumed = queue.consume();
  await eventually(() => isLost);
  server.refuseConnections(false);
  expect((await other.get({ timeout: 20_000 }))?.toString()).toBe('job');
  expect(await other.consume()).toBe(true);
  expect(await consumed).toBe(false);
});

test('adding several at once ends with its timeout and its signal', async () => {
  const { server, client } = await workbench();
  const queue = new LockingQueue(client, '/queue');
  await queue.put('item');
  server.freeze();
  await expect(queue.putAll(['a', 'b'], { timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  const [controller, reason] = [new AbortController(), new Error('enough')];
  const aborted = queue.putAll(['a', 'b'], { signal: controller.signal });
  controller.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  server.thaw();
});

/** The client, with another way to lock an entry. */
function lockingBy(client: KazooClient, way: (lock: () => Promise<unknown>) => Promise<unknown>): KazooClient {
  return altered(client, {
    transaction: () => {
      const transaction = client.transaction();
      const commit = transaction.commitOrThrow.bind(transaction);
      const isLock = (): boolean => transaction.operations.some(({ type }) => type === 'create');
      return Object.assign(transaction, { commitOrThrow: () => (isLock() ? way(commit) : commit()) });
    },
  });
}
