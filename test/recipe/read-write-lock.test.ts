import { expect, test } from 'vitest';
import { Lock } from '../../src/recipe/lock.ts';
import { ReadLock, WriteLock } from '../../src/recipe/read-write-lock.ts';
import { Lab, until } from './lab.ts';

const PATH = '/locks/shared';

test('readers share, and a writer waits for all of them', async () => {
  const client = await (await Lab.open()).client();
  const [one, two] = [new ReadLock(client, PATH, { identifier: 'r1' }), new ReadLock(client, PATH, { identifier: 'r2' })];
  expect(await one.acquire()).toBe(true);
  expect(await two.acquire({ blocking: false })).toBe(true);
  expect(one.node).toMatch(/^[0-9a-f]{32}__rlock__0000000000$/);
  const writer = new WriteLock(client, PATH, { identifier: 'w' });
  expect(await writer.acquire({ blocking: false })).toBe(false);
  const wait = writer.acquire();
  await until('the writer is in line', async () => (await client.getChildren(PATH)).length === 3);
  expect(await writer.contenders()).toEqual(['r1', 'r2', 'w']);
  expect(await one.contenders()).toEqual(['r1', 'r2', 'w']);
  expect(await new Lock(client, PATH).contenders()).toEqual(['w']);
  await two.release();
  await one.release();
  expect(await wait).toBe(true);
  expect(writer.node).toMatch(/__lock__/);
});

test('a reader waits for a writer that came before it, also for one that waits (RW-2)', async () => {
  const client = await (await Lab.open()).client();
  const [reader, writer, late] = [new ReadLock(client, PATH), new WriteLock(client, PATH), new ReadLock(client, PATH)];
  const order: string[] = [];
  await reader.acquire();
  const writing = writer.withLock(async () => void order.push('writer'));
  await until('the writer is in line', async () => (await client.getChildren(PATH)).length === 2);
  const reading = late.withLock(async () => void order.push('late reader'));
  await until('the reader is in line', async () => (await client.getChildren(PATH)).length === 3);
  expect(order).toEqual([]);
  await reader.release();
  await Promise.all([writing, reading]);
  expect(order).toEqual(['writer', 'late reader']);
});

test('a reader does not wait for a writer that comes later (RW-3)', async () => {
  const client = await (await Lab.open()).client();
  const [reader, writer] = [new ReadLock(client, PATH), new WriteLock(client, PATH)];
  await reader.acquire();
  const writing = writer.acquire({ timeout: 5_000 });
  await until('the writer is in line', async () => (await client.getChildren(PATH)).length === 2);
  expect(reader.isAcquired).toBe(true);
  expect(await reader.release()).toBe(true);
  expect(await writing).toBe(true);
});

test('three readers and three writers all finish, and no writer ever overlaps (pain-points 41)', async () => {
  const lab = await Lab.open();
  const clients = await Promise.all([1, 2, 3].map(() => lab.client()));
  let [readers, writers, worst] = [0, 0, 0];
  const rounds = clients.flatMap((client) => [
    ...Array.from({ length: 5 }, () =>
      new ReadLock(client, PATH).withLock(async () => {
        readers += 1;
        worst = Math.max(worst, writers);
        await new Promise((resolve) => setImmediate(resolve));
        readers -= 1;
      }),
    ),
    ...Array.from({ length: 5 }, () =>
      new WriteLock(client, PATH).withLock(async () => {
        writers += 1;
        worst = Math.max(worst, readers, writers - 1);
        await new Promise((resolve) => setImmediate(resolve));
        writers -= 1;
      }),
    ),
  ]);
  await Promise.all(rounds);
  expect(worst).toBe(0);
  expect(await clients[0]!.getChildren(PATH)).toEqual([]);
});
