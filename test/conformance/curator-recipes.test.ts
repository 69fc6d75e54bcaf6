import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { EnsembleTracker } from '../../src/recipe/ensemble-tracker.ts';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import { embedded, real, specIn, SUPER, until, type Ground, type Site, type Spec, type World } from './client/world.ts';

// The recipes after Curator's, the same on every server: the oldest line that has all they need, and the newest.
for (const site of [embedded('3.5'), embedded('3.9'), await real()]) specifyRecipes(site);

function specifyRecipes({ name, version, start }: Site): void {
  describe.skipIf(version === null)(`recipes after Curator's on the ${name} server ${version?.join('.') ?? ''}`, () => {
    let ground: Ground;
    beforeAll(async () => {
      ground = await start();
    });
    afterAll(() => ground?.close());
    describe.each([false, true])('chroot: %s', (chrooted) => {
      const spec = specIn(() => ground, version ?? [], chrooted);
      specifyLatch(spec);
      specifyPersistentNode(spec);
      specifyGroup(spec);
      specifyDiscovery(spec);
      specifyTracker(spec);
    });
  });
}

function specifyLatch(spec: Spec): void {
  spec('latches: one leads at a time, in the order of their coming, whatever becomes of sessions', async (world) => {
    const clients = [world.client, await world.connect(), await world.connect()];
    const latches = clients.map((client, place) => new LeaderLatch(client, world.at('latch'), { identifier: String(place) }));
    for (const [place, latch] of latches.entries()) {
      latch.start();
      await until(async () => (await latch.participants()).length === place + 1);
    }
    await latches[0]!.waitForLeadership();
    expect(latches.map((latch) => latch.isLeader)).toEqual([true, false, false]);
    await endSession(world, clients[0]!);
    await latches[1]!.waitForLeadership();
    await until(async () => (await latches[1]!.participants()).length === 3);
    expect(await latches[1]!.participants()).toEqual(['1', '2', '0']);
    await latches[1]!.close();
    await latches[2]!.waitForLeadership();
    await clients[2]!.stop();
    await latches[0]!.waitForLeadership();
    expect(await world.client.getChildren(world.at('latch'))).toEqual([latches[0]!.node]);
    await latches[2]!.close();
    await latches[0]!.close();
    expect(await world.client.getChildren(world.at('latch'))).toEqual([]);
  });

  spec('a latch leads again after a mere reconnect, with the same node', async (world) => {
    const { client, proxy } = await world.proxied();
    const latch = new LeaderLatch(client, world.at('latch'));
    const told: string[] = [];
    latch.on('leader', () => void told.push('leader')).on('notLeader', () => void told.push('notLeader'));
    latch.start();
    await latch.waitForLeadership();
    const { node } = latch;
    proxy.cut();
    await until(() => told.length === 3);
    expect([told, latch.node]).toEqual([['leader', 'notLeader', 'leader'], node]);
    await latch.close();
  });
}

function specifyPersistentNode(spec: Spec): void {
  spec('a persistent node is back after a lost session and a deletion, and gone once closed', async (world) => {
    const { client } = world;
    const other = await world.connect();
    const node = new PersistentNode(client, world.at('deep/node'), 'data');
    await node.start();
    await other.delete(node.path);
    await until(async () => (await other.exists(node.path)) !== null);
    await endSession(world, client);
    await until(async () => (await other.exists(node.path))?.ephemeralOwner === client.clientId?.sessionId && client.connected);
    await node.setData('new');
    expect((await other.get(node.path))[0]!.toString()).toBe('new');
    await node.close();
    expect(await other.getChildren(world.at('deep'))).toEqual([]);
  });

  spec('one that is numbered keeps its number', async (world) => {
    const node = new PersistentNode(world.client, world.at('deep/n-'), 'data', { sequence: true });
    await node.start();
    expect(node.path).toBe(world.at('deep/n-0000000000'));
    await endSession(world, world.client);
    await until(() => node.isThere);
    expect(await world.client.getChildren(world.at('deep'))).toEqual(['n-0000000000']);
    await node.close();
    expect(await world.client.getChildren(world.at('deep'))).toEqual([]);
  });

  spec('a stranger’s node is reported and stays; ours is made when it has gone', async (world) => {
    const stranger = await world.connect();
    await stranger.create(world.at('node'), 'theirs', { ephemeral: true });
    const reported: bigint[] = [];
    const onConflict = (_: Error, { ephemeralOwner }: { ephemeralOwner: bigint }): void => void reported.push(ephemeralOwner);
    const node = new PersistentNode(world.client, world.at('node'), 'ours', { onConflict });
    const starting = node.start();
    await until(() => reported.length > 0);
    expect(reported).toEqual([stranger.clientId!.sessionId]);
    await stranger.stop();
    await starting;
    expect((await world.client.get(world.at('node')))[0]!.toString()).toBe('ours');
    await node.close();
  });
}

function specifyGroup(spec: Spec): void {
  spec('members know each other through lost sessions', async (world) => {
    const other = await world.connect();
    const [one, two] = [new GroupMember(world.client, world.at('g'), '1', 'a'), new GroupMember(other, world.at('g'), '2', 'b')];
    await Promise.all([one.start(), two.start()]);
    const text = (member: GroupMember): string => [...member.members()].map((pair) => pair.join('=')).join();
    await until(() => text(one) === '1=a,2=b' || text(one) === '2=b,1=a');
    await endSession(world, other);
    await two.setPayload('c');
    await until(() => one.members().get('2')?.toString() === 'c');
    await two.close();
    await until(() => text(one) === '1=a');
    await one.close();
  });
}

function specifyDiscovery(spec: Spec): void {
  for (const serviceType of ['DYNAMIC', 'DYNAMIC_SEQUENTIAL', 'STATIC', 'PERMANENT'] as const)
    spec(`services: ${serviceType}`, async (world) => {
      const discovery = new ServiceDiscovery(world.client, world.at('services'));
      const seeker = new ServiceDiscovery(await world.connect(), world.at('services'));
      const provider = await seeker.provider('web');
      const web = makeServiceInstance({ name: 'web', id: 'one', port: 80, payload: { '@class': 'a.B' }, serviceType });
      await discovery.register(web);
      await until(() => provider.instances().length === 1);
      expect([await seeker.names(), await seeker.instances('web'), provider.next()]).toEqual([['web'], [web], web]);
      await endSession(world, world.client);
      await discovery.update({ ...web, port: 81 });
      await until(() => provider.next()?.port === 81);
      await discovery.close();
      if (!serviceType.startsWith('DYNAMIC')) await seeker.unregister(web);
      await until(() => provider.instances().length === 0);
      await seeker.close();
    });
}

function specifyTracker(spec: Spec): void {
  spec(
    'a client follows the configuration',
    async (world) => {
      const { client } = world;
      const tracker = new EnsembleTracker(client, { random: () => 0.99 });
      await tracker.start();
      const before = client.hosts;
      expect(before).toHaveLength(1);
      const admin = await world.outside({ authData: [['digest', SUPER]] });
      const [configuration] = await admin.getConfig();
      const { port } = before[0]!;
      await admin.set(
        '/zookeeper/config',
        `server.1=127.0.0.1:1:2;${port}\nserver.2=[::]:1:2;${port}\nserver.3=localhost:1:2;${port}\nversion=1`,
      );
      await until(() => client.hosts.length === 2);
      expect(client.hosts.map(({ host }) => host)).toEqual(['127.0.0.1', 'localhost']);
      tracker.stop();
      await admin.set('/zookeeper/config', configuration);
    },
    'configuration',
  );
}

/** Ends a client's session behind its back, as an expiry does, and waits until the client has another. */
async function endSession(world: World, client: KazooClient): Promise<void> {
  const { sessionId, password } = client.clientId!;
  let lost = false;
  client.once('lost', () => (lost = true));
  while (!lost) {
    // Without the chroot, which would have to be looked at: the two take the session from each other meanwhile.
    const thief = await world.outside({ clientId: { sessionId, password } });
    await thief.stop();
    await Promise.race([until(() => lost), new Promise((resolve) => setTimeout(resolve, 1_000))]);
  }
  await until(() => client.connected);
}
