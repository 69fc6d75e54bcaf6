import { test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import { eventually, workbench } from './workbench.ts';

/** Begins, before the server is made anew; gives what must come about after it. */
type Case = [name: string, begin: (client: KazooClient, other: KazooClient) => Promise<() => unknown>];

const there = (client: KazooClient, path: () => string, data: string) => async (): Promise<boolean> =>
  String((await client.get(path()))[0]) === data;

const CASES: Case[] = [
  [
    'a lock is had by who waited for it',
    async (client, other) => {
      const [held, wanted] = [client.lock('/lock'), other.lock('/lock')];
      await held.acquire();
      const waiting = wanted.acquire();
      await eventually(async () => (await held.contenders()).length === 2);
      return async () => (await waiting) && !held.isAcquired;
    },
  ],
  [
    'so is a lease of a semaphore',
    async (client, other) => {
      const [held, wanted] = [client.semaphore('/pool'), other.semaphore('/pool')];
      await held.acquire();
      const waiting = wanted.acquire();
      await eventually(async () => (await client.getChildren('/pool-__lock__')).length === 1);
      return async () => (await waiting) && !held.isAcquired;
    },
  ],
  [
    'an item of a queue comes to who waits for it',
    async (client, other) => {
      const waiting = other.queue('/queue').get({ timeout: Infinity });
      await eventually(() => client.exists('/queue'));
      return async () => (await client.queue('/queue').put('item'), String(await waiting) === 'item');
    },
  ],
  [
    'so does one of a locking queue',
    async (client, other) => {
      const queue = other.lockingQueue('/jobs');
      const waiting = queue.get({ timeout: Infinity });
      await eventually(() => client.exists('/jobs/taken'));
      return async () => (await client.lockingQueue('/jobs').put('item'), String(await waiting) === 'item' && queue.consume());
    },
  ],
  [
    'a barrier is down',
    async (client, other) => {
      await client.barrier('/barrier').create();
      const waiting = other.barrier('/barrier').wait();
      return () => waiting;
    },
  ],
  [
    'a double barrier opens when all are there',
    async (client, other) => {
      const [one, two] = [client.doubleBarrier('/both', 2), other.doubleBarrier('/both', 2)];
      const waiting = two.enter();
      await eventually(async () => (await client.getChildren('/both')).length === 1);
      return async () => (await Promise.all([one.enter(), waiting]), one.participating && two.participating);
    },
  ],
  [
    'one latch leads, and both are in line',
    async (client, other) => {
      const latches = [client, other].map((each) => each.leaderLatch('/leader'));
      for (const latch of latches) latch.start();
      await eventually(async () => (await client.getChildren('/leader')).length === 2);
      return async () =>
        latches.filter((latch) => latch.isLeader).length === 1 && (await client.getChildren('/leader')).length === 2;
    },
  ],
  [
    'a persistent node is back',
    async (client, other) => {
      const node = other.persistentNode('/node', 'data');
      await node.start();
      return there(client, () => node.path, 'data');
    },
  ],
  [
    'so is a numbered one, under its name',
    async (client, other) => {
      const node = other.persistentNode('/nodes/n-', 'data', { sequence: true });
      await node.start();
      const { path } = node;
      return there(client, () => path, 'data');
    },
  ],
  [
    'and one that is not ephemeral',
    async (client, other) => {
      const node = other.persistentNode('/lasting', 'data', { ephemeral: false });
      await node.start();
      return there(client, () => node.path, 'data');
    },
  ],
  [
    'the members of a group know each other',
    async (client, other) => {
      const members = [client.groupMember('/group', 'one'), other.groupMember('/group', 'two')];
      for (const member of members) await member.start();
      return async () =>
        members.every((member) => member.members().size === 2) && (await client.getChildren('/group')).length === 2;
    },
  ],
  [
    'a service is found',
    async (client, other) => {
      const [discovery, elsewhere] = [other.serviceDiscovery('/services'), client.serviceDiscovery('/services')];
      await discovery.register(makeServiceInstance({ name: 'web', address: '10.0.0.1' }));
      const provider = await elsewhere.provider('web');
      return async () => (await elsewhere.instances('web')).length === 1 && provider.instances().length === 1;
    },
  ],
  [
    'a tree is as it is there, not as it was',
    async (client, other) => {
      await client.create('/tree/old', '', { makepath: true });
      const cache = other.treeCache('/tree');
      await cache.start();
      await cache.whenFresh();
      return async () => {
        await client.create('/tree/new', '', { makepath: true }).catch(() => undefined);
        return cache.fresh && cache.getData('/tree/new') !== null && cache.getData('/tree/old') === null;
      };
    },
  ],
];

test('once a server has begun anew, empty and with lower zxids, everything goes on (CURATOR-724)', async () => {
  const { server, client, connect } = await workbench({ timeout: 2_000 });
  const other = await connect({ timeout: 2_000 });
  for (let i = 0; i < 50; i++) await client.create('/past', '', { sequence: true });
  const begun: [string, () => unknown][] = [];
  for (const [name, begin] of CASES) begun.push([name, await begin(client, other)]);
  const sessions = [client, other].map(({ clientId }) => clientId!.sessionId);
  server.wipe();
  await eventually(() =>
    [client, other].every(({ connected, clientId }) => connected && !sessions.includes(clientId!.sessionId)),
  );
  for (const [name, isSo] of begun)
    await eventually(isSo).catch((cause: unknown) => {
      throw new Error(`not so: ${name}`, { cause });
    });
}, 60_000);
