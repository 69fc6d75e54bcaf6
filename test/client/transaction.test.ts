import { expect, test } from 'vitest';
import { MarshallingError, UnimplementedError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';

test('a transaction that an old server cannot read names the part that is too new for it', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  server.faults.fail('multi', MarshallingError.code, 2);
  const commit = client.transaction().create('/a').create('/b', '', { container: true }).commit();
  await expect(commit).rejects.toBeInstanceOf(UnimplementedError);
  await expect(commit).rejects.toMatchObject({ path: '/b', cause: expect.any(MarshallingError) as Error });
  // One without such parts has been misread for another reason.
  await expect(client.transaction().create('/a').commit()).rejects.toBeInstanceOf(MarshallingError);
});

test('a check needs a version', () => {
  const transaction = new KazooClient().transaction();
  expect(() => transaction.check('/a', undefined as never)).toThrow(TypeError);
  expect(transaction.operations).toEqual([]);
});
