import { expect, test } from 'vitest';
import type { NodeExistsError } from '../../src/base/errors.ts';
import { KazooException, OperationTimeoutError } from '../../src/base/errors.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { eventually, expire, reconnect, watchCount, workbench } from './workbench.ts';

test('makes an ephemeral node, and removes it on close', async () => {
  const { client } = await workbench();
  const listeners = client.listenerCount('state');
  const node = new PersistentNode(client, '/deep/node', 'data');
  await node.start();
  const [data, stat] = await client.get('/deep/node');
  expect(data!.toString()).toBe('data');
  expect(stat.ephemeralOwner).toBe(client.clientId!.sessionId);
  expect(node.isThere).toBe(true);
  await node.close();
  await node.close();
  expect(await client.exists('/deep/node')).toBeNull();
  expect(client.listenerCount('state')).toBe(listeners);
  await eventually(async () => (await watchCount(client)) === 0);
  await expect(node.start()).rejects.toThrow(KazooException);
});

test('is back after someone deleted it, after a lost session, and after a restart of the client', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await using node = new PersistentNode(client, '/node', 'data');
  await node.start();
  const back = async (): Promise<void> =>
    eventually(async () => (await other.exists('/node'))?.ephemeralOwner === client.clientId?.sessionId && client.connected);
  await other.delete('/node');
  await back();
  await expire(server, client);
  await back();
  await reconnect(server, client);
  await client.stop();
  expect(await other.retry(() => other.exists('/node'))).toBeNull();
  await client.start();
  await back();
});

test('what setData gives is stored at once, and again with every making', async () => {
  const { client } = await workbench();
  await using node = new PersistentNode(client, '/node', 'one');
  await node.start();
  await client.set('/node', 'of a stranger');
  await node.setData('two');
  expect((await client.get('/node'))[0]!.toString()).toBe('two');
  await client.delete('/node');
  await eventually(async () => (await client.exists('/node')) !== null);
  expect((await client.get('/node'))[0]!.toString()).toBe('two');
});

test('a stranger’s node is reported once and left alone; ours follows when it has gone', async () => {
  const { client, connect } = await workbench();
  const stranger = await connect();
  await stranger.create('/node', 'theirs', { ephemeral: true });
  const conflicts: NodeExistsError[] = [];
  await using node = new PersistentNode(client, '/node', 'ours', { onConflict: (error) => void conflicts.push(error) });
  await expect(node.start({ timeout: 100 })).rejects.toThrow(OperationTimeoutError);
  await stranger.set('/node', 'still theirs');
  expect(conflicts).toHaveLength(1);
  expect((await client.get('/node'))[0]!.toString()).toBe('still theirs');
  await stranger.stop();
  await node.start();
  expect((await client.get('/node'))[0]!.toString()).toBe('ours');
});

test('a create whose answer was lost is found to be ours', async () => {
  const { server, client } = await workbench();
  server.faults.cutAfterCommit('create');
  await using node = new PersistentNode(client, '/node', 'data');
  await node.start();
  expect((await client.exists('/node'))!.version).toBe(0);
});

test('what keeps it from being made rejects start', async () => {
  const { server, client } = await workbench();
  server.faults.fail('create', -102);
  await using node = new PersistentNode(client, '/node', 'data');
  await expect(node.start()).rejects.toThrow('ACL');
  await node.start();
  expect(() => new PersistentNode(client, '/node', 5 as never)).toThrow(TypeError);
});
