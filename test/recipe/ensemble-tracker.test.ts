import { describe, expect, onTestFinished, test } from 'vitest';
import { ConnectionClosedError, OperationTimeoutError } from '../../src/base/errors.ts';
import type { ReadOptions } from '../../src/client/call-options.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import { parseEnsemble, rebalance, EnsembleTracker } from '../../src/recipe/ensemble-tracker.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { suspend } from '../support/waiting.ts';
import { altered, eventually, stateOf, watchCount, workbench } from './workbench.ts';

const host = (name: string) => ({ host: name, port: 2181 });

describe('reading the configuration', () => {
  test('client addresses, with the member itself standing in for a wildcard or a missing one', () => {
    const text = [
      'server.1=zk1:2888:3888:participant;10.0.0.1:2181',
      'server.2=zk2:2888:3888:participant;0.0.0.0:2182',
      'server.3=zk3:2888:3888:observer;2183',
      'server.4=[2001:db8::4]:2888:3888:participant;[::]:2184',
      'version=1f',
    ].join('\n');
    expect(parseEnsemble(text)).toEqual({
      hosts: [
        { host: '10.0.0.1', port: 2181 },
        { host: 'zk2', port: 2182 },
        { host: 'zk3', port: 2183 },
        { host: '2001:db8::4', port: 2184 },
      ],
      version: 0x1fn,
    });
  });

  test('a member that is all wildcards, or has no client port, is left out', () => {
    const text = 'server.1=0.0.0.0:2888:3888:participant;0.0.0.0:2181\nserver.2=zk2:2888:3888:participant\nversion=0';
    expect(parseEnsemble(text).hosts).toEqual([]);
  });

  test('several addresses of one member, weights and groups', () => {
    const text = [
      'server.1=zk1:2888:3888|zk1b:2888:3888:participant;[0:0:0:0:0:0:0:0]:2181',
      'server.2=[::]:2888:3888:participant;[::0]:2181',
      'server.3=[2001:db8::3]:2888:3888:observer;0.0.0.0:2181',
      'group.1=1:2:3',
      'weight.1=1',
      'version=100000000',
    ].join('\n');
    expect(parseEnsemble(text)).toEqual({ hosts: [host('zk1'), host('2001:db8::3')], version: 1n << 32n });
  });

  test('nothing at all, as a standalone server has it', () => {
    expect(parseEnsemble('')).toEqual({ hosts: [], version: -1n });
  });
});

describe('moving within an ensemble that changes', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(host) as [
    ReturnType<typeof host>,
    ReturnType<typeof host>,
    ReturnType<typeof host>,
    ReturnType<typeof host>,
  ];

  test('a growing ensemble draws its share to the new servers', () => {
    expect(rebalance(a, [a, b], [a, b, c, d], () => 0.49)).toEqual([c, d]);
    expect(rebalance(a, [a, b], [a, b, c, d], () => 0.51)).toBeNull();
  });

  test('a client whose server has gone from a growing ensemble goes to a new one', () => {
    expect(rebalance(a, [a, b], [b, c, d], () => 0.99)).toEqual([c, d]);
  });

  test('a shrinking ensemble keeps whoever can stay', () => {
    expect(rebalance(a, [a, b, c], [a, b], () => 0)).toBeNull();
    expect(rebalance(c, [a, b, c], [a, b], () => 0.5)).toEqual([a, b]);
  });

  test('one of the same size spreads those who must go', () => {
    expect(rebalance(a, [a, b], [b, c], () => 0.5)).toEqual([c]);
  });
});

describe('the spread of many clients, each moving by the rule', () => {
  const cases: [title: string, old: string, next: string][] = [
    ['two join three', 'abc', 'abcde'],
    ['two leave five', 'abcde', 'abc'],
    ['one is replaced', 'abc', 'abd'],
    ['all are replaced', 'abc', 'def'],
    ['one leaves while two join', 'abc', 'bcde'],
    ['three leave while one joins', 'abcde', 'abf'],
    ['two of seven are replaced, one leaves', 'abcdefg', 'abcdhi'],
    ['nothing changes', 'abc', 'cab'],
  ];

  test.each(cases)('%s: every server has its share, and nobody moves without need', (_, before, after) => {
    const random = seeded(20);
    const [old, next] = [Array.from(before, host), Array.from(after, host)];
    const load = new Map<string, number>();
    let moved = 0;
    const clients = 60_000;
    for (let client = 0; client < clients; client++) {
      const current = old[client % old.length]!;
      const among = rebalance(current, old, next, random);
      const chosen = among === null ? current : among[Math.floor(random() * among.length)]!;
      if (among !== null) moved += 1;
      load.set(chosen.host, (load.get(chosen.host) ?? 0) + 1);
    }
    const share = clients / next.length;
    expect([...load.keys()].sort()).toEqual(Array.from(after).sort());
    // Six deviations: the generator is seeded, so this is no matter of luck.
    for (const [name, count] of load) expect(Math.abs(count - share), name).toBeLessThan(6 * Math.sqrt(share));
    const added = next.filter((one) => !before.includes(one.host)).length;
    const gone = old.filter((one) => !after.includes(one.host)).length;
    const need = Math.max((added * share) / clients, gone / before.length);
    expect(moved / clients).toBeCloseTo(need, 1.5);
  });

  test('a server is known by its address where it has another name in the list', () => {
    const known = { host: 'zookeeper', port: 2181, address: '10.0.0.1' };
    const list = ['10.0.0.1', '10.0.0.2'].map(host);
    expect(rebalance(known, [host('zookeeper'), host('other')], list, () => 0)).toBeNull();
    expect(rebalance({ ...known, port: 2182 }, [host('zookeeper'), host('other')], list, () => 0)).toEqual(list);
    expect(rebalance(known, [host('zookeeper')], list, () => 0.6)).toBeNull();
    expect(rebalance(known, [host('zookeeper')], list, () => 0.4)).toEqual([host('10.0.0.2')]);
  });
});

/** Numbers in [0, 1), the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SUPER = { authData: [['digest', 'super:admin']] as [string, string][] };

describe('on a server whose configuration is written by hand', () => {
  async function tracked(options: KazooClientOptions = {}, random = 0) {
    const bench = await workbench({ ...SUPER, ...options }, { superDigest: 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=' });
    const admin = await bench.connect(SUPER);
    const tracker = new EnsembleTracker(bench.client, { random: () => random });
    onTestFinished(() => tracker.stop());
    let version = 1;
    const write = async (...members: string[]): Promise<void> => {
      const lines = members.map((member, place) => `server.${place + 1}=${member}`);
      await admin.set('/zookeeper/config', [...lines, `version=${(version++).toString(16)}`].join('\n'));
    };
    const { port } = bench.server;
    return { ...bench, admin, tracker, write, port, here: { host: '127.0.0.1', port } };
  }

  test('a client follows it to a server it was not told of, in the same session', async () => {
    const { client, tracker, write, port, here } = await tracked();
    await tracker.start();
    const session = client.clientId!.sessionId;
    const back = stateOf(client, 'CONNECTED');
    await write(`127.0.0.1:2888:3888:participant;${port}`, `localhost:2889:3889:participant;${port}`);
    await back;
    expect(client.server).toMatchObject({ host: 'localhost', port });
    expect(client.clientId!.sessionId).toBe(session);
    await eventually(() => client.hosts.length === 2);
    expect(client.hosts).toEqual([here, { host: 'localhost', port }]);
  });

  test('a client whose server stays in the list is not disturbed', async () => {
    const { client, tracker, write, port, here } = await tracked({}, 0.99);
    await tracker.start();
    const states: string[] = [];
    client.on('state', (state) => void states.push(state));
    await write(`127.0.0.1:2888:3888:participant;${port}`, `away.invalid:2888:3888:participant;${port}`);
    await eventually(() => client.hosts.length === 2);
    await write(`127.0.0.1:2888:3888:participant;${port}`);
    await eventually(() => client.hosts.length === 1);
    expect([client.hosts, states]).toEqual([[here], []]);
  });

  test('wildcards are never adopted, nor a list of nothing else, nor an older one', async () => {
    const { client, admin, tracker, write, here } = await tracked({}, 0.99);
    await tracker.start();
    await write('0.0.0.0:2888:3888:participant;0.0.0.0:2181', '[::]:2888:3888:participant;[::]:2181');
    await write('[0:0:0:0:0:0:0:0]:2888:3888:participant;2181');
    await admin.set('/zookeeper/config', 'server.1=old.invalid:2888:3888:participant;2181\nversion=0');
    await admin.set('/zookeeper/config', 'no configuration');
    await client.sync('/zookeeper/config');
    expect(client.hosts).toEqual([here]);
  });

  test('a new server that cannot be reached is not insisted on', async () => {
    const { client, tracker, write, port } = await tracked();
    await tracker.start();
    const session = client.clientId!.sessionId;
    const suspended = stateOf(client, 'SUSPENDED');
    await write(`127.0.0.1:2888:3888:participant;${port}`, 'localhost:2888:3888:participant;localhost:1');
    await suspended;
    await eventually(() => client.connected);
    expect(client.hosts).toHaveLength(2);
    expect(client.server).toMatchObject({ host: '127.0.0.1', port });
    expect(client.clientId!.sessionId).toBe(session);
  });

  test('what changed while there was no connection is found out after it', async () => {
    const { server, client, tracker, write, port } = await tracked({}, 0.99);
    await tracker.start();
    await write(`127.0.0.1:2888:3888:participant;${port}`, `localhost:2888:3888:participant;${port}`);
    await eventually(() => client.hosts.length === 2);
    const lost = stateOf(client, 'LOST');
    server.expireSession(client.clientId!.sessionId);
    await lost;
    await eventually(() => client.connected);
    await write(`127.0.0.1:2888:3888:participant;${port}`);
    await eventually(() => client.hosts.length === 1);
  });

  test.each(['', '/chroot'])('stopped, it follows no more, and leaves no watch (chroot: "%s")', async (chroot) => {
    const { server, connect, write, port, admin } = await tracked({}, 0.99);
    await admin.ensurePath('/chroot');
    const client = await connect({ ...SUPER, hosts: `${server.connectString}${chroot}` });
    const tracker = new EnsembleTracker(client);
    await tracker.start();
    await tracker.start();
    expect(await watchCount(admin)).toBe(1);
    tracker.stop();
    tracker.stop();
    await eventually(async () => (await watchCount(admin)) === 0);
    await write(`127.0.0.1:2888:3888:participant;${port}`, `localhost:2888:3888:participant;${port}`);
    await client.sync('/');
    expect([client.hosts.length, client.listenerCount('connected')]).toEqual([1, 0]);
  });

  test('stopped while the list is read again, it adopts nothing any more', async () => {
    const { client, write, port, admin, here } = await tracked();
    let reads = 0;
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const slow = altered(client, {
      getConfig: async (options: ReadOptions) => {
        const read = await client.getConfig(options);
        if (++reads > 1) await held;
        return read;
      },
    });
    const tracker = new EnsembleTracker(slow);
    await tracker.start();
    await write(`127.0.0.1:2888:3888:participant;${port}`, `localhost:2888:3888:participant;${port}`);
    await eventually(() => reads === 2);
    tracker.stop();
    goOn();
    await client.sync('/');
    expect(client.hosts).toEqual([here]);
    await eventually(async () => (await watchCount(admin)) === 0);
  });

  test('a list that says the same in another order changes nothing', async () => {
    const { client, tracker, write, port, here } = await tracked({}, 0.99);
    await tracker.start();
    const members = [`127.0.0.1:2888:3888:participant;${port}`, `localhost:2889:3889:participant;${port}`] as const;
    await write(...members);
    await eventually(() => client.hosts.length === 2);
    await write(...members.toReversed());
    await client.getConfig();
    expect(client.hosts).toEqual([here, { host: 'localhost', port }]);
  });

  test('stopping the client while the list is followed, or being read, settles (kazoo 686)', async () => {
    const { server, client, tracker } = await tracked();
    await tracker.start();
    await client.stop();
    await client.start();
    server.freeze();
    const stopped = client.stop();
    server.thaw();
    await stopped;
    const unstarted = new EnsembleTracker(client);
    await expect(unstarted.start()).rejects.toThrow(ConnectionClosedError);
    expect(client.listenerCount('connected')).toBe(1);
  });

  test('a connection that is lost while the list is read is waited out', async () => {
    const { server, client, tracker } = await tracked();
    server.faults.cutAfterCommit('getData');
    await tracker.start();
    tracker.stop();
    expect(client.listenerCount('connected')).toBe(0);
  });

  test('a start that is stopped in an outage is over, and another may begin', async () => {
    const { server, client, tracker } = await tracked();
    await suspend(server, client);
    const first = tracker.start();
    tracker.stop();
    const second = tracker.start();
    await first;
    expect(client.listenerCount('connected')).toBe(1);
    server.refuseConnections(false);
    await second;
    expect(await watchCount(client)).toBe(1);
    tracker.stop();
    await eventually(async () => (await watchCount(client)) === 0);
  });

  test('a wait for the list can be given up', async () => {
    const { server, client, tracker } = await tracked();
    server.freeze();
    await expect(tracker.start({ timeout: 50 })).rejects.toThrow(OperationTimeoutError);
    server.thaw();
    expect(client.listenerCount('connected')).toBe(0);
  });
});

describe.skipIf(await whyNoRealZooKeeper())('on a real ensemble', () => {
  // Of super:test.
  const superDigest = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
  const authData: [string, string][] = [['digest', 'super:test']];

  test('a client follows the removal of its server, and the arrival of another', { timeout: 180_000 }, async () => {
    await using cluster = await ZooKeeperCluster.start({ size: 3, reconfig: true, superDigest });
    const hostOf = (index: number) => ({ host: '127.0.0.1', port: Number(cluster.at(index).connectString.split(':')[1]) });
    await using admin = await new KazooClient({ hosts: cluster.connectString, authData }).start();
    // On a follower, told of no other server.
    const follower = (await cluster.followers())[0]!;
    const own = [0, 1, 2].find((index) => cluster.at(index) === follower)!;
    await using client = await new KazooClient({ hosts: follower.connectString }).start();
    const session = client.clientId!.sessionId;
    const tracker = new EnsembleTracker(client, { random: () => 0.99 });
    await tracker.start();
    expect(ports(client.hosts)).toEqual(ports([0, 1, 2].map(hostOf)));
    expect(client.server).toMatchObject(hostOf(own));

    await admin.retry(() => admin.reconfig({ leaving: String(own + 1) }));
    await eventually(() => client.hosts.length === 2 && client.connected, 60_000);
    const others = [0, 1, 2].filter((index) => index !== own).map(hostOf);
    expect(ports(client.hosts)).toEqual(ports(others));
    expect(ports(others)).toContain(client.server!.port);
    expect(client.clientId!.sessionId).toBe(session);
    await follower.kill();
    await client.create('/served', '');

    await cluster.addServer();
    await admin.retry(() => admin.reconfig({ joining: cluster.memberLine(-1) }));
    await eventually(() => client.hosts.length === 3 && client.connected, 60_000);
    expect(ports(client.hosts)).toEqual(ports([...others, hostOf(3)]));
    expect(client.clientId!.sessionId).toBe(session);
    tracker.stop();
  });

  test('a standalone server has no list, and changes nothing', { timeout: 60_000 }, async () => {
    await using server = await ManagedZooKeeper.start();
    await using client = await new KazooClient(server.connectString).start();
    const { hosts } = client;
    const tracker = new EnsembleTracker(client);
    await tracker.start();
    expect(client.hosts).toEqual(hosts);
    tracker.stop();
  });
});

function ports(hosts: readonly { port: number }[]): number[] {
  return hosts.map(({ port }) => port).sort((a, b) => a - b);
}
