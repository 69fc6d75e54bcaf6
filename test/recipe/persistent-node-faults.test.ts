import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { Clock } from '../../src/base/clock.ts';
import { ConnectionClosedError, ConnectionLoss, InvalidACLError, NoAuthError, NodeExistsError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { rejection, suspend } from '../support/waiting.ts';
import { altered, eventually, forgetful, workbench } from './workbench.ts';

const CONNECTION_LOSS = -4;
const NO_NODE = -101;
const NO_AUTH = -102;
const INVALID_ACL = -114;

describe('a persistent node', () => {
  test('may be started before its client', async () => {
    const { server } = await workbench();
    await using client = new KazooClient(server.connectString);
    await using node = new PersistentNode(client, '/node', 'data');
    const started = node.start();
    await new Promise((resolve) => setImmediate(resolve));
    await client.start();
    await started;
    expect((await client.exists('/node'))?.ephemeralOwner).toBe(client.clientId!.sessionId);
  });

  test('of a stranger is told to the listeners of "error" where no onConflict was given', async () => {
    const { client, connect } = await workbench();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    await (await connect()).create('/node', 'theirs');
    await using node = new PersistentNode(client, '/node', 'ours');
    node.start().catch(() => undefined);
    await eventually(() => errors.length === 1);
    expect(errors[0]).toBeInstanceOf(NodeExistsError);
    expect(errors[0]).toMatchObject({ path: '/node' });
  });

  test('that waits for a stranger’s to go hears of the end of its client', async () => {
    const { client, connect } = await workbench();
    await (await connect()).create('/node', 'theirs');
    let conflicts = 0;
    const node = new PersistentNode(client, '/node', 'ours', { onConflict: () => (conflicts += 1) });
    const started = rejection(node.start());
    await eventually(() => conflicts === 1);
    await client.stop();
    expect(await started).toBeInstanceOf(ConnectionClosedError);
    await node.close();
  });

  test('that a stranger makes between the look and the create is a conflict like any other', async () => {
    const { client, connect } = await workbench();
    const stranger = await connect();
    const late = altered(client, {
      create: async (...args: Parameters<KazooClient['create']>) => {
        await stranger.create('/node', 'theirs');
        return client.create(...args);
      },
    });
    const conflicts: string[] = [];
    const onConflict = ({ path }: NodeExistsError): void => void conflicts.push(path!);
    await using node = new PersistentNode(late, '/node', 'ours', { onConflict });
    node.start().catch(() => undefined);
    await eventually(() => conflicts.length === 1);
    expect(conflicts).toEqual(['/node']);
    expect((await client.get('/node'))[0]?.toString()).toBe('theirs');
  });

  test('without data is known by having none', async () => {
    const { client } = await workbench();
    await client.create('/node', null);
    const node = new PersistentNode(client, '/node', null, { ephemeral: false });
    await node.start();
    await node.close();
    expect(await client.exists('/node')).toBeNull();
  });

  test('stores the latest of data that changes while it is being stored', async () => {
    const { client } = await workbench();
    let beside: Promise<void> | undefined;
    const slow = altered(client, {
      set: (...args: Parameters<KazooClient['set']>) => {
        beside ??= node.setData('three');
        return client.set(...args);
      },
    });
    await using node = new PersistentNode(slow, '/node', 'one');
    await node.start();
    await node.setData('two');
    await beside;
    expect((await client.get('/node'))[0]?.toString()).toBe('three');
    expect((await client.exists('/node'))?.version).toBe(2);
  });

  test('stores what was to be stored though the node goes away meanwhile', async () => {
    const { server, client } = await workbench();
    await using node = new PersistentNode(client, '/node', 'one');
    await node.start();
    server.faults.fail('setData', NO_NODE);
    await node.setData('two');
    await eventually(async () => (await client.get('/node'))[0]?.toString() === 'two');
  });

  test('that cannot be kept as it should be is told to the listeners of "error"', async () => {
    const { server, client } = await workbench();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    await using node = new PersistentNode(client, '/node', 'one');
    await node.start();
    server.faults.fail('setData', NO_AUTH);
    await node.setData('two');
    await eventually(() => errors.length === 1);
    expect(errors[0]).toBeInstanceOf(NoAuthError);
  });

  test('that is gone, and may not be made again, is not there until it may', async () => {
    const { client } = await workbench();
    const errors: unknown[] = [];
    client.on('error', (error) => void errors.push(error));
    const refused = new NoAuthError();
    let mayMake = true;
    const create = (...given: Parameters<KazooClient['create']>): Promise<unknown> =>
      mayMake ? client.create(...given) : Promise.reject(refused);
    const clock = new ManualClock();
    const node = new PersistentNode(altered(client, { create, clock }), '/node');
    await node.start();
    mayMake = false;
    await client.delete('/node');
    await eventually(() => errors.length === 1);
    expect([errors[0], node.isThere]).toEqual([refused, false]);
    // It is asked for again, for an ACL or a quota may be put right.
    clock.advance(1_000);
    await eventually(() => errors.length === 2);
    mayMake = true;
    clock.advance(5_000);
    await eventually(() => node.isThere);
    mayMake = false;
    await client.delete('/node');
    await eventually(() => errors.length === 3);
    await node.close();
    expect(clock.pending).toBe(0);
  });

  test('that may not be removed rejects its closing; one that is gone, or whose client has stopped, does not', async () => {
    const { server, client, connect } = await workbench();
    const node = new PersistentNode(client, '/node', 'data');
    await node.start();
    server.faults.fail('delete', NO_AUTH);
    await expect(node.close()).rejects.toBeInstanceOf(NoAuthError);
    await client.delete('/node');
    const gone = new PersistentNode(client, '/node', 'data');
    await gone.start();
    server.faults.fail('delete', NO_NODE);
    await gone.close();
    const other = await connect();
    const stopped = new PersistentNode(other, '/other', 'data');
    await stopped.start();
    await other.stop();
    await stopped.close();
    expect(await client.exists('/other')).toBeNull();
  });

  test('once closed, leaves alone what the same session makes at its path, though the answer to its own create was lost', async () => {
    const { server, client } = await workbench();
    const late: (() => void)[] = [];
    const timer: Clock['timer'] = (milliseconds, ...rest) => {
      if (milliseconds < client.sessionTimeout!) return client.clock.timer(milliseconds, ...rest);
      late.push(rest[0]);
      return { cancel: () => undefined };
    };
    const slow = altered(client, { clock: { ...client.clock, timer } });
    server.faults.cutAfterCommit('create');
    const node = new PersistentNode(slow, '/node', 'same');
    await node.start();
    await node.close();
    await client.create('/node', 'same', { ephemeral: true });
    for (const callback of late) callback();
    for (let turn = 0; turn < 10; turn++) await client.sync('/node');
    expect(await client.exists('/node')).not.toBeNull();
  });

  test.each([true, false])('that was never started removes nothing (ephemeral: %s)', async (ephemeral) => {
    const { client } = await workbench();
    await client.create('/node', 'same', { ephemeral });
    await new PersistentNode(client, '/node', 'same', { ephemeral }).close();
    expect(await client.exists('/node')).not.toBeNull();
  });
});

describe('one that the server numbers', () => {
  test('may be started while there is no connection', async () => {
    const { server, client } = await workbench();
    await suspend(server, client);
    await using node = new PersistentNode(client, '/n', 'data', { sequence: true });
    const started = node.start();
    await new Promise((resolve) => setImmediate(resolve));
    server.refuseConnections(false);
    await started;
    expect((await client.getChildren('/')).filter((name) => name.startsWith('n'))).toEqual([node.path.slice(1)]);
  });

  test('is looked for below a parent that is not there, and made', async () => {
    const { server, client } = await workbench();
    server.faults.fail('create', CONNECTION_LOSS);
    await using node = new PersistentNode(client, '/deep/n', 'data', { sequence: true });
    await node.start();
    expect(await client.getChildren('/deep')).toEqual([node.path.slice('/deep/'.length)]);
  });

  test('is not taken for one of a stranger’s of the same name', async () => {
    const { server, client, connect } = await workbench();
    const theirs = await (await connect()).create('/n', 'data', { sequence: true, ephemeral: true });
    server.faults.cutAfterCommit('create');
    await using node = new PersistentNode(client, '/n', 'data', { sequence: true });
    await node.start();
    expect(node.path).not.toBe(theirs);
    expect((await client.getChildren('/')).filter((name) => name.startsWith('n'))).toHaveLength(2);
  });

  test('is not taken for another of the same session, which was there before', async () => {
    const { server, client } = await workbench();
    const theirs = await client.create('/n', 'data', { sequence: true, ephemeral: true });
    server.faults.fail('create', CONNECTION_LOSS);
    const node = new PersistentNode(client, '/n', 'data', { sequence: true });
    await node.start();
    expect(node.path).not.toBe(theirs);
    await node.close();
    expect(await client.exists(theirs)).not.toBeNull();
  });

  test('is not taken for another of the same session, which is made while the answer is lost', async () => {
    const { client } = await workbench();
    const made: string[] = [];
    const unlucky = altered(client, {
      create: async (path: string, data: string, options: object) => {
        made.push(await client.create(path, made.length === 0 ? 'of another' : data, options));
        if (made.length === 1) throw new ConnectionLoss();
        return made.at(-1);
      },
    });
    await using node = new PersistentNode(unlucky, '/n', 'data', { sequence: true });
    await node.start();
    expect([made.length, node.path]).toEqual([2, made[1]]);
    expect((await client.get(made[0]!))[0]?.toString()).toBe('of another');
  });

  test('is not made anew where the connection is lost in the very moment of the answer', async () => {
    const { client, connect } = await workbench();
    const { flawed, lose, lost } = forgetful(client);
    const node = new PersistentNode(flawed, '/node', 'a');
    await node.start();
    const [, { czxid }] = await client.get('/node');
    lose();
    await (await connect()).set('/node', 'b');
    await eventually(lost);
    await node.setData('c');
    expect((await client.get('/node'))[1].czxid).toBe(czxid);
    await node.close();
  });

  test('that was never made leaves nothing to remove', async () => {
    const { server, client } = await workbench();
    server.faults.fail('create', INVALID_ACL);
    const node = new PersistentNode(client, '/n', 'data', { sequence: true });
    await expect(node.start()).rejects.toBeInstanceOf(InvalidACLError);
    await node.close();
    expect(await client.getChildren('/')).toEqual(['zookeeper']);
  });
});
