import { describe, expect, test } from 'vitest';
import { ConnectionLoss, NoAuthError } from '../../src/base/errors.ts';
import { workbench } from './workbench.ts';

const CONNECTION_LOSS = -4;
const NO_NODE = -101;
const NO_AUTH = -102;

describe('a counter', () => {
  test('that vanishes under a change is made again, from its default (Kazoo D-24c)', async () => {
    const { server, client } = await workbench();
    const counter = client.counter('/n', { default: 5 });
    expect(await counter.add(1)).toBe(6);
    await client.delete('/n');
    expect(await counter.add(1)).toBe(6);
    server.faults.fail('setData', NO_NODE);
    expect(await counter.add(1)).toBe(7);
  });

  test('that may not be written is not changed, and says so', async () => {
    const { server, client } = await workbench();
    const counter = client.counter('/n');
    server.faults.fail('setData', NO_AUTH);
    await expect(counter.add(1)).rejects.toBeInstanceOf(NoAuthError);
    expect(await counter.get()).toBe(0);
  });

  test('of which nothing can be learnt after a lost reply rejects with the loss', async () => {
    const { server, client } = await workbench();
    const counter = client.counter('/n');
    await counter.get();
    server.faults.fail('setData', CONNECTION_LOSS);
    server.faults.fail('sync', NO_AUTH);
    await expect(counter.add(1)).rejects.toBeInstanceOf(ConnectionLoss);
    expect(counter.postValue).toBeNull();
  });

  test('of which the change did nothing is changed again', async () => {
    const { server, client } = await workbench();
    const counter = client.counter('/n');
    server.faults.fail('setData', CONNECTION_LOSS);
    expect(await counter.add(3)).toBe(3);
    expect((await client.exists('/n'))!.version).toBe(1);
  });

  test('of bigints counts down, and reads what it wrote, Curator’s too', async () => {
    const { client } = await workbench();
    const counter = client.counter('/n', { default: 10n ** 20n });
    expect(await counter.subtract(1n)).toBe(10n ** 20n - 1n);
    expect(await client.counter('/n', { default: 0n }).get()).toBe(99_999_999_999_999_999_999n);
    const shared = client.counter('/c', { default: 0n, supportCurator: true });
    expect(await shared.subtract(2n)).toBe(-2n);
    expect(await shared.get()).toBe(-2n);
    expect((await client.get('/c'))[0]).toEqual(Buffer.from([0xff, 0xff, 0xff, 0xfe]));
  });
});
