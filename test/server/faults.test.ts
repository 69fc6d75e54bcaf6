import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { fourLetterWord } from '../conformance/wire.ts';
import { connect, dial, resume, serve } from './raw-client.ts';

test('the replies of the next connection are cut after so many bytes', async () => {
  const server = await serve();
  server.faults.cutAfter(45);
  const cut = await connect(server);
  expect(await cut.ping()).toMatchObject({ err: 'closed' });
  await cut.ended();
  expect(cut.received).toBe(45);
  expect((await (await connect(server)).ping()).err).toBe(0);
});

test('a four-letter word uses no cut up', async () => {
  const server = await serve();
  server.faults.cutAfter(45);
  expect(await fourLetterWord('127.0.0.1', server.port, 'ruok')).toBe('imok');
  const cut = await connect(server);
  await Promise.all([cut.ping(), cut.ended()]);
  expect(cut.received).toBe(45);
});

test('a connection cut before its first byte gets nothing', async () => {
  const server = await serve();
  server.faults.cutAfter(0);
  const cut = await dial(server);
  expect(await cut.handshake()).toBeUndefined();
  expect(cut.received).toBe(0);
});

test('a request cut after its commit has taken effect', async () => {
  const server = await serve();
  server.faults.cutAfterCommit('create');
  const client = await connect(server);
  expect(await client.create('/a')).toMatchObject({ err: 'closed' });
  expect(server.snapshot()['/a']).toBeDefined();
  expect((await (await resume(client, server)).create('/b')).err).toBe(0);
});

test('the replies before the cut still arrive', async () => {
  const server = await serve();
  server.faults.cutAfterCommit('setData');
  const client = await connect(server);
  const [created, set, read] = await Promise.all([client.create('/a'), client.set('/a', 'x'), client.get('/a')]);
  expect([created.err, set.err, read.err]).toEqual([0, 'closed', 'closed']);
});

test('a delayed operation and those behind it on its connection wait, others do not', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock });
  server.faults.delay('getData', 1000);
  const [client, other] = [await connect(server), await connect(server)];
  const replies = Promise.all([client.create('/a'), client.get('/a'), client.ping()]);
  while ((await other.exists('/a')).err !== 0);
  await other.ping();
  expect(client.replies.map(({ err }) => err)).toEqual([0]);
  clock.advance(1000);
  expect((await replies).map(({ err }) => err)).toEqual([0, 0, 0]);
  server.faults.clear();
  expect((await client.get('/a')).err).toBe(0);
});

test('a delay of a connection that ends leaves no timer', async () => {
  const clock = new ManualClock();
  const server = await serve({ clock });
  const client = await connect(server);
  const before = clock.pending;
  server.faults.delay('ping', 1000);
  const reply = client.ping();
  await expect.poll(() => clock.pending).toBe(before + 1);
  client.destroy();
  expect((await reply).err).toBe('closed');
  await expect.poll(() => clock.pending).toBe(before);
});

test('operations fail as often as ordered, do nothing, and take their zxid', async () => {
  const server = await serve();
  server.faults.fail('create', -4, 2);
  const client = await connect(server);
  const replies = [await client.create('/a'), await client.create('/a'), await client.create('/a')];
  expect(replies.map(({ err, zxid }) => [err, zxid])).toEqual([
    [-4, 2n],
    [-4, 3n],
    [0, 4n],
  ]);
});

test('a dropped reply never comes, though the request took effect', async () => {
  const server = await serve();
  server.faults.dropReply('create');
  const client = await connect(server);
  void client.create('/a').catch(() => undefined);
  await client.ping();
  expect(client.replies).toHaveLength(1);
  expect(server.snapshot()['/a']).toBeDefined();
  client.destroy();
});

test('faults strike in the order they were asked for', async () => {
  const server = await serve();
  server.faults.fail('exists', -101);
  server.faults.fail('exists', -102);
  const client = await connect(server);
  expect([(await client.exists('/')).err, (await client.exists('/')).err, (await client.exists('/')).err]).toEqual([
    -101, -102, 0,
  ]);
});

test('what cannot be ordered is refused', async () => {
  const { faults } = await serve();
  expect(() => faults.fail('creat' as never, -1)).toThrow('"creat"');
  expect(() => faults.fail('create', 0)).toThrow('code');
  expect(() => faults.fail('create', -4, 0)).toThrow('times');
  expect(() => faults.delay('create', -1)).toThrow('milliseconds');
  expect(() => faults.cutAfter(1.5)).toThrow('bytes');
});
