import { describe, expect, test } from 'vitest';
import { parseEnsemble, rebalance, EnsembleTracker } from '../../src/recipe/ensemble-tracker.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';

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

test('a client follows the configuration to a server it was not told of, in the same session', async () => {
  const server = await EmbeddedZooKeeper.start({ superDigest: 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=' });
  const client = new KazooClient({ hosts: server.connectString, authData: [['digest', 'super:admin']] });
  const admin = new KazooClient({ hosts: server.connectString, authData: [['digest', 'super:admin']] });
  await client.start();
  await admin.start();
  const tracker = new EnsembleTracker(client, { random: () => 0 });
  await tracker.start();
  const session = client.clientId!.sessionId;
  try {
    const back = new Promise<void>((resolve) => void client.once('connected', () => resolve()));
    await admin.set(
      '/zookeeper/config',
      `server.1=127.0.0.1:2888:3888:participant;${server.port}\nserver.2=localhost:2889:3889:participant;${server.port}\nversion=5`,
    );
    await back;
    expect(client.server).toEqual({ host: 'localhost', port: server.port });
    expect(client.clientId!.sessionId).toBe(session);
    await expect
      .poll(() => client.hosts)
      .toEqual([
        { host: '127.0.0.1', port: server.port },
        { host: 'localhost', port: server.port },
      ]);
  } finally {
    tracker.stop();
    await client.stop();
    await admin.stop();
    await server.close();
  }
});
