import { expect, test, vi } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';

test('a watch that is given up while another read of the path is on its way is taken back all the same', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  await client.create('/a');
  const listener = (): void => undefined;
  await client.get('/a', { watch: listener });
  // The first removal asks for the server's version, which takes longer than a read; so reads are on their way when it comes.
  const removed = client.unwatch('/a', listener);
  let over = false;
  void removed.then(() => (over = true));
  const child = (): void => undefined;
  while (!over) await client.getChildren('/a', { watch: child });
  await client.unwatch('/a', child);
  await vi.waitFor(async () => expect(await client.command('mntr')).toMatch(/^zk_watch_count\t0$/m), { timeout: 20_000 });
  expect(client.connected).toBe(true);
});
