import { expect, onTestFinished, test } from 'vitest';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { besideCurator } from './curator-peer.ts';
import { eventually } from './eventually.ts';

besideCurator("groups and persistent nodes beside Curator's", (world) => {
  test('members of both kinds know each other, and what each tells of itself', async () => {
    const { client, curator } = world;
    expect(await curator.ask('join j /group java from-java')).toBe('true');
    const member = new GroupMember(client, '/group', 'node', 'from-node');
    onTestFinished(() => member.close());
    await member.start();
    await eventually(() => text(member) === '{java=from-java, node=from-node}');
    await eventually(async () => (await curator.ask('members j')) === '{java=from-java, node=from-node}');
    await curator.ask('payload j changed');
    await eventually(() => text(member) === '{java=changed, node=from-node}');
    await member.setPayload('changed too');
    await eventually(async () => (await curator.ask('members j')) === '{java=changed, node=changed too}');
    await curator.ask('close j');
    await eventually(() => text(member) === '{node=changed too}');
  });

  test('each notices that the other has left', async () => {
    const { client, curator } = world;
    const member = new GroupMember(client, '/leaving', 'node', 'x');
    await member.start();
    await curator.ask('join j /leaving java y');
    await eventually(async () => (await curator.ask('members j')) === '{java=y, node=x}');
    await member.close();
    await eventually(async () => (await curator.ask('members j')) === '{java=y}');
    await curator.ask('close j');
    expect(await client.getChildren('/leaving')).toEqual([]);
  });

  test('a member that is killed goes with its session', { timeout: 60_000 }, async () => {
    const victim = world.newPeer();
    await victim.ask('join j /killed java y');
    const member = new GroupMember(world.client, '/killed', 'node', 'x');
    onTestFinished(() => member.close());
    await member.start();
    await eventually(() => member.members().size === 2);
    victim.kill();
    await eventually(() => member.members().size === 1);
  });

  test("our node waits for Curator's to go, and is numbered like it", async () => {
    const { client, curator } = world;
    expect(await curator.ask('node p /node EPHEMERAL theirs')).toBe('true');
    const conflicts: string[] = [];
    const node = new PersistentNode(client, '/node', 'ours', { onConflict: ({ path }) => conflicts.push(path!) });
    onTestFinished(() => node.close());
    await expect(node.start({ timeout: 200 })).rejects.toMatchObject({ name: 'OperationTimeoutError' });
    expect(conflicts).toEqual(['/node']);
    await curator.ask('close p');
    await node.start();
    expect((await client.get('/node'))[0]!.toString()).toBe('ours');
    expect(await curator.ask('node s /numbered/n- EPHEMERAL_SEQUENTIAL x')).toBe('true');
    const numbered = new PersistentNode(client, '/numbered/n-', 'y', { sequence: true });
    await numbered.start();
    expect([await curator.ask('node-path s'), numbered.path]).toEqual(['/numbered/n-0000000000', '/numbered/n-0000000001']);
    await curator.ask('close s');
    await numbered.close();
    expect(await client.getChildren('/numbered')).toEqual([]);
  });

  test('Curator makes its node again where ours was, and ours where Curator’s was', async () => {
    const { client, curator } = world;
    await curator.ask('node p /again EPHEMERAL theirs');
    await client.delete('/again');
    await eventually(async () => (await client.exists('/again')) !== null);
    await curator.ask('node-data p new');
    await eventually(async () => (await client.get('/again'))[0]!.toString() === 'new');
    const node = new PersistentNode(client, '/again', 'ours', { onConflict: () => undefined });
    onTestFinished(() => node.close());
    const starting = node.start();
    await curator.ask('close p');
    await starting;
    expect((await client.exists('/again'))?.ephemeralOwner).toBe(client.clientId!.sessionId);
  });
});

function text(member: GroupMember): string {
  const pairs = [...member.members()].map(([id, payload]) => `${id}=${payload.toString()}`);
  return `{${pairs.sort().join(', ')}}`;
}
