import { describe, expect, test } from 'vitest';
import { CancelledError, ConfigurationError, ConnectionClosedError, LockTimeout, NoAuthError } from '../../src/base/errors.ts';
import type { OwnedFlags } from '../../src/client/recipe-client.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { Lab, once, until, untilConnected } from './lab.ts';

const PATH = '/pools/one';
const LINE = '/pools/one-__lock__';

describe('leases', () => {
  test('pool, lease and line have Kazoo’s names and data (SE-1, D-33)', async () => {
    const client = await (await Lab.open()).client();
    const semaphore = new Semaphore(client, PATH, { identifier: "it's ü", maxLeases: 2 });
    const lines: string[] = [];
    const createOwned = client.createOwned.bind(client);
    Object.assign(client, {
      createOwned: (path: string, value: string, options: OwnedFlags) => {
        if (path.startsWith(LINE)) lines.push(`${path.slice(LINE.length + 33)} ${value}`);
        return createOwned(path, value, options);
      },
    });
    expect(await semaphore.acquire()).toBe(true);
    expect((await client.get(PATH))[0]?.toString()).toBe('2');
    const [name] = await client.getChildren(PATH);
    expect(name).toMatch(/^[0-9a-f]{32}$/);
    const [data, stat] = await client.get(`${PATH}/${name}`);
    expect(data?.toString()).toBe("it's ü");
    expect(stat.ephemeralOwner).toBe(client.clientId!.sessionId);
    expect(semaphore.fencingToken).toBe(stat.czxid);
    expect(new Set(lines)).toEqual(new Set(['__lock__ b"it\'s \\xc3\\xbc"']));
    expect(await client.getChildren(LINE)).toEqual([]);
    expect(await semaphore.leaseHolders()).toEqual(["it's ü"]);
    expect(await semaphore.release()).toBe(true);
    expect(await semaphore.release()).toBe(false);
    expect(await client.getChildren(PATH)).toEqual([]);
    expect(client.listenerCount('state')).toBe(0);
  });

  test('no more than the leases are given out, and one that is given back goes to who waits', async () => {
    const lab = await Lab.open();
    const clients = await Promise.all([1, 2, 3].map(() => lab.client()));
    const [one, two, three] = clients.map((client) => new Semaphore(client, PATH, { maxLeases: 2 }));
    await one!.acquire();
    await two!.acquire();
    expect(await three!.acquire({ blocking: false })).toBe(false);
    await expect(three!.acquire({ timeout: 50 })).rejects.toThrow(LockTimeout);
    expect(await clients[0]!.getChildren(PATH)).toHaveLength(2);
    await until('the line is empty', async () => (await clients[0]!.getChildren(LINE)).length === 0);
    const wait = three!.acquire();
    await until('it is in line', async () => (await clients[0]!.getChildren(LINE)).length === 1);
    await one!.release();
    expect(await wait).toBe(true);
    await until('the line is empty', async () => (await clients[0]!.getChildren(LINE)).length === 0);
  });

  test('many clients never hold more than the leases (pain-points 45)', async () => {
    const lab = await Lab.open();
    const clients = await Promise.all(Array.from({ length: 5 }, () => lab.client()));
    let [held, most] = [0, 0];
    await Promise.all(
      Array.from({ length: 25 }, (_, index) =>
        new Semaphore(clients[index % 5]!, PATH, { maxLeases: 3 }).withLease(async () => {
          held += 1;
          most = Math.max(most, held);
          await new Promise((resolve) => setTimeout(resolve, 30));
          held -= 1;
        }),
      ),
    );
    expect(most).toBe(3);
    expect(await clients[0]!.getChildren(PATH)).toEqual([]);
  });

  test('every child counts as a lease, whoever made it (SE-5)', async () => {
    const client = await (await Lab.open()).client();
    await client.create(`${PATH}/foreign`, '', { makepath: true });
    await client.set(PATH, '2');
    const [first, second] = [new Semaphore(client, PATH, { maxLeases: 2 }), new Semaphore(client, PATH, { maxLeases: 2 })];
    expect(await first.acquire({ blocking: false })).toBe(true);
    expect(await second.acquire({ blocking: false })).toBe(false);
    const wait = second.acquire();
    await client.delete(`${PATH}/foreign`);
    expect(await wait).toBe(true);
  });

  test('an object that holds waits in process', async () => {
    const client = await (await Lab.open()).client();
    const semaphore = new Semaphore(client, PATH, { maxLeases: 2 });
    await semaphore.acquire();
    expect(await semaphore.acquire({ blocking: false })).toBe(false);
    const again = semaphore.acquire();
    await semaphore.release();
    expect(await again).toBe(true);
  });

  test('a different number of leases is refused; data that is no number is not (SE-2, D-33)', async () => {
    const client = await (await Lab.open()).client();
    await new Semaphore(client, PATH, { maxLeases: 2 }).withLease(async () => undefined);
    await expect(new Semaphore(client, PATH, { maxLeases: 3 }).acquire()).rejects.toThrow(ConfigurationError);
    await client.set(PATH, null);
    expect(await new Semaphore(client, PATH, { maxLeases: 3 }).acquire()).toBe(true);
    await client.set(PATH, 'many');
    expect(await new Semaphore(client, PATH, { maxLeases: 4 }).acquire()).toBe(true);
  });

  test('a pool that has vanished is made again; one that never was has no holders (D-24c)', async () => {
    const client = await (await Lab.open()).client();
    const semaphore = new Semaphore(client, PATH);
    expect(await semaphore.leaseHolders()).toEqual([]);
    await semaphore.withLease(async () => undefined);
    await client.delete('/pools', { recursive: true });
    expect(await semaphore.acquire()).toBe(true);
    expect((await client.get(PATH))[0]?.toString()).toBe('1');
  });
});

describe('trouble', () => {
  test('cancel reaches the head of the line and those behind it (D-17)', async () => {
    const lab = await Lab.open();
    const clients = await Promise.all([1, 2, 3].map(() => lab.client()));
    const [holder, head, next] = clients.map((client) => new Semaphore(client, PATH));
    await holder!.acquire();
    const waits = [head!.acquire(), next!.acquire()];
    await until('both are in line', async () => (await clients[0]!.getChildren(LINE)).length === 2);
    next!.cancel();
    await expect(waits[1]).rejects.toThrow(CancelledError);
    head!.cancel();
    await expect(waits[0]).rejects.toThrow(CancelledError);
    await until('the line is empty', async () => (await clients[0]!.getChildren(LINE)).length === 0);
    expect(await clients[0]!.getChildren(PATH)).toHaveLength(1);
    await holder!.release();
    expect(await head!.acquire()).toBe(true);
  });

  test('an abort at the head of the line leaves neither lease nor contender', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Semaphore(one, PATH);
    await holder.acquire();
    const controller = new AbortController();
    const wait = new Semaphore(two, PATH).acquire({ signal: controller.signal });
    await until('it is in line', async () => (await one.getChildren(LINE)).length === 1);
    controller.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    await until('the line is empty', async () => (await one.getChildren(LINE)).length === 0);
    await holder.release();
    await until('no lease is left', async () => (await one.getChildren(PATH)).length === 0);
    expect(two.listenerCount('state')).toBe(0);
  });

  test('the loss of the session ends the lease and frees it (D-15, pain-points 45)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const semaphore = new Semaphore(one, PATH, { errorPolicy: 'session' });
    await semaphore.acquire();
    const { signal } = semaphore;
    const other = new Semaphore(two, PATH);
    const wait = other.acquire();
    await until('it is in line', async () => (await one.getChildren(LINE)).length === 1);
    await lab.expire(one);
    expect(signal.aborted).toBe(true);
    expect(semaphore.isAcquired).toBe(false);
    expect(await semaphore.release()).toBe(false);
    expect(await wait).toBe(true);
    expect(one.listenerCount('state')).toBe(0);
  });

  test('a waiter that loses its session waits on in a new one', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Semaphore(one, PATH, { errorPolicy: 'session' });
    await holder.acquire();
    const semaphore = new Semaphore(two, PATH);
    const wait = semaphore.acquire();
    await until('it is in line', async () => (await one.getChildren(LINE)).length === 1);
    await lab.expire(two);
    await untilConnected(one);
    await holder.release();
    expect(await wait).toBe(true);
    const [name] = await two.getChildren(PATH);
    expect((await two.get(`${PATH}/${name}`))[1].ephemeralOwner).toBe(two.clientId!.sessionId);
  });

  test('a lease whose reply is lost is found again', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const semaphore = new Semaphore(client, PATH, { maxLeases: 2 });
    await semaphore.withLease(async () => undefined);
    lab.server.faults.cutAfterCommit('create', 2);
    expect(await semaphore.acquire()).toBe(true);
    expect(await client.getChildren(PATH)).toHaveLength(1);
    expect(await client.getChildren(LINE)).toEqual([]);
  });

  test('a refused lease rejects, and leaves nothing', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const semaphore = new Semaphore(client, PATH);
    await semaphore.withLease(async () => undefined);
    const createOwned = client.createOwned.bind(client);
    Object.assign(client, {
      createOwned: (path: string, value: string, options: OwnedFlags) =>
        path.startsWith(`${PATH}/`) ? Promise.reject(new NoAuthError()) : createOwned(path, value, options),
    });
    await expect(semaphore.acquire()).rejects.toThrow(NoAuthError);
    await until('the line is empty', async () => (await client.getChildren(LINE)).length === 0);
    Object.assign(client, { createOwned });
    expect(await semaphore.acquire()).toBe(true);
  });

  test('the pool may vanish while the head of the line waits', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const holder = new Semaphore(one, PATH);
    await holder.acquire();
    const wait = new Semaphore(two, PATH).acquire();
    await until('it is in line', async () => (await one.getChildren(LINE)).length === 1);
    await one.delete(PATH, { recursive: true });
    expect(await wait).toBe(true);
    expect(await holder.release()).toBe(true);
  });

  test('stopping the client ends the wait', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    await new Semaphore(one, PATH).acquire();
    const wait = new Semaphore(two, PATH).acquire();
    await until('it is in line', async () => (await one.getChildren(LINE)).length === 1);
    const refused = expect(wait).rejects.toThrow(ConnectionClosedError);
    await two.stop();
    await refused;
  });

  test('the signal aborts when the connection is lost, and the lease can still be released', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const semaphore = new Semaphore(client, PATH);
    await semaphore.acquire();
    const suspended = once(client, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    expect(semaphore.signal.aborted).toBe(true);
    expect(await semaphore.release()).toBe(true);
    expect(await client.getChildren(PATH)).toEqual([]);
  });
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new Semaphore(client, PATH, { maxLeases: 0 })).toThrow(RangeError);
  expect(() => new Semaphore(client, PATH, { maxLeases: 1.5 })).toThrow(RangeError);
  expect(() => new Semaphore(client, PATH, { maxLeases: '2' as never })).toThrow(TypeError);
  expect(() => new Semaphore(client, PATH, { identifier: 2 as never })).toThrow(TypeError);
  await expect(new Semaphore(client, PATH).acquire({ blocking: false, timeout: 5 })).rejects.toThrow(TypeError);
});
