import { describe, expect, onTestFinished, test } from 'vitest';
import { TransactionError, UnimplementedError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { startRealZooKeeper } from '../support/real-zookeeper.ts';
import { rejection } from '../support/waiting.ts';

const SETTING = 'zookeeper.extendedTypesEnabled=true';

/** Either server, as a distribution comes: nodes with a time to live are off. */
const servers = {
  embedded: () => EmbeddedZooKeeper.start({ extendedTypesEnabled: false }),
  real: () => startRealZooKeeper({ configuration: { extendedTypesEnabled: false } }),
};

describe.each(['embedded', 'real'] as const)('on the %s server without extended types', (name) => {
  test('a node with a time to live is refused by the name of the setting, alone and in a transaction', async ({ skip }) => {
    const server = await servers[name]();
    if (typeof server === 'string') return skip(server);
    onTestFinished(() => server[Symbol.asyncDispose]());
    await using client = await new KazooClient(server.connectString).start();
    const refusals = [
      await rejection(client.create('/a', '', { ttl: 1000 })),
      await rejection(client.create('/a-', '', { ttl: 1000, sequence: true, protected: true })),
      await rejection(client.create('/x/y', '', { ttl: 1000, makepath: true })),
    ];
    for (const error of refusals) {
      expect(error).toBeInstanceOf(UnimplementedError);
      expect(error.message).toContain(SETTING);
    }
    const results = await client.transaction().create('/b').create('/c', '', { ttl: 1000 }).commit();
    expect(results[1]).toBeInstanceOf(UnimplementedError);
    const failed = await rejection(client.transaction().create('/b').create('/c', '', { ttl: 1000 }).commitOrThrow());
    expect(failed).toBeInstanceOf(TransactionError);
    expect(failed).toMatchObject({ index: 1, op: { type: 'create', path: '/c' } });
    for (const error of [results[1] as Error, failed]) expect(error.message).toContain(SETTING);
    expect(await client.exists('/b')).toBeNull();
  });

  test('containers work all the same, and the connection stays', async ({ skip }) => {
    const server = await servers[name]();
    if (typeof server === 'string') return skip(server);
    onTestFinished(() => server[Symbol.asyncDispose]());
    await using client = await new KazooClient(server.connectString).start();
    const states: string[] = [];
    client.on('state', (state) => void states.push(state));
    await rejection(client.create('/a', '', { ttl: 1000 }));
    expect(await client.create('/box', '', { container: true })).toBe('/box');
    expect(await client.transaction().create('/tub', '', { container: true }).commitOrThrow()).toEqual(['/tub']);
    expect(states).toEqual([]);
  });
});
