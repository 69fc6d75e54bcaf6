import { expect, test } from 'vitest';
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

test('one that was never started leaves a node of its name alone', async () => {
  const { client } = await workbench();
  await client.create('/group/one', 'other', { ephemeral: true, makepath: true });
  await new GroupMember(client, '/group', 'one').close();
  expect(await client.exists('/group/one')).not.toBeNull();
});

function text(member: GroupMember): Record<string, string> {
  return Object.fromEntries([...member.members()].map(([id, payload]) => [id, payload.toString()]));
}
