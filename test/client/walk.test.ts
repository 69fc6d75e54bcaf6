import { expect, test } from 'vitest';
import { ACL, ANYONE_ID_UNSAFE, Permissions } from '../../src/base/security.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { rejection } from '../support/waiting.ts';

test('a read that fails has the line of whoever walks in its stack, whether it failed in its turn or ahead of it', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  const acl = [new ACL(Permissions.ALL & ~Permissions.READ, ANYONE_ID_UNSAFE)];
  await client.create('/secret', '', { acl });
  await client.create('/tree/open/below', '', { makepath: true });
  await client.create('/tree/secret', '', { acl });
  const walkOfMine = async (path: string): Promise<void> => {
    for await (const found of client.walk(path)) expect(found).toMatch(/^\/tree/);
  };
  const deleteOfMine = async (path: string): Promise<unknown> => await client.delete(path, { recursive: true });
  for (const [root, path] of [
    ['/secret', '/secret'],
    ['/tree', '/tree/secret'],
  ] as const) {
    for (const call of [walkOfMine, deleteOfMine]) {
      const error = await rejection(call(root));
      expect(error).toMatchObject({ name: 'NoAuthError', operation: 'getChildren', path });
      expect(error.stack).toMatch(new RegExp(`at (async )?${call.name} .*walk\\.test\\.ts`));
    }
  }
});

test('an abort between two nodes ends the walk there, though the next ones have been read ahead', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  for (const path of ['/tree/a', '/tree/b', '/tree/c']) await client.create(path, '', { makepath: true });
  const [controller, reason] = [new AbortController(), new Error('enough')];
  const walked: string[] = [];
  const walking = (async () => {
    for await (const path of client.walk('/tree', { signal: controller.signal })) {
      walked.push(path);
      if (path === '/tree/a') controller.abort(reason);
    }
  })();
  await expect(walking).rejects.toBe(reason);
  expect(walked).toEqual(['/tree', '/tree/a']);
});
