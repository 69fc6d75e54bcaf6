import { expect, test } from 'vitest';
import { ConnectionClosedError } from '../../src/base/errors.ts';
import { Barrier } from '../../src/recipe/barrier.ts';
import { Lab, once, until, untilConnected } from './lab.ts';

const PATH = '/barriers/one';

test('it is up while its node exists', async () => {
  const client = await (await Lab.open()).client();
  const barrier = new Barrier(client, PATH);
  expect(await barrier.wait()).toBe(true);
  await barrier.create();
  await barrier.create();
  const [data, stat] = await client.get(PATH);
  expect(data?.length).toBe(0);
  expect(stat.ephemeralOwner).toBe(0n);
  expect(await barrier.wait({ timeout: 30 })).toBe(false);
  expect(await barrier.remove()).toBe(true);
  expect(await barrier.remove()).toBe(false);
  expect(await barrier.wait({ timeout: 5_000 })).toBe(true);
  expect(client.listenerCount('state')).toBe(0);
});

test('a wait ends when it is taken down, not when it is written to (D-8, BA-3)', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  await new Barrier(one, PATH).create();
  let over = false;
  const wait = new Barrier(two, PATH).wait().then((outcome) => (over = outcome));
  await one.set(PATH, 'noted');
  await one.set(PATH, 'again');
  expect(over).toBe(false);
  await new Barrier(one, PATH).remove();
  expect(await wait).toBe(true);
});

test('a wait outlasts a lost connection and a lost session (D-8, BA-3)', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  const barrier = new Barrier(one, PATH);
  await barrier.create();
  const wait = new Barrier(two, PATH).wait();
  const suspended = once(two, 'SUSPENDED');
  lab.server.dropConnections();
  await suspended;
  await untilConnected(two);
  await lab.expire(two);
  await untilConnected(one);
  await barrier.remove();
  expect(await wait).toBe(true);
});

test('a removal whose reply is lost counts', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const barrier = new Barrier(client, PATH);
  await barrier.create();
  lab.server.faults.cutAfterCommit('delete');
  expect(await barrier.remove()).toBe(true);
});

test('an abort or a stop ends the wait and leaves nothing', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const barrier = new Barrier(client, PATH);
  await barrier.create();
  const controller = new AbortController();
  const wait = barrier.wait({ signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(wait).rejects.toThrow('enough');
  await expect(barrier.wait({ signal: controller.signal })).rejects.toThrow('enough');
  const other = expect(barrier.wait()).rejects.toThrow(ConnectionClosedError);
  await until('only one listens', () => client.listenerCount('state') === 1);
  await client.stop();
  await other;
  expect(client.listenerCount('state')).toBe(0);
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new Barrier(client, '')).not.toThrow();
  expect(() => new Barrier(undefined as never, PATH)).toThrow(TypeError);
  await expect(new Barrier(client, PATH).wait({ timeout: Number.NaN })).rejects.toThrow(TypeError);
  await expect(new Barrier(client, PATH).wait(5 as never)).rejects.toThrow(TypeError);
});
