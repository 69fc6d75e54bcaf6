import { expect, test } from 'vitest';
import { NoNodeError } from '../../src/base/errors.ts';
import { Attempt } from '../../src/recipe/attempt.ts';
import { observe } from '../../src/recipe/observe.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { Lab, once, until, untilConnected } from './lab.ts';

const PATH = '/observed';
const attemptOf = (client: KazooClient): Attempt => new Attempt(client.clock, {}, () => new Error('out of time'));
const watches = async (client: KazooClient): Promise<string> => /Total watches:(\d+)/.exec(await client.command('wchs'))![1]!;

test('what is liked at once is answered at once, and its watch is taken back', async () => {
  const client = await (await Lab.open()).client();
  await client.create(PATH, 'x');
  const [data] = await observe(
    client,
    attemptOf(client),
    PATH,
    (watch) => client.get(PATH, { watch }),
    () => true,
  );
  expect(data?.toString()).toBe('x');
  await until('the watch is gone', async () => (await watches(client)) === '0');
  expect(client.listenerCount('state')).toBe(0);
});

test('else the answer comes with an event, which is passed on', async () => {
  const client = await (await Lab.open()).client();
  await client.create(PATH, 'x');
  const types: string[] = [];
  const read = (watch: Parameters<KazooClient['unwatch']>[1]) => client.get(PATH, { watch });
  const seen = observe(
    client,
    attemptOf(client),
    PATH,
    read,
    () => false,
    ({ type }) => void types.push(type),
  );
  await until('it is watched', async () => (await watches(client)) === '1');
  await client.set(PATH, 'y');
  expect((await seen)[0]?.toString()).toBe('x');
  expect(types).toEqual(['CHANGED']);
});

test('a reconnection answers, too', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  await client.create(PATH, 'x');
  const seen = observe(
    client,
    attemptOf(client),
    PATH,
    (watch) => client.get(PATH, { watch }),
    () => false,
  );
  await until('it is watched', async () => (await watches(client)) === '1');
  const suspended = once(client, 'SUSPENDED');
  lab.server.dropConnections();
  await suspended;
  await seen;
  await untilConnected(client);
  await until('the watch is gone', async () => (await watches(client)) === '0');
});

test('a read that fails, or comes after the end, leaves nothing', async () => {
  const client = await (await Lab.open()).client();
  const failing = observe(
    client,
    attemptOf(client),
    PATH,
    (watch) => client.get(PATH, { watch }),
    () => false,
  );
  await expect(failing).rejects.toThrow(NoNodeError);
  await client.create(PATH, 'x');
  const attempt = attemptOf(client);
  const late = observe(
    client,
    attempt,
    PATH,
    (watch) => client.get(PATH, { watch }),
    () => false,
  );
  attempt.end(new Error('enough'));
  await expect(late).rejects.toThrow('enough');
  await client.sync(PATH);
  await until('the watch is gone', async () => (await watches(client)) === '0');
  expect(client.listenerCount('state')).toBe(0);
});

test('of several reads the watches are taken back also when one of them fails', async () => {
  const client = await (await Lab.open()).client();
  await client.create(PATH, 'x');
  const read = (watch: Parameters<KazooClient['unwatch']>[1]) =>
    Promise.all([client.get(PATH, { watch }), client.get(`${PATH}/missing`, { watch })]);
  const seen = observe(client, attemptOf(client), [PATH, `${PATH}/missing`], read, () => true);
  await expect(seen).rejects.toThrow(NoNodeError);
  await until('the watch is gone', async () => (await watches(client)) === '0');
});
