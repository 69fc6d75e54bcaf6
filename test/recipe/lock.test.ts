import { describe, expect, test } from 'vitest';
import {
  CancelledError,
  ConfigurationError,
  ConnectionClosedError,
  ConnectionLoss,
  LockTimeout,
  NoAuthError,
  NoNodeError,
} from '../../src/base/errors.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { Lab, once, until, untilConnected } from './lab.ts';
import { stand } from './workbench.ts';

const PATH = '/locks/one';

describe('acquiring and releasing', () => {
  test('an uncontended lock is a node of Kazoo’s name and data, gone after the release (LK-1)', async () => {
    const client = await (await Lab.open()).client();
    const lock = new Lock(client, PATH, { identifier: 'näme' });
    expect(lock.isAcquired).toBe(false);
    expect(lock.signal.aborted).toBe(true);
    expect(await lock.acquire()).toBe(true);
    const [name] = await client.getChildren(PATH);
    expect(name).toMatch(/^[0-9a-f]{32}__lock__0000000000$/);
    expect(lock.node).toBe(name);
    const [data, stat] = await client.get(`${PATH}/${name}`);
    expect(data?.toString()).toBe('näme');
    expect(stat.ephemeralOwner).toBe(client.clientId!.sessionId);
    expect(lock.fencingToken).toBe(stat.czxid);
    const { signal } = lock;
    expect(signal.aborted).toBe(false);
    expect(await lock.release()).toBe(true);
    expect(signal.aborted).toBe(true);
    expect(lock.isAcquired).toBe(false);
    expect(lock.node).toBeNull();
    expect(lock.fencingToken).toBeNull();
    expect(await client.getChildren(PATH)).toEqual([]);
    expect(await lock.release()).toBe(false);
    expect(client.listenerCount('state')).toBe(0);
  });

  test('contenders are served in order, and each fencing token is above the one before', async () => {
    const lab = await Lab.open();
    const order: number[] = [];
    const tokens: bigint[] = [];
    const clients = await Promise.all([0, 1, 2, 3].map(() => lab.client()));
    const first = new Lock(clients[0]!, PATH);
    await first.acquire();
    const rest: Promise<void>[] = [];
    for (const [index, client] of clients.entries()) {
      const lock = new Lock(client, PATH, { identifier: String(index) });
      rest.push(
        lock.withLock(() => {
          order.push(index);
          tokens.push(lock.fencingToken!);
          return Promise.resolve();
        }),
      );
      await until('it is in line', async () => (await clients[0]!.getChildren(PATH)).length === index + 2);
    }
    expect(await new Lock(clients[1]!, PATH).contenders()).toEqual(['', '0', '1', '2', '3']);
    await first.release();
    await Promise.all(rest);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(tokens).toEqual([...tokens].sort((a, b) => (a < b ? -1 : 1)));
  });

  test('a lock that is taken is not waited for with blocking: false, and nothing is left', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Lock(one, PATH);
    await holder.acquire();
    const lock = new Lock(two, PATH);
    expect(await lock.acquire({ blocking: false })).toBe(false);
    expect(await one.getChildren(PATH)).toHaveLength(1);
    expect(lock.node).toBeNull();
    await holder.release();
    expect(await lock.acquire({ blocking: false })).toBe(true);
  });

  test('an object that holds is waited for in process: in turn, not at all, or for so long (D-24a, pain-points 46)', async () => {
    const client = await (await Lab.open()).client();
    const lock = new Lock(client, PATH);
    await lock.acquire();
    expect(await lock.acquire({ blocking: false })).toBe(false);
    await expect(lock.acquire({ timeout: 20 })).rejects.toThrow(LockTimeout);
    const order: number[] = [];
    const waits = [1, 2].map(async (turn) => {
      await lock.acquire();
      order.push(turn);
      await lock.release();
    });
    await lock.release();
    await Promise.all(waits);
    expect(order).toEqual([1, 2]);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('after LOST a persistent node stays, but is not held: acquire takes it up again, and release removes it', async () => {
    const lab = await Lab.open();
    const [client, other] = [await lab.client(), await lab.client()];
    const lock = new Lock(client, PATH);
    await lock.acquire({ ephemeral: false });
    const { node, fencingToken, signal } = lock;
    await lab.expire(client);
    expect([lock.isAcquired, lock.fencingToken, signal.aborted]).toEqual([false, null, true]);
    expect(await lock.release()).toBe(false);
    expect(client.listenerCount('state')).toBe(0);
    expect(lock.node).toBe(node);
    expect(await client.getChildren(PATH)).toEqual([node]);
    expect(await new Lock(other, PATH).acquire({ blocking: false })).toBe(false);
    expect(await lock.acquire()).toBe(true);
    expect([lock.node, lock.fencingToken, lock.signal.aborted]).toEqual([node, fencingToken, false]);
    expect(await lock.release()).toBe(true);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('after LOST the end of withLock removes a persistent node, unless it has been taken up again', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    await lock.withLock(() => lab.expire(client), { ephemeral: false });
    expect(await client.getChildren(PATH)).toEqual([]);
    await lock.withLock(
      async () => {
        await lab.expire(client);
        expect(await lock.acquire()).toBe(true);
      },
      { ephemeral: false },
    );
    expect(lock.isAcquired).toBe(true);
    expect(await client.getChildren(PATH)).toEqual([lock.node]);
  });

  test('after LOST an acquire that fails removes a persistent node', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    await lock.acquire({ ephemeral: false });
    await lab.expire(client);
    lab.server.faults.fail('getChildren', -102);
    await expect(lock.acquire()).rejects.toThrow(NoAuthError);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('a parent that has vanished is made again (D-24c)', async () => {
    const client = await (await Lab.open()).client();
    const lock = new Lock(client, PATH);
    await lock.withLock(async () => undefined);
    await client.delete('/locks', { recursive: true });
    expect(await lock.acquire()).toBe(true);
  });

  test('withLock gives the outcome, releases after a throw, and refuses what it does not get (D-36)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    expect(await lock.withLock(async (signal) => (signal.aborted ? 'lost' : 'held'))).toBe('held');
    await expect(lock.withLock(() => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    expect(lock.isAcquired).toBe(false);
    await lock.acquire();
    await expect(lock.withLock(async () => 1, { blocking: false })).rejects.toThrow(LockTimeout);
  });

  test('a hold is given back at the end of its block', async () => {
    const client = await (await Lab.open()).client();
    const lock = new Lock(client, PATH);
    {
      await using held = await lock.hold();
      expect(held.signal.aborted).toBe(false);
      expect(held.fencingToken).toBe(lock.fencingToken);
    }
    expect(lock.isAcquired).toBe(false);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('an uncontended acquire and release are two round trips: the line is looked at right behind the create', async () => {
    const client = await (await Lab.open()).client();
    const lock = new Lock(client, PATH);
    await lock.withLock(async () => undefined);
    const calls: string[] = [];
    for (const name of ['create', 'createOwned', 'getChildren', 'exists', 'get', 'delete', 'ensurePath', 'sync'] as const) {
      const original = client[name].bind(client) as (...args: unknown[]) => Promise<unknown>;
      const counted = (...args: unknown[]): Promise<unknown> => {
        calls.push(name);
        return original(...args).finally(() => calls.push('answered'));
      };
      Object.assign(client, { [name]: counted });
    }
    await lock.withLock(async () => undefined);
    expect(calls).toEqual(['createOwned', 'getChildren', 'answered', 'answered', 'delete', 'answered']);
  });
});

describe('giving up', () => {
  test('a timeout rejects with LockTimeout and leaves nothing (D-16, pain-points 38)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Lock(one, PATH);
    await holder.acquire();
    await expect(new Lock(two, PATH).acquire({ timeout: 50 })).rejects.toThrow(LockTimeout);
    expect(await one.getChildren(PATH)).toEqual([holder.node]);
    expect(two.listenerCount('state')).toBe(0);
  });

  test('an abort rejects with the reason at once, and the contender goes (pain-points 47)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Lock(one, PATH);
    await holder.acquire();
    const controller = new AbortController();
    const lock = new Lock(two, PATH);
    const wait = lock.acquire({ signal: controller.signal });
    await until('it is in line', async () => (await one.getChildren(PATH)).length === 2);
    controller.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    await until('the contender has gone', async () => (await one.getChildren(PATH)).length === 1);
    await expect(lock.acquire({ signal: controller.signal })).rejects.toThrow('enough');
    expect(await holder.release()).toBe(true);
    expect(await lock.acquire()).toBe(true);
  });

  test('cancel ends the present wait only (D-17)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Lock(one, PATH);
    await holder.acquire();
    holder.cancel();
    expect(holder.isAcquired).toBe(true);
    const lock = new Lock(two, PATH);
    const wait = lock.acquire();
    await until('it is in line', async () => (await one.getChildren(PATH)).length === 2);
    lock.cancel();
    await expect(wait).rejects.toThrow(CancelledError);
    expect(await one.getChildren(PATH)).toHaveLength(1);
    await holder.release();
    expect(await lock.acquire()).toBe(true);
  });

  test('stopping the client ends the wait', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    await new Lock(one, PATH).acquire();
    const wait = new Lock(two, PATH).acquire();
    await until('it is in line', async () => (await one.getChildren(PATH)).length === 2);
    const refused = expect(wait).rejects.toThrow(ConnectionClosedError);
    await two.stop();
    await refused;
    expect(await one.getChildren(PATH)).toHaveLength(1);
    await expect(new Lock(two, PATH).acquire()).rejects.toThrow(ConnectionClosedError);
  });

  test('an abort while the create is under way leaves no contender, even if its reply is lost', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    await one.ensurePath(PATH);
    lab.server.faults.cutAfterCommit('create');
    const controller = new AbortController();
    const wait = new Lock(two, PATH).acquire({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    await until('the connection was cut', async () => two.state === 'CONNECTED' && (await one.getChildren(PATH)).length === 0);
  });

  test('a timeout is kept while disconnected, and the contender goes after reconnecting (D-16, pain-points 38)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client({ timeout: 4_000 })];
    await new Lock(one, PATH).acquire();
    const lock = new Lock(two, PATH);
    const wait = lock.acquire({ timeout: 300 });
    await until('it is in line', async () => (await one.getChildren(PATH)).length === 2);
    const suspended = once(two, 'SUSPENDED');
    const oneBack = once(one, 'SUSPENDED').then(() => untilConnected(one));
    lab.server.refuseConnections(true);
    lab.server.dropConnections();
    await suspended;
    await expect(wait).rejects.toThrow(LockTimeout);
    lab.server.refuseConnections(false);
    await oneBack;
    await untilConnected(two);
    await until('the contender has gone', async () => (await one.getChildren(PATH)).length === 1);
  });
});

describe('trouble', () => {
  test('a create whose reply is lost is found again, not repeated (LK-3, pain-points 43)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    await client.ensurePath(PATH);
    lab.server.faults.cutAfterCommit('create');
    const lock = new Lock(client, PATH);
    expect(await lock.acquire()).toBe(true);
    expect(await client.getChildren(PATH)).toEqual([lock.node]);
    expect(lock.node).toMatch(/0{10}$/);
  });

  test('under the standard policy the signal aborts when the connection is lost, though the lock is still held (D-15, pain-points 35)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    const patient = new Lock(client, '/locks/two', { errorPolicy: 'session' });
    await lock.acquire();
    await patient.acquire();
    const { signal } = lock;
    const suspended = once(client, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    expect(signal.aborted).toBe(true);
    expect(patient.signal.aborted).toBe(false);
    await untilConnected(client);
    expect(lock.isAcquired).toBe(true);
    expect(lock.signal.aborted).toBe(true);
    expect(await lock.release()).toBe(true);
    expect(patient.signal.aborted).toBe(false);
    expect(await patient.release()).toBe(true);
    expect(client.listenerCount('state')).toBe(0);
  });

  test('a signal that is first looked at after the fact tells of it all the same, and is one and the same for each hold', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    await lock.acquire();
    const suspended = once(client, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    expect(lock.signal.reason).toBeInstanceOf(ConnectionLoss);
    await untilConnected(client);
    const [first] = [lock.signal, await lock.release()];
    expect(lock.signal).toBe(first);
    expect(first.reason).toBeInstanceOf(ConnectionLoss);
    await lock.acquire();
    await lock.release();
    expect(lock.signal).not.toBe(first);
    expect(lock.signal.reason).toBeInstanceOf(CancelledError);
    await lock.acquire();
    await lab.expire(client);
    expect(lock.signal.reason).toBeInstanceOf(ConnectionLoss);
  });

  test('the loss of the session ends the hold, and the next acquire is of the new session (D-15, pain-points 35)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH, { errorPolicy: 'session' });
    await lock.acquire();
    const { signal, fencingToken } = lock;
    await lab.expire(client);
    expect(signal.aborted).toBe(true);
    expect(lock.isAcquired).toBe(false);
    expect(lock.node).toBeNull();
    expect(await lock.release()).toBe(false);
    expect(await lock.acquire()).toBe(true);
    expect(lock.fencingToken).toBeGreaterThan(fencingToken!);
    await lock.release();
    expect(client.listenerCount('state')).toBe(0);
  });

  test('a waiter keeps its place through a lost connection, and gets a new one in a new session (LK-10, LK-11)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Lock(one, PATH, { errorPolicy: 'session' });
    await holder.acquire();
    const lock = new Lock(two, PATH);
    const wait = lock.acquire();
    await until('it is in line', async () => (await one.getChildren(PATH)).length === 2);
    const place = lock.node;
    const suspended = once(two, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    await untilConnected(two);
    await untilConnected(one);
    expect(lock.node).toBe(place);
    await lab.expire(two);
    await until('it is in line again', async () => lock.node !== place && (await one.getChildren(PATH)).length === 2);
    await holder.release();
    expect(await wait).toBe(true);
    expect((await two.get(`${PATH}/${lock.node}`))[1].ephemeralOwner).toBe(two.clientId!.sessionId);
  });

  test('a release that meets a lost connection is done after reconnecting', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    await lock.acquire();
    lab.server.refuseConnections(true);
    const suspended = once(client, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    const release = lock.release();
    lab.server.refuseConnections(false);
    expect(await release).toBe(true);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('a node of a lost session that the server still has is not taken for ours (pain-points 37)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client({ timeout: 1_000 }), await lab.client({ timeout: 1_000 })];
    const holder = new Lock(one, PATH);
    await holder.acquire();
    const held = holder.node!;
    const lock = new Lock(two, PATH);
    const wait = lock.acquire();
    await until('it is in line', async () => (await one.getChildren(PATH)).length === 2);
    const stale = lock.node;
    // A server that stands still ends no session: both are lost to their clients alone.
    const lost = [once(one, 'LOST'), once(two, 'LOST')];
    lab.server.freeze();
    await Promise.all(lost);
    lab.server.thaw();
    await untilConnected(two);
    await two.delete(`${PATH}/${held}`);
    expect(await wait).toBe(true);
    expect(lock.node).not.toBe(stale);
    expect((await two.get(`${PATH}/${lock.node}`))[1].ephemeralOwner).toBe(two.clientId!.sessionId);
  });

  test('a node that a dead connection makes late is removed, too', async () => {
    const lab = await Lab.open();
    const [client, other] = [await lab.client({ timeout: 1_000 }), await lab.client()];
    await client.ensurePath(PATH);
    let late = '';
    Object.assign(client, {
      createOwned: async (path: string) => {
        late = path;
        throw new ConnectionLoss();
      },
    });
    await expect(new Lock(client, PATH).acquire({ timeout: 50 })).rejects.toThrow(LockTimeout);
    await client.create(late, '', { ephemeral: true, sequence: true });
    expect(await other.getChildren(PATH)).toHaveLength(1);
    await until('it has gone', async () => (await other.getChildren(PATH)).length === 0);
  });

  test('of two nodes of ours the first counts, and the other goes', async () => {
    const client = await (await Lab.open()).client();
    await client.ensurePath(PATH);
    let first = true;
    const createOwned = client.createOwned.bind(client);
    Object.assign(client, {
      createOwned: async (...args: Parameters<typeof createOwned>) => {
        const made = createOwned(...args);
        if (!first) return made;
        first = false;
        await made;
        return createOwned(...args);
      },
    });
    const lock = new Lock(client, PATH);
    expect(await lock.acquire()).toBe(true);
    expect(lock.node).toMatch(/0000000000$/);
    await until('the other has gone', async () => (await client.getChildren(PATH)).length === 1);
  });

  test('waits that were given up leave no watch at the server (LK-7)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    await stand(one, `${PATH}/held__lock__0000000000`);
    for (let turn = 0; turn < 10; turn++) await expect(new Lock(two, PATH).acquire({ timeout: 20 })).rejects.toThrow(LockTimeout);
    await until('no watch is left', async () => (await two.command('wchs')).includes('Total watches:0'));
  });
});

describe('refusals', () => {
  test.each(['create', 'getChildren', 'getData'] as const)('a refused %s rejects, and leaves nothing', async (op) => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Lock(one, PATH);
    await holder.acquire();
    const lock = new Lock(two, PATH);
    lab.server.faults.fail(op, -102);
    await expect(lock.acquire()).rejects.toThrow(NoAuthError);
    expect(await one.getChildren(PATH)).toEqual([holder.node]);
    await holder.release();
    expect(await lock.acquire()).toBe(true);
    expect(two.listenerCount('state')).toBe(1);
  });

  test('a refused delete rejects the release, and the lock is still held, to be released again (LK-20)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    await lock.acquire();
    const stuck = lock.node!;
    lab.server.faults.fail('delete', -102);
    await expect(lock.release()).rejects.toThrow(NoAuthError);
    expect([lock.isAcquired, lock.node, lock.signal.aborted]).toEqual([true, stuck, true]);
    expect(await lock.acquire({ blocking: false })).toBe(false);
    expect(await lock.release()).toBe(true);
    expect([lock.isAcquired, lock.node, await client.getChildren(PATH)]).toEqual([false, null, []]);
    expect(await lock.acquire()).toBe(true);
    lab.server.faults.fail('delete', -102);
    await expect(lock.release()).rejects.toThrow(NoAuthError);
    await lab.expire(client);
    expect([lock.isAcquired, await lock.release()]).toEqual([false, false]);
    expect(await lock.acquire()).toBe(true);
    expect(client.listenerCount('state')).toBe(1);
  });

  test('acquiring what a refused delete has left deletes it first, and says so if that is refused again', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    lab.server.faults.fail('delete', -102, 2);
    await expect(lock.withLock(() => 1)).rejects.toThrow(NoAuthError);
    await expect(lock.withLock(() => 2)).rejects.toThrow(NoAuthError);
    expect(await lock.withLock(() => 3)).toBe(3);
    expect([lock.isAcquired, await client.getChildren(PATH), client.listenerCount('state')]).toEqual([false, [], 0]);
  });

  test('who was in line when a release was refused releases first, too', async () => {
    const lab = await Lab.open();
    const lock = new Lock(await lab.client(), PATH);
    await lock.acquire();
    const order: string[] = [];
    const next = [1, 2].map((n) =>
      lock.withLock(() => order.push(`${n}`)).catch((error: unknown) => order.push(`${n} ${(error as Error).name}`)),
    );
    lab.server.faults.fail('delete', -102, 2);
    await expect(lock.release()).rejects.toThrow(NoAuthError);
    await Promise.all(next);
    expect(order).toEqual(['1 NoAuthError', '2']);
    expect(lock.isAcquired).toBe(false);
  });

  test('a refusal that comes after the session was lost leaves the lock to be acquired again', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const lock = new Lock(client, PATH);
    await lock.acquire();
    const remove = client.delete.bind(client);
    client.delete = async () => {
      await lab.expire(client);
      throw new NoAuthError();
    };
    await expect(lock.release()).rejects.toThrow(NoAuthError);
    client.delete = remove;
    expect(lock.isAcquired).toBe(false);
    expect(await lock.acquire({ timeout: 20_000 })).toBe(true);
  });

  test('contenders skip what has gone and what has null data; a path that is missing is made (LK-21)', async () => {
    const client = await (await Lab.open()).client();
    expect(await new Lock(client, PATH).contenders()).toEqual([]);
    expect(await client.exists(PATH)).not.toBeNull();
    await client.create(`${PATH}/a__lock__0000000001`, null);
    await client.create(`${PATH}/b__lock__0000000002`, 'b');
    const get = client.get.bind(client);
    Object.assign(client, {
      get: (path: string) => (path.endsWith('3') ? Promise.reject(new NoNodeError()) : get(path)),
    });
    await client.create(`${PATH}/c__lock__0000000003`, 'c');
    expect(await new Lock(client, PATH).contenders()).toEqual(['b']);
  });
});

describe('other contenders', () => {
  test.each([
    ['2147483647', '-2147483648', 'second'],
    ['-2147483648', '2147483647', 'first'],
    ['0000000009', '0000000010', 'second'],
    ['-000000005', '-000000004', 'second'],
  ])('of %s and %s, the %s comes later (D-24b, pain-points 40)', async (first, second, later) => {
    const client = await (await Lab.open()).client();
    await client.create(`${PATH}/ffff__lock__${first}`, 'first', { makepath: true });
    await client.create(`${PATH}/aaaa__lock__${second}`, 'second');
    const others = later === 'second' ? ['first', 'second'] : ['second', 'first'];
    expect(await new Lock(client, PATH).contenders()).toEqual(others);
  });

  test('foreign nodes are ignored, unless a pattern names them (LK-4, LK-5)', async () => {
    const client = await (await Lab.open()).client();
    await client.create(`${PATH}/_c_1-lock-`, 'curator', { makepath: true, ephemeral: true, sequence: true });
    await client.create(`${PATH}/notes`, 'x');
    expect(await new Lock(client, PATH).acquire({ blocking: false })).toBe(true);
    expect(await new Lock(client, PATH, { extraLockPatterns: ['-lock-'] }).acquire({ blocking: false })).toBe(false);
  });
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new Lock(null as never, PATH)).toThrow(TypeError);
  expect(() => new Lock(client, 5 as never)).toThrow(TypeError);
  expect(() => new Lock(client, '/a/../b')).toThrow(RangeError);
  expect(() => new Lock(client, PATH, { identifier: 5 as never })).toThrow(TypeError);
  expect(() => new Lock(client, PATH, { extraLockPatterns: '-lock-' })).toThrow(TypeError);
  expect(() => new Lock(client, PATH, { extraLockPatterns: ['('] })).toThrow(TypeError);
  expect(() => new Lock(client, PATH, { extraLockPatterns: [5 as never] })).toThrow(TypeError);
  for (const missing of [[undefined], new Array(1)])
    expect(() => new Lock(client, PATH, { extraLockPatterns: missing as never })).toThrow(
      'extraLockPatterns must contain strings, not undefined',
    );
  expect(() => new Lock(client, PATH, { errorPolicy: 'strict' as never })).toThrow(ConfigurationError);
  const lock = new Lock(client, PATH);
  await expect(lock.acquire({ blocking: false, timeout: 5 })).rejects.toThrow(TypeError);
  await expect(lock.acquire({ timeout: '5' as never })).rejects.toThrow(TypeError);
  await expect(lock.acquire({ timeout: -1 })).rejects.toThrow(RangeError);
  await expect(lock.acquire({ signal: {} as never })).rejects.toThrow(TypeError);
  await expect(lock.acquire({ blocking: 1 as never })).rejects.toThrow(TypeError);
  await expect(lock.withLock(5 as never)).rejects.toThrow(TypeError);
  expect(await client.exists(PATH)).toBeNull();
});
