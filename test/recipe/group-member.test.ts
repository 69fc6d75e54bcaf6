import { expect, test } from 'vitest';
import { ConnectionClosedError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { eventually, expire, workbench } from './workbench.ts';

test('members know each other, and what each tells of itself', async () => {
  const { server, client, connect } = await workbench();
  await using one = new GroupMember(client, '/group', 'one', 'first');
  await one.start();
  expect(text(one)).toEqual({ one: 'first' });
  const other = await connect();
  const two = new GroupMember(other, '/group', 'two', 'second');
  await two.start();
  expect(text(two)).toEqual({ one: 'first', two: 'second' });
  await eventually(() => one.members().size === 2);
  await two.setPayload('changed');
  await eventually(() => text(one)['two'] === 'changed');
  await expire(server, other);
  await eventually(() => one.members().size === 2);
  await two.close();
  await eventually(() => one.members().size === 1);
  expect(() => new GroupMember(client, '/group', 'a/b')).toThrow(TypeError);
});

test('is out of the group at the end of the block that uses it', async () => {
  const { client } = await workbench();
  {
    await using member = new GroupMember(client, '/group', 'one', 'first');
    await member.start();
    expect(await client.getChildren('/group')).toEqual(['one']);
  }
  expect(await client.getChildren('/group')).toEqual([]);
});

test('one may be started before its client, and again where that gets no session', async () => {
  const { server } = await workbench();
  await using client = new KazooClient(server.connectString);
  await using member = new GroupMember(client, '/group', 'one', 'first');
  const started = expect(member.start()).rejects.toThrow(ConnectionClosedError);
  server.refuseConnections(true);
  await client.start({ timeout: 100 }).catch(() => undefined);
  await started;
  server.refuseConnections(false);
  await client.start();
  await client.create('/group/two', 'second', { makepath: true });
  await member.start();
  expect(text(member)).toEqual({ one: 'first', two: 'second' });
  await using other = new KazooClient(server.connectString);
  await using three = new GroupMember(other, '/group', 'three', 'third');
  const waiting = three.start();
  await other.start();
  await waiting;
  expect(text(three)).toEqual({ one: 'first', two: 'second', three: 'third' });
});

test('one that was never started leaves a node of its name alone', async () => {
  const { client } = await workbench();
  await client.create('/group/one', 'other', { ephemeral: true, makepath: true });
  await new GroupMember(client, '/group', 'one').close();
  expect(await client.exists('/group/one')).not.toBeNull();
});

function text(member: GroupMember): Record<string, string> {
  return Object.fromEntries([...member.members()].map(([id, payload]) => [id, payload.toString()]));
}
