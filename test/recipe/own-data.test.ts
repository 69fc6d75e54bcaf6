import { expect, test } from 'vitest';
import { GroupMember } from '../../src/recipe/group-member.ts';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { eventually, workbench } from './workbench.ts';

/** A buffer that says `after!` from the moment on that `use` has returned. */
async function reused<T>(use: (buffer: Buffer) => Promise<T>): Promise<T> {
  const buffer = Buffer.from('before');
  const using = use(buffer);
  buffer.write('after!');
  return using;
}

test('a queue that has to be made first is given the item as it was', async () => {
  const { client } = await workbench();
  const queue = new Queue(client, '/queue');
  await reused((item) => queue.put(item));
  expect(String(await queue.get())).toBe('before');
});

test('so is a locking queue, with one item and with several', async () => {
  const { client } = await workbench();
  for (const put of ['put', 'putAll'] as const) {
    const queue = new LockingQueue(client, `/${put}`);
    await reused((item) => (put === 'put' ? queue.put(item) : queue.putAll([item])));
    expect(String(await queue.get())).toBe('before');
  }
});

test('a node that is made again has the data it was given', async () => {
  const { client } = await workbench();
  const data = Buffer.from('before');
  await using node = new PersistentNode(client, '/node', data);
  data.write('after!');
  await node.start();
  const shown = async (): Promise<string> => String((await client.get('/node'))[0]);
  expect(await shown()).toBe('before');
  await reused((given) => node.setData(given));
  expect(await shown()).toBe('before');
  const first = (await client.exists('/node'))!.czxid;
  await client.delete('/node');
  await eventually(async () => (await client.exists('/node'))!.czxid !== first);
  expect(await shown()).toBe('before');
});

test('a member of a group tells what it was given', async () => {
  const { client } = await workbench();
  await using member = new GroupMember(client, '/group', 'a');
  await member.start();
  await reused((payload) => member.setPayload(payload));
  expect(String(member.members().get('a'))).toBe('before');
  await expect(member.setPayload(5 as never)).rejects.toThrow(TypeError);
});
