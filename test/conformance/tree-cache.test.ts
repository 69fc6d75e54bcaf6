import { describe, expect, onTestFinished, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { startRealZooKeeper } from '../support/real-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { followsWhatItMayNotRead } from '../recipe/tree-secrets.ts';
import { eventually, readsOf, watchCount } from '../recipe/workbench.ts';

/** The newest has one recursive watch, the other two watches for each node. */
describe.each(['3.9.5', '3.5.10'])('a tree cache on real ZooKeeper %s', (version) => {
  test('reads only what changed while it was away in its session, and leaves no watch', async ({ skip }) => {
    const server = await startRealZooKeeper({ version, tickTime: 2_000 });
    if (typeof server === 'string') return skip(server);
    onTestFinished(() => server.stop());
    const proxy = await TcpProxy.open(server.connectString);
    onTestFinished(() => proxy.close());
    const other = await connect(server.connectString);
    const client = await connect(proxy.connectString);
    await other.create('/tree');
    await Promise.all(Array.from({ length: 500 }, (_, i) => other.create(`/tree/${i}/leaf`, String(i), { makepath: true })));
    const cache = new TreeCache(client, '/tree');
    await cache.start();
    await cache.whenFresh();
    expect(cache.getData('/tree/499/leaf')?.data?.toString()).toBe('499');

    const reads = readsOf(client);
    proxy.refuse(true);
    proxy.cut();
    await eventually(() => !client.connected);
    await other.set('/tree/1/leaf', 'changed');
    await other.delete('/tree/2/leaf');
    await other.create('/tree/3/new');
    await other.create('/tree/3/new/deep', 'deep');
    proxy.refuse(false);
    await cache.whenFresh({ timeout: 30_000 });
    expect(cache.getData('/tree/1/leaf')?.data?.toString()).toBe('changed');
    expect(cache.getData('/tree/2/leaf')).toBeNull();
    expect(cache.getData('/tree/3/new/deep')?.data?.toString()).toBe('deep');
    expect(reads()).toBeLessThan(15);

    await other.set('/tree/4/leaf', 'later');
    await other.create('/tree/5/later');
    await eventually(
      () => cache.getData('/tree/4/leaf')?.data?.toString() === 'later' && cache.getData('/tree/5/later') !== null,
    );
    await cache.close();
    await eventually(async () => (await watchCount(other)) === 0);
  });
});

/** Before and after servers checked permissions on events (3.8.4, 3.9.2), and before and after watches of several kinds lived side by side (3.9). */
test.for(['3.9.5', '3.8.6', '3.8.4', '3.7.2', '3.6.4', '3.5.10'])(
  'a tree cache on real ZooKeeper %s sees what comes and goes even where it may not read it',
  async (version, { skip }) => {
    const server = await startRealZooKeeper({ version, tickTime: 2_000 });
    if (typeof server === 'string') return skip(server);
    onTestFinished(() => server.stop());
    const proxy = await TcpProxy.open(server.connectString);
    onTestFinished(() => proxy.close());
    const [other, client] = [await connect(server.connectString), await connect(proxy.connectString)];
    const outage = async (meanwhile: () => Promise<unknown>): Promise<void> => {
      proxy.refuse(true);
      proxy.cut();
      await eventually(() => !client.connected);
      await meanwhile();
      proxy.refuse(false);
      await eventually(() => client.connected);
    };
    await followsWhatItMayNotRead(client, other, outage, { recursive: version !== '3.5.10' });
    await eventually(async () => (await watchCount(other)) === 0);
  },
);

async function connect(hosts: string): Promise<KazooClient> {
  const client = new KazooClient({ hosts, timeout: 20_000, connectionRetry: { maxTries: -1, delay: 20, maxDelay: 200 } });
  onTestFinished(() => client.stop());
  return client.start({ timeout: 60_000 });
}
