import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BadVersionError, NewConfigNoQuorumError, NoAuthError } from '../../src/base/errors.ts';
import type { WatchedEvent } from '../../src/base/states.ts';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';

const SUPER = 'super:secret';
const PATIENT = { timeout: 60_000, interval: 200 };

/** `version=…` of a configuration: what `fromConfig` is compared with. */
function versionOf(configuration: Buffer): number {
  return Number.parseInt(/^version=([0-9a-f]+)$/m.exec(configuration.toString())![1]!, 16);
}

function membersOf(configuration: Buffer): string[] {
  return configuration.toString().match(/^server\.\d+=.*$/gm) ?? [];
}

describe.skipIf(await whyNoRealZooKeeper())('an ensemble is reconfigured', () => {
  let cluster: ZooKeeperCluster;
  let client: KazooClient;

  beforeAll(async () => {
    const superDigest = `super:${createHash('sha1').update(SUPER).digest('base64')}`;
    cluster = await ZooKeeperCluster.start({ size: 2, reconfig: true, superDigest });
    client = new KazooClient({ hosts: `${cluster.connectString}/chroot`, authData: [['digest', SUPER]] });
    await client.start({ timeout: 60_000 });
  });
  afterAll(async () => {
    await client?.stop();
    await cluster?.destroy();
  });

  test('an observer joins and leaves, and a watch of the configuration tells of both', async () => {
    const [before, stat] = await client.getConfig();
    expect(membersOf(before)).toEqual([cluster.memberLine(0), cluster.memberLine(1)]);
    expect(stat.dataLength).toBe(before.length);

    const events: WatchedEvent[] = [];
    await client.getConfig({ watch: (event) => void events.push(event) });
    const observer = await cluster.addServer({ role: 'observer' });
    const [joined, joinedStat] = await client.reconfig({ joining: cluster.memberLine(-1), fromConfig: versionOf(before) });
    expect(membersOf(joined)).toContain(cluster.memberLine(-1));
    expect(versionOf(joined)).toBeGreaterThan(versionOf(before));
    expect(joinedStat.dataLength).toBe(joined.length);
    await vi.waitFor(() => expect(events).toEqual([{ type: 'CHANGED', state: 'CONNECTED', path: '/zookeeper/config' }]), PATIENT);
    await vi.waitFor(async () => expect(await observer.mode()).toBe('observer'), PATIENT);
    await vi.waitFor(async () => expect((await client.getConfig())[0]).toEqual(joined), PATIENT);

    const through = await new KazooClient(observer.connectString).start({ timeout: 60_000 });
    await through.create('/by-the-observer', 'x');
    await through.stop();

    await client.getConfig({ watch: (event) => void events.push(event) });
    const [left] = await client.reconfig({ leaving: '3', fromConfig: versionOf(joined) });
    expect(membersOf(left)).toEqual(membersOf(before));
    await vi.waitFor(() => expect(events).toHaveLength(2), PATIENT);
  });

  test('as a whole, by its new members', async () => {
    const members = [cluster.memberLine(0), cluster.memberLine(1)];
    const [now] = await client.reconfig({ newMembers: members.join(',') });
    expect(membersOf(now)).toEqual(members);
  });

  test('not from another version than the one expected', async () => {
    const [now] = await client.getConfig();
    const refused = client.reconfig({ leaving: '2', fromConfig: versionOf(now) + 1 });
    await expect(refused).rejects.toThrow(BadVersionError);
    expect(membersOf((await client.getConfig())[0])).toEqual(membersOf(now));
  });

  test('not by anyone who may not', async () => {
    const stranger = await new KazooClient(cluster.connectString).start();
    const refused = stranger.reconfig({ leaving: '2' });
    await expect(refused).rejects.toThrow(NoAuthError);
    // The node whose ACL decides, whatever the chroot.
    await expect(refused).rejects.toMatchObject({ operation: 'reconfig', path: '/zookeeper/config' });
    expect(membersOf((await stranger.getConfig())[0])).toHaveLength(2);
    await stranger.stop();
  });

  test('not into one that has no quorum', async () => {
    const nobody = 'server.9=127.0.0.1:1:2:participant;127.0.0.1:3';
    await expect(client.reconfig({ newMembers: `${cluster.memberLine(0)},${nobody}` })).rejects.toThrow(NewConfigNoQuorumError);
  });
});
