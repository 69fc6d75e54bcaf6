import { expect, onTestFinished, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { suspend } from '../support/waiting.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { eventually, expire, stateOf, workbench, type Workbench } from './workbench.ts';

test('a latch whose predecessor closes while it is away leads, and leads again after a stranger deletes its node', async () => {
  const bench = await workbench();
  const first = bench.client.leaderLatch('/leader', { identifier: 'first' });
  first.start();
  await first.waitForLeadership();
  const { away, outage } = await withOutages(bench);
  await using second = away.leaderLatch('/leader', { identifier: 'second' });
  const told: string[] = [];
  second.on('leader', () => void told.push('leader'));
  second.on('notLeader', () => void told.push('notLeader'));
  second.start();
  await eventually(async () => (await first.participants()).join() === 'first,second');
  await outage(() => first.close());
  expect(await second.waitForLeadership()).toBe(true);
  await bench.client.delete(`/leader/${second.node}`);
  await eventually(() => told.length === 3);
  expect(told).toEqual(['leader', 'notLeader', 'leader']);
  expect(await bench.client.getChildren('/leader')).toEqual([second.node]);
});

test('of two values given to a persistent node during an outage the last is stored, and outlives its session', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  const valueOf = async (): Promise<string> => String((await other.retry(() => other.get('/node')))[0]);
  await using node = client.persistentNode('/node', 'one');
  await node.start();
  await suspend(server, client);
  const stored = [node.setData('two'), node.setData('three')];
  server.refuseConnections(false);
  await Promise.all(stored);
  await eventually(async () => (await valueOf()) === 'three');
  await expire(server, client);
  await eventually(async () => (await other.exists('/node'))?.ephemeralOwner === client.clientId?.sessionId);
  expect(await valueOf()).toBe('three');
});

/** A client that is without a connection while something happens. */
async function withOutages({
  server,
  connect,
}: Workbench): Promise<{ away: KazooClient; outage: (meanwhile: () => Promise<unknown>) => Promise<void> }> {
  const proxy = await TcpProxy.open(server.connectString);
  onTestFinished(() => proxy.close());
  const away = await connect({ hosts: proxy.connectString });
  const outage = async (meanwhile: () => Promise<unknown>): Promise<void> => {
    const suspended = stateOf(away, 'SUSPENDED');
    proxy.refuse(true);
    proxy.cut();
    await suspended;
    await meanwhile();
    proxy.refuse(false);
  };
  return { away, outage };
}
