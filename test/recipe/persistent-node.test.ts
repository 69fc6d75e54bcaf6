import { describe, expect, test } from 'vitest';
import type { NodeExistsError } from '../../src/base/errors.ts';
import { KazooException, OperationTimeoutError } from '../../src/base/errors.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { eventually, expire, pause, reconnect, stateOf, watchCount, workbench } from './workbench.ts';

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

test('is gone at the end of the block that uses it', async () => {
  const { client } = await workbench();
  {
    await using node = new PersistentNode(client, '/node');
    await node.start();
  }
  expect(await client.exists('/node')).toBeNull();
});

test('closed again while the first close is under way, it is gone after either', async () => {
  const { client } = await workbench();
  const node = new PersistentNode(client, '/node', 'x');
  await node.start();
  const stored = node.setData('y');
  const first = node.close();
  await stored;
  await pause(0);
  await node.close();
  expect(await client.exists('/node')).toBeNull();
  await first;
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

test('a stale node of a session given up, which the server still keeps, is replaced', async () => {
  const { server, connect } = await workbench();
  await using proxy = await TcpProxy.open(server.connectString);
  const client = await connect({ hosts: proxy.connectString, timeout: 600 });
  await using node = new PersistentNode(client, '/node', 'data');
  await node.start();
  const stale = client.clientId!;
  // Another connection of that session keeps it alive, while its first client gives it up.
  const lost = stateOf(client, 'LOST');
  proxy.refuse(true);
  proxy.cut();
  const keeper = await connect({ clientId: stale, timeout: 600 });
  await lost;
  proxy.refuse(false);
  await eventually(() => client.connected);
  expect(client.clientId!.sessionId).not.toBe(stale.sessionId);
  await eventually(async () => (await keeper.exists('/node'))?.ephemeralOwner === client.clientId!.sessionId);
  expect(keeper.clientId!.sessionId).toBe(stale.sessionId);
});

test('data set while there is no connection is stored after it', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await using node = new PersistentNode(client, '/node', 'one');
  await node.start();
  server.faults.cutAfterCommit('setData');
  await node.setData('two');
  expect((await other.retry(() => other.get('/node')))[0]!.toString()).toBe('two');
  await expire(server, client);
  await eventually(async () => (await client.get('/node'))[0]!.toString() === 'two');
});

test('closed before the reply to its create, it leaves nothing', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  for (const sequence of [false, true]) {
    server.faults.cutAfterCommit('create');
    const suspended = stateOf(client, 'SUSPENDED');
    const node = new PersistentNode(client, '/node', 'data', { sequence });
    const starting = expect(node.start()).rejects.toThrow('closed');
    await suspended;
    await node.close();
    await starting;
    expect((await other.retry(() => other.getChildren('/'))).filter((name) => name !== 'zookeeper')).toEqual([]);
  }
});

describe('one that the server numbers', () => {
  test('keeps its name in later sessions', async () => {
    const { server, client } = await workbench();
    await client.create('/n', 'x', { sequence: true, ephemeral: true });
    await using node = new PersistentNode(client, '/n', 'data', { sequence: true });
    expect(node.path).toBe('/n');
    await node.start();
    expect(node.path).toBe('/n0000000001');
    await expire(server, client);
    await eventually(async () => (await client.exists('/n0000000001'))?.ephemeralOwner === client.clientId!.sessionId);
    await client.delete(node.path);
    await eventually(async () => (await client.exists('/n0000000001')) !== null);
    await node.close();
    expect(await client.getChildren('/')).toEqual(['zookeeper']);
  });

  test('is made once though the reply is lost', async () => {
    const { server, client } = await workbench();
    server.faults.cutAfterCommit('create');
    await using node = new PersistentNode(client, '/n', 'data', { sequence: true });
    await node.start();
    expect(await client.getChildren('/')).toEqual(expect.arrayContaining([node.path.slice(1)]));
    expect((await client.getChildren('/')).filter((name) => name.startsWith('n'))).toHaveLength(1);
  });
});

describe('one that is not ephemeral', () => {
  test('outlives the session, is made again when deleted, and goes when closed', async () => {
    const { server, client, connect } = await workbench();
    const other = await connect();
    const node = new PersistentNode(client, '/node', 'data', { ephemeral: false });
    await node.start();
    const { czxid, ephemeralOwner } = (await client.exists('/node'))!;
    expect(ephemeralOwner).toBe(0n);
    await expire(server, client);
    await eventually(() => node.isThere);
    expect((await client.exists('/node'))!.czxid).toBe(czxid);
    await node.setData('new');
    await other.delete('/node');
    await eventually(async () => (await other.get('/node'))[0]!.toString() === 'new');
    await node.close();
    expect(await client.exists('/node')).toBeNull();
  });

  test('takes up a node with the very data it is to have, and no other', async () => {
    const { client } = await workbench();
    await client.create('/same', 'data');
    await client.create('/other', 'theirs');
    const same = new PersistentNode(client, '/same', 'data', { ephemeral: false });
    await same.start();
    await same.close();
    expect(await client.exists('/same')).toBeNull();
    const conflicts: NodeExistsError[] = [];
    const onConflict = (error: NodeExistsError): void => void conflicts.push(error);
    const other = new PersistentNode(client, '/other', 'data', { ephemeral: false, onConflict });
    await expect(other.start({ timeout: 100 })).rejects.toThrow(OperationTimeoutError);
    expect(conflicts).toMatchObject([{ path: '/other' }]);
    await client.delete('/other');
    await other.start();
    await client.delete('/other');
    await other.close();
    expect(await client.exists('/other')).toBeNull();
  });

  test('a stranger’s node is still there after close', async () => {
    const { client } = await workbench();
    await client.create('/other', 'theirs');
    const node = new PersistentNode(client, '/other', 'data', { ephemeral: false, onConflict: () => undefined });
    await expect(node.start({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' });
    await node.close();
    await pause(20);
    expect(await client.exists('/other')).not.toBeNull();
  });
});

test('bad options are refused', async () => {
  const { client } = await workbench();
  expect(() => new PersistentNode(client, '/node', '', { ephemeral: 1 as never })).toThrow(TypeError);
  expect(() => new PersistentNode(client, '/node', '', { ephemeral: false, sequence: true })).toThrow(TypeError);
  expect(() => new PersistentNode(client, '/node', '', { sequential: true } as never)).toThrow('unknown option');
});
