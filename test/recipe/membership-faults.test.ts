import { describe, expect, test } from 'vitest';
import { KazooException, NoAuthError, NoNodeError } from '../../src/base/errors.ts';
import { rebalance } from '../../src/recipe/ensemble-tracker.ts';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import { altered, eventually, workbench } from './workbench.ts';

const NO_AUTH = -102;

describe('a group member', () => {
  test('without a payload, and others without data, are there with nothing', async () => {
    const { client } = await workbench();
    await client.create('/group/other', null, { makepath: true });
    await using member = new GroupMember(client, '/group', 'me', null);
    await member.start();
    const nothing = Buffer.alloc(0);
    await eventually(() => member.members().size === 2);
    expect(member.members()).toEqual(
      new Map([
        ['other', nothing],
        ['me', nothing],
      ]),
    );
    expect((await client.get('/group/me'))[0]).toBeNull();
  });
});

describe('a leader latch', () => {
  test('names the next in line where the first has gone since the line was read', async () => {
    const { client } = await workbench();
    await client.create('/leader/_c_x-latch-0000000001', 'next', { makepath: true });
    const behind = altered(client, {
      getChildren: async (path: string) => ['_c_y-latch-0000000000', ...(await client.getChildren(path))],
    });
    const latch = new LeaderLatch(behind, '/leader');
    expect(await latch.leader()).toBe('next');
    expect(await latch.participants()).toEqual(['next']);
    const empty = new LeaderLatch(altered(client, { getChildren: () => Promise.resolve(['_c_y-latch-0000000000']) }), '/leader');
    expect(await empty.leader()).toBeNull();
  });

  test('that may not stand says so, and tries again', async () => {
    const { server, client } = await workbench();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    server.faults.fail('create', NO_AUTH);
    await using latch = new LeaderLatch(client, '/leader');
    latch.start();
    await latch.waitForLeadership();
    expect(errors).toEqual([expect.any(NoAuthError)]);
  });

  test('closed while it waits to try again ends at once', async () => {
    const { server, client } = await workbench();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    server.faults.fail('create', NO_AUTH, 1_000);
    const latch = new LeaderLatch(client, '/leader');
    latch.start();
    await eventually(() => errors.length === 1);
    const listeners = client.listenerCount('state');
    await latch.close();
    expect(client.listenerCount('state')).toBe(listeners - 1);
    expect(await client.exists('/leader')).toBeNull();
  });
});

describe('discovery', () => {
  test('skips what is no instance; what may not be read is told', async () => {
    const { server, client } = await workbench();
    await using discovery = new ServiceDiscovery(client, '/services');
    await discovery.register(makeServiceInstance({ name: 'web', id: 'good', port: 80 }));
    const foreign: [string, string | null][] = [
      ['text', 'no JSON'],
      ['list', '[]'],
      ['null', 'null'],
      ['none', null],
    ];
    for (const [id, data] of foreign) await client.create(`/services/web/${id}`, data);
    expect((await discovery.instances('web')).map(({ id }) => id)).toEqual(['good']);
    for (const [id] of foreign) expect(await discovery.instance('web', id)).toBeNull();
    expect(await discovery.instance('web', 'missing')).toBeNull();
    server.faults.fail('getData', NO_AUTH);
    await expect(discovery.instance('web', 'good')).rejects.toBeInstanceOf(NoAuthError);
  });

  test('a registration that may not replace what is there has none', async () => {
    const { server, client } = await workbench();
    await using discovery = new ServiceDiscovery(client, '/services');
    const web = makeServiceInstance({ name: 'web', id: 'one', port: 80 });
    await client.create('/services/web/one', 'theirs', { makepath: true });
    server.faults.fail('delete', NO_AUTH);
    const refused = expect(discovery.register(web)).rejects.toBeInstanceOf(NoAuthError);
    const next = discovery.register({ ...web, port: 81 });
    await refused;
    await next;
    server.faults.fail('delete', NO_AUTH);
    await expect(discovery.register(web)).rejects.toBeInstanceOf(NoAuthError);
    await client.delete('/services/web/one');
    await expect(discovery.update(web)).rejects.toBeInstanceOf(NoNodeError);
  });

  test('a provider whose start is given up is closed', async () => {
    const { client } = await workbench();
    await using discovery = new ServiceDiscovery(client, '/services');
    const listeners = client.listenerCount('state');
    const reason = new Error('enough');
    await expect(discovery.provider('web', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(client.listenerCount('state')).toBe(listeners);
    await discovery.close();
    await expect(discovery.provider('web')).rejects.toBeInstanceOf(KazooException);
  });

  test('a provider gives its instances by id, and tells what a listener of its throws', async () => {
    const { client } = await workbench();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    await using discovery = new ServiceDiscovery(client, '/services');
    for (const id of ['b', 'c', 'a']) await discovery.register(makeServiceInstance({ name: 'web', id, port: 80 }));
    const provider = await discovery.provider('web');
    expect(provider.instances().map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    const mine = new Error('mine');
    provider.on('changed', () => {
      throw mine;
    });
    await discovery.register(makeServiceInstance({ name: 'web', id: 'd', port: 80 }));
    await eventually(() => errors.length > 0);
    expect(errors[0]).toBe(mine);
    expect(provider.instances()).toHaveLength(4);
  });
});

describe('moving within an ensemble', () => {
  const host = (name: string) => ({ host: name, port: 2181 });
  const [a, b, x] = [host('a'), host('b'), host('x')];

  test('to servers that are all known is a free choice among them', () => {
    expect(rebalance({ ...x, address: 'x' }, [a], [a, x], () => 0)).toEqual([a, x]);
    expect(rebalance(null, [a, b], [b, a], () => 0)).toEqual([b, a]);
  });
});

test('withLock hands on the signal of the call that took the lock', async () => {
  const { client } = await workbench();
  const controller = new AbortController();
  const reason = new Error('enough');
  const heard: unknown[] = [];
  await client.lock('/lock').withLock(
    async (signal) => {
      expect(signal.aborted).toBe(false);
      signal.addEventListener('abort', () => void heard.push(signal.reason));
      controller.abort(reason);
      await client.exists('/');
    },
    { signal: controller.signal },
  );
  expect(heard).toEqual([reason]);
  expect(await client.getChildren('/lock')).toEqual([]);
});

test('entering a barrier twice is entering it once; leaving one that somebody removed is leaving it', async () => {
  const { client } = await workbench();
  const barrier = client.doubleBarrier('/barrier', 1);
  await barrier.enter();
  await barrier.enter();
  expect((await client.getChildren('/barrier')).filter((name) => name !== 'ready')).toHaveLength(1);
  await client.delete('/barrier', { recursive: true });
  await barrier.leave();
  expect(barrier.participating).toBe(false);
});
