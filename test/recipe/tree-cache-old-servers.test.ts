import { expect, onTestFinished, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from './lab.ts';

test('a cache that followed its tree by a recursive watch goes on by watches of each node where a server is too old for that, and back', async () => {
  const [newer, older] = [await EmbeddedZooKeeper.start(), await EmbeddedZooKeeper.start({ version: '3.5' })];
  const proxy = await TcpProxy.open(newer.connectString);
  const client = new KazooClient({ hosts: proxy.connectString, timeout: 4_000 });
  const writer = async (server: EmbeddedZooKeeper): Promise<KazooClient> => {
    const other = new KazooClient(server.connectString);
    onTestFinished(() => other.close());
    return other.start();
  };
  onTestFinished(async () => {
    await client.close();
    await proxy.close();
    await Promise.all([newer.close(), older.close()]);
  });
  const writers = [await writer(newer), await writer(older)] as const;
  for (const other of writers) await other.create('/tree/a', 'first', { makepath: true });
  await client.start();
  const cache = new TreeCache(client, '/tree');
  await cache.start();
  const shows = (path: string, value: string): Promise<void> =>
    until(`${path} is ${value}`, () => cache.getData(path)?.data?.toString() === value);
  await shows('/tree/a', 'first');
  for (const [index, server] of [older, newer, older].entries()) {
    proxy.retarget(server.connectString);
    proxy.cut();
    const other = server === older ? writers[1] : writers[0];
    for (const round of ['1', '2']) {
      const value = `${index} ${round}`;
      await other.set('/tree/a', value);
      await shows('/tree/a', value);
      await other.create(`/tree/n-${index}-${round}`, value);
      await shows(`/tree/n-${index}-${round}`, value);
    }
  }
  await cache.close();
  expect(client.listenerCount('state')).toBe(0);
});
