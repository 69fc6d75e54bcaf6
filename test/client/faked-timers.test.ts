import { afterEach, expect, test, vi } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';

afterEach(() => void vi.useRealTimers());

test('a client and its server go on while a test has faked the timers, stop among it', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const client = await new KazooClient(server.connectString).start();
  vi.useFakeTimers();
  expect(await client.create('/a')).toBe('/a');
  const lost = new Promise((resolve) => client.once('lost', () => resolve(client.state)));
  await client.stop();
  expect(await lost).toBe('LOST');
});
