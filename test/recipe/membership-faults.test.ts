import { describe, expect, onTestFinished, test } from 'vitest';
import { ConnectionClosedError, KazooException, NoAuthError, NoNodeError } from '../../src/base/errors.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { rebalance } from '../../src/recipe/ensemble-tracker.ts';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import { suspend } from '../support/waiting.ts';
import { altered, eventually, pause, stateOf, watchCount, workbench } from './workbench.ts';

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

  test('of what is no instance a provider logs the path, and nothing of the data', async () => {
    const warnings: string[] = [];
    const silent = (): void => undefined;
    const logger = { debug: silent, info: silent, error: silent, warn: (message: string) => void warnings.push(message) };
    const { client } = await workbench({ logger });
    await using discovery = new ServiceDiscovery(client, '/services');
    await client.create('/services/web/text', 'hunter2', { makepath: true });
    await client.create('/services/web/json', JSON.stringify({ name: 'hunter2', id: 'json', port: 'hunter2' }));
    const provider = await discovery.provider('web');
    expect(provider.instances()).toEqual([]);
    expect(warnings.sort()).toEqual([
      '/services/web/json is not a service instance (TypeError)',
      '/services/web/text is not a service instance (SyntaxError)',
    ]);
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

  test('a provider whose start is given up while its watch is being left waits no longer; close() waits until that is gone', async () => {
    const { client } = await workbench();
    const [controller, reason] = [new AbortController(), new Error('enough')];
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const slow = altered(client, {
      watchTree: async (...args: Parameters<KazooClient['watchTree']>) => {
        const handle = await client.watchTree(...args);
        controller.abort(reason);
        await answered;
        return handle;
      },
    });
    const discovery = new ServiceDiscovery(slow, '/services');
    await expect(discovery.provider('web', { signal: controller.signal })).rejects.toBe(reason);
    expect(await watchCount(client)).toBe(1);
    const closing = discovery.close();
    answer();
    await closing;
    expect(await watchCount(client)).toBe(0);
  });

  test('a provider whose start is given up leaves no watch, though the discovery goes on', async () => {
    const { client } = await workbench();
    const [controller, reason] = [new AbortController(), new Error('enough')];
    const late = altered(client, {
      watchTree: async (...args: Parameters<KazooClient['watchTree']>) => {
        const handle = await client.watchTree(...args);
        controller.abort(reason);
        return handle;
      },
    });
    await using discovery = new ServiceDiscovery(late, '/services');
    await expect(discovery.provider('web', { signal: controller.signal })).rejects.toBe(reason);
    await eventually(async () => (await watchCount(client)) === 0);
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

test('what is closed in an outage is gone once that is over', async () => {
  const { server, client } = await workbench();
  const [node, member, latch] = [
    new PersistentNode(client, '/nodes/node'),
    new GroupMember(client, '/nodes', 'member'),
    new LeaderLatch(client, '/nodes'),
  ];
  latch.start();
  await Promise.all([node.start(), member.start(), latch.waitForLeadership()]);
  const session = client.clientId!.sessionId;
  await suspend(server, client);
  let closed = 0;
  const closings = [node, member, latch].map(async (each) => {
    await each.close();
    closed += 1;
  });
  await pause(50);
  expect(closed).toBe(0);
  server.refuseConnections(false);
  await Promise.all(closings);
  expect(client.clientId!.sessionId).toBe(session);
  expect(await client.getChildren('/nodes')).toEqual([]);
});

describe('the end of the client ends the wait', () => {
  const waits: [string, (client: KazooClient) => { start: () => Promise<unknown>; close: () => Promise<void> }][] = [
    ['for a persistent node', (client) => new PersistentNode(client, '/node')],
    ['for a group', (client) => new GroupMember(client, '/group', 'me')],
    [
      'for a provider',
      (client) => {
        const discovery = new ServiceDiscovery(client, '/services');
        return { start: () => discovery.provider('web'), close: () => discovery.close() };
      },
    ],
    [
      'for leadership',
      (client) => {
        const latch = new LeaderLatch(client, '/leader');
        return { start: () => (latch.start(), latch.waitForLeadership()), close: () => latch.close() };
      },
    ],
  ];

  describe.each(waits)('%s', (_, make) => {
    const listeners = (client: KazooClient): number => client.listenerCount('state');

    test('that has begun in an outage', async () => {
      const { server, client } = await workbench();
      const before = listeners(client);
      const waiting = make(client);
      await suspend(server, client);
      const refused = expect(waiting.start()).rejects.toBeInstanceOf(ConnectionClosedError);
      await client.stop();
      await refused;
      await waiting.close();
      expect(listeners(client)).toBe(before);
    });

    test('for the removal of what was closed in an outage', async () => {
      const { server, client } = await workbench();
      const before = listeners(client);
      const waiting = make(client);
      await waiting.start();
      await suspend(server, client);
      const closing = waiting.close();
      await pause(50);
      await client.stop();
      await closing;
      expect(listeners(client)).toBe(before);
    });

    test('that has begun after it', async () => {
      const { client } = await workbench();
      await client.stop();
      const waiting = make(client);
      await expect(waiting.start()).rejects.toBeInstanceOf(ConnectionClosedError);
      await waiting.close();
      expect(listeners(client)).toBe(0);
    });

    test('that is under way', async () => {
      const { server, client, connect } = await workbench({ timeout: 1_000 });
      const other = await connect();
      other.on('error', () => undefined);
      await other.create('/node', 'theirs');
      await other.create('/leader/_c_x-latch-0000000000', 'theirs', { makepath: true });
      const before = listeners(client);
      client.on('error', () => undefined);
      const waiting = make(client);
      for (const op of ['getData', 'getChildren', 'multiRead'] as const) server.faults.dropReply(op, 100);
      const refused = expect(waiting.start()).rejects.toBeInstanceOf(ConnectionClosedError);
      await pause(50);
      await client.stop();
      await refused;
      await waiting.close();
      expect(listeners(client)).toBe(before);
    });
  });

  describe('that has begun before the client is started,', () => {
    const unstarted = async (options: KazooClientOptions = {}) => {
      const { server } = await workbench();
      const client = new KazooClient({ hosts: server.connectString, ...options });
      onTestFinished(() => client.stop());
      const [node, latch] = [new PersistentNode(client, '/node'), new LeaderLatch(client, '/leader')];
      const watch = client.dataWatch('/node', () => undefined);
      latch.start();
      const begun = [node.start(), latch.waitForLeadership(), watch.ready];
      const end = async (): Promise<void> => {
        watch.stop();
        await Promise.all([node.close(), latch.close()]);
        expect(listeners(client)).toBe(0);
      };
      return { server, client, begun, end };
    };
    const listeners = (client: KazooClient): number => client.listenerCount('state');
    const closed = { status: 'rejected', reason: expect.any(ConnectionClosedError) as unknown };
    const ends: [string, KazooClientOptions, (client: KazooClient) => Promise<unknown>][] = [
      ['its start fails', {}, (client) => client.start({ timeout: 200 }).catch(() => undefined)],
      ['it gives up', { connectionRetry: { maxTries: 1 } }, (client) => client.start().catch(() => undefined)],
      ['it is stopped', {}, (client) => client.stop()],
    ];

    test.each(ends)('when %s', async (_, options, stop) => {
      const { server, client, begun, end } = await unstarted(options);
      server.refuseConnections(true);
      const outcomes = Promise.allSettled(begun);
      await stop(client);
      expect(await outcomes).toEqual([closed, closed, closed]);
      await end();
    });

    test('but not while its start goes on, nor when a session that came is lost', async () => {
      const { server, client, begun, end } = await unstarted();
      server.faults.dropReply('exists', 3);
      server.refuseConnections(true);
      const started = client.start({ timeout: 20_000 });
      await new Promise((resolve) => client.once('connectFailed', resolve));
      server.refuseConnections(false);
      await started;
      const lost = stateOf(client, 'LOST');
      server.expireSession(client.clientId!.sessionId);
      await lost;
      await Promise.all(begun);
      await end();
    });
  });

  test('but not for leadership that is sought before the client is started', async () => {
    const { server } = await workbench();
    await using client = new KazooClient(server.connectString);
    await using latch = new LeaderLatch(client, '/leader');
    latch.start();
    const waiting = latch.waitForLeadership();
    await pause(20);
    await client.start();
    expect(await waiting).toBe(true);
  });

  test('for a leadership that a latch was not yet told to seek', async () => {
    const { client } = await workbench();
    const before = client.listenerCount('state');
    const refused = expect(new LeaderLatch(client, '/leader').waitForLeadership()).rejects.toBeInstanceOf(ConnectionClosedError);
    await client.stop();
    await refused;
    expect(client.listenerCount('state')).toBe(before);
  });
});

test('the end of the discovery, or of the member, ends the wait for its loading', async () => {
  const { server, client } = await workbench();
  const discovery = new ServiceDiscovery(client, '/services');
  const member = new GroupMember(client, '/group', 'me');
  const before = client.listenerCount('state');
  await suspend(server, client);
  const refused = [discovery.provider('web'), member.start()].map((wait) => expect(wait).rejects.toThrow('closed'));
  const closing = [discovery.close(), member.close()];
  await Promise.all(refused);
  server.refuseConnections(false);
  await Promise.all(closing);
  expect(client.listenerCount('state')).toBe(before);
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
