import { expect, test } from 'vitest';
import { ACL, ANYONE_ID_UNSAFE, OPEN_ACL_UNSAFE, Permissions } from '../../src/base/security.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { Semaphore } from '../../src/recipe/semaphore.ts';
import { eventually, expire, pause, stateOf, workbench } from './workbench.ts';

const LEASES = 3;
const CONTENDERS = 50;
const ROUNDS = 4;

test(
  'fifty who lease, some without waiting, over lost connections and sessions: never more than the leases (pain-points 45)',
  { timeout: 120_000 },
  async () => {
    const { server, client, connect } = await workbench();
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect({ timeout: 2_000 })));
    // Those whose signal has not aborted: what they do must not go on beside what more than the others may do.
    const holders = new Set<AbortSignal>();
    let most = 0;
    let served = 0;
    const work = async (signal: AbortSignal): Promise<void> => {
      if (signal.aborted) return;
      holders.add(signal);
      signal.addEventListener('abort', () => holders.delete(signal), { once: true });
      most = Math.max(most, holders.size);
      served += 1;
      await pause(Math.random() * 4);
      most = Math.max(most, holders.size);
      holders.delete(signal);
    };
    const contend = async (semaphore: Semaphore, index: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        if (index % 5 !== 0) await semaphore.withLease(work);
        else if (await semaphore.acquire({ blocking: false })) {
          await work(semaphore.signal);
          await semaphore.release();
        } else await pause(2);
      }
    };
    const all = Promise.all(
      Array.from({ length: CONTENDERS }, (_, index) =>
        contend(clients[index % 10]!.semaphore('/pool', { maxLeases: LEASES, identifier: String(index) }), index),
      ),
    );
    let over = false;
    const faults = trouble(clients, server, () => over);
    await all;
    over = true;
    await faults;
    expect(most).toBeLessThanOrEqual(LEASES);
    expect(most).toBeGreaterThan(1);
    expect(served).toBeGreaterThanOrEqual(CONTENDERS * ROUNDS * 0.5);
    await eventually(
      async () => (await client.getChildren('/pool')).length === 0 && (await client.getChildren('/pool-__lock__')).length === 0,
    );
    for (const one of clients) expect(one.listenerCount('state')).toBe(0);
  },
);

test('a connection that is lost just when the lease is there costs no place in the line', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const [first, second] = [
    client.semaphore('/pool', { identifier: 'first' }),
    other.semaphore('/pool', { identifier: 'second' }),
  ];
  const original = client.createOwned.bind(client);
  const leases: string[] = [];
  client.createOwned = async (path, ...rest) => {
    const birth = await original(path, ...rest);
    if (!path.startsWith('/pool/')) return birth;
    leases.push(birth.path);
    // The other stands in line behind us by now, and the reply is heard of without a connection.
    queued = second.acquire();
    await eventually(async () => (await other.getChildren('/pool-__lock__')).length === 2);
    const suspended = stateOf(client, 'SUSPENDED');
    client.dropConnection();
    await suspended;
    return birth;
  };
  let queued: Promise<boolean> | undefined;
  await first.acquire();
  expect(leases).toHaveLength(1);
  expect(await client.getChildren('/pool')).toEqual([leases[0]!.slice('/pool/'.length)]);
  expect(second.isAcquired).toBe(false);
  await first.release();
  expect(await queued).toBe(true);
});

test('a lease that somebody removed while the connection was lost is taken anew', async () => {
  const { client, connect } = await workbench();
  const other = await connect();
  const semaphore = client.semaphore('/pool');
  const original = client.createOwned.bind(client);
  let removed = false;
  client.createOwned = async (path, ...rest) => {
    const birth = await original(path, ...rest);
    if (removed || !path.startsWith('/pool/')) return birth;
    removed = true;
    await other.delete(birth.path);
    const suspended = stateOf(client, 'SUSPENDED');
    client.dropConnection();
    await suspended;
    return birth;
  };
  await semaphore.acquire();
  expect(await other.getChildren('/pool')).toHaveLength(1);
});

test('an abort while the head of the line is being left gives the lease back', async () => {
  const { client } = await workbench();
  const [controller, reason] = [new AbortController(), new Error('enough')];
  const original = client.delete.bind(client);
  let letGo = (): void => undefined;
  const mayGo = new Promise<void>((resolve) => (letGo = resolve));
  client.delete = async (path, options) => {
    if (!path.startsWith('/pool-__lock__/')) return original(path, options);
    controller.abort(reason);
    await mayGo;
    return original(path, options);
  };
  const semaphore = client.semaphore('/pool');
  await expect(semaphore.acquire({ signal: controller.signal })).rejects.toBe(reason);
  letGo();
  await eventually(async () => (await client.getChildren('/pool')).length === 0);
  await eventually(async () => (await client.getChildren('/pool-__lock__')).length === 0);
  expect(semaphore.isAcquired).toBe(false);
});

const KEPT = [new ACL(Permissions.ALL & ~Permissions.DELETE, ANYONE_ID_UNSAFE)];

test('who may not leave the line gets no lease, but the error: it keeps everybody else out', async () => {
  const { client } = await workbench();
  await client.create('/pool-__lock__', '', { acl: KEPT });
  const semaphore = client.semaphore('/pool', { maxLeases: 2 });
  const refusal = { name: 'NoAuthError', operation: 'delete' };
  await expect(semaphore.acquire()).rejects.toMatchObject(refusal);
  expect(semaphore.isAcquired).toBe(false);
  await eventually(async () => (await client.getChildren('/pool')).length === 0);
  await expect(semaphore.acquire()).rejects.toMatchObject(refusal);
  await client.setAcls('/pool-__lock__', OPEN_ACL_UNSAFE);
  expect(await semaphore.acquire()).toBe(true);
  expect(await client.getChildren('/pool-__lock__')).toEqual([]);
});

test.each([
  ['that gives up at the head of the line', /^\/pool$/],
  ['that gives up while it leaves the line', /^\/pool-__lock__\//],
])('who may not leave the line is reported for an acquire %s', async (_, gaveUpAt) => {
  const { client } = await workbench();
  await client.create('/pool-__lock__', '', { acl: KEPT });
  await client.create('/pool', '1');
  const [controller, reason] = [new AbortController(), new Error('enough')];
  const errors: Error[] = [];
  client.on('error', (error) => errors.push(error));
  const giveUp = (path: string): void => (gaveUpAt.test(path) ? controller.abort(reason) : undefined);
  const [originalDelete, originalChildren] = [client.delete.bind(client), client.getChildren.bind(client)];
  client.delete = (path, options) => (giveUp(path), originalDelete(path, options));
  client.getChildren = ((path: string, options: never) => (
    giveUp(path),
    originalChildren(path, options)
  )) as typeof client.getChildren;
  await expect(client.semaphore('/pool').acquire({ signal: controller.signal })).rejects.toBe(reason);
  await eventually(() => Promise.resolve(errors.length === 1));
  expect(errors[0]).toMatchObject({ name: 'NoAuthError', operation: 'delete' });
});

test('a lease that came to be in another session than its place in the line is not kept', async () => {
  const { server, client } = await workbench();
  const original = client.createOwned.bind(client);
  let leases = 0;
  client.createOwned = async (path, ...rest) => {
    if (path.startsWith('/pool/') && leases++ === 0) await expire(server, client);
    return original(path, ...rest);
  };
  const semaphore = client.semaphore('/pool');
  // Were it kept, there would be no room for another.
  expect(await semaphore.acquire({ timeout: 20_000 })).toBe(true);
  expect(leases).toBe(2);
  expect(await client.getChildren('/pool')).toHaveLength(1);
});

async function trouble(
  clients: readonly KazooClient[],
  server: { expireSession(sessionId: bigint): void; dropConnections(): void },
  isOver: () => boolean,
): Promise<void> {
  for (let turn = 0; !isOver(); turn++) {
    const unlucky = clients[turn % clients.length]!;
    const { clientId } = unlucky;
    if (turn % 7 === 6) server.dropConnections();
    else unlucky.dropConnection();
    // No server ends a session of whose connection it has just heard: by then the client knows that something is wrong.
    await pause(1);
    if (turn % 3 === 2 && clientId !== null) server.expireSession(clientId.sessionId);
    await pause(30);
  }
}
