import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { HarnessError } from '../../src/harness/harness-error.ts';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import { pythonKazoo } from '../support/python.ts';
import { expectRefusal } from './refused.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';

describe.skipIf(await whyNoRealZooKeeper())('a cluster', () => {
  test('elects a leader, and another one when the first is killed', async () => {
    await using cluster = await ZooKeeperCluster.start({ size: 3, observers: 1, reconfig: true });
    expect(cluster.size).toBe(4);
    expect(cluster.connectString.split(',')).toEqual([...cluster].map((server) => server.connectString));
    expect(cluster.secureConnectString).toBeNull();
    expect(await cluster.followers()).toHaveLength(2);
    expect(await cluster.at(-1).mode()).toBe('observer');
    const first = (await cluster.leader())!;
    await first.kill();
    await vi.waitFor(async () => expect(await cluster.leader()).not.toBeNull(), { timeout: 60_000, interval: 200 });
    expect(await cluster.leader()).not.toBe(first);
    await first.start();
    const added = await cluster.addServer();
    expect(cluster.at(4)).toBe(added);
    expect(cluster.memberLine(-1)).toMatch(/^server\.5=127\.0\.0\.1:\d+:\d+:participant;127\.0\.0\.1:\d+$/);
    expect(added.running).toBe(true);
    expect(await cluster.logs(2)).toContain(`== ${added.connectString}`);
    await cluster.stop();
    expect([...cluster].some((server) => server.running)).toBe(false);
  });

  test('takes in a server that was added, which stays in after a restart', async ({ skip }) => {
    const kazoo = await pythonKazoo();
    if (typeof kazoo === 'string') return skip(kazoo);
    // Of super:test, as Kazoo's own harness has it.
    await using cluster = await ZooKeeperCluster.start({
      size: 2,
      reconfig: true,
      superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=',
    });
    const added = await cluster.addServer();
    const script = fileURLToPath(new URL('./reconfigure.py', import.meta.url));
    const [configuration] = await kazoo.run(script, [cluster.connectString, cluster.memberLine(-1)]);
    expect(configuration).toContain(cluster.memberLine(-1));
    await vi.waitFor(async () => expect(await added.mode()).toBe('follower'), { timeout: 60_000, interval: 200 });
    await added.restart();
    expect(await added.mode()).toBe('follower');
  });

  test('serves reads only where it lost its quorum, if it may', async () => {
    await using cluster = await ZooKeeperCluster.start({ readOnlyMode: true });
    await Promise.all([cluster.at(0).kill(), cluster.at(1).kill()]);
    await vi.waitFor(async () => expect(await cluster.at(2).mode()).toBe('read-only'), { timeout: 60_000, interval: 200 });
    expect(await cluster.leader()).toBeNull();
    await cluster.start();
    await vi.waitFor(async () => expect(await cluster.leader()).not.toBeNull(), { timeout: 60_000, interval: 200 });
  });

  test('that is made by its class has its servers from its start on', async () => {
    await using cluster = new ZooKeeperCluster({ size: 2, observers: 1 });
    expect(cluster.size).toBe(3);
    for (const look of [() => cluster.connectString, () => cluster.at(0), () => cluster.servers, () => [...cluster]]) {
      expect(look).toThrow(/no servers before it is started: await start\(\)/);
    }
    expect([await cluster.leader(), await cluster.logs()]).toEqual([null, '']);
    await cluster.start();
    expect(cluster.size).toBe(3);
    expect(await cluster.leader()).not.toBeNull();
  });

  test('of one is a standalone server', async () => {
    await using cluster = await ZooKeeperCluster.start({ size: 1 });
    expect(await cluster.leader()).toBe(cluster.at(0));
    await expect(cluster.addServer()).rejects.toThrow(HarnessError);
    await cluster.restart();
    await cluster.reset();
    await cluster.start();
    await cluster.kill();
    expect(() => cluster.at(7)).toThrow(/has 1 servers, none at 7/);
    expect(() => cluster.memberLine(7)).toThrow(RangeError);
  });

  test('adds a server without waiting for a leader, also where `until` is given as undefined', async () => {
    await using cluster = await ZooKeeperCluster.create({ size: 2, reconfig: true });
    const added = await cluster.addServer({ until: undefined, timeout: 20_000 });
    expect([added.running, await added.command('ruok'), await added.mode()]).toEqual([true, 'imok', null]);
  });

  test('that cannot start leaves nothing running', async () => {
    await expect(ZooKeeperCluster.start({ size: 2, configuration: { tickTime: 'soon' } })).rejects.toThrow(
      /ended before it was serving/,
    );
  });

  test.each([{ size: 0 }, { observers: -1 }, { observers: 'x' }, { tickTime: 0 }, { workingPath: '/tmp' }, 5])(
    'of %j is refused',
    (options) => expectRefusal(ZooKeeperCluster.create(options as never), options),
  );
});
