import { expect, expectTypeOf, test } from 'vitest';
import { ConnectionLoss, OperationTimeoutError } from '../../src/base/errors.ts';
import { Counter } from '../../src/recipe/counter.ts';
import { eventually, pause, workbench } from './workbench.ts';

test('starts at its default, and tells the value before and after each change', async () => {
  const { client } = await workbench();
  const counter = new Counter(client, '/deep/counter');
  expect([counter.preValue, counter.postValue]).toEqual([null, null]);
  expect(await counter.get()).toBe(0);
  expect((await client.get('/deep/counter'))[0]?.toString() ?? '').toBe('');
  expect(await counter.add(2)).toBe(2);
  expect(await counter.subtract(5)).toBe(-3);
  expect([counter.preValue, counter.postValue]).toEqual([2, -3]);
  expect((await client.get('/deep/counter'))[0]!.toString()).toBe('-3');
});

test('stores floats and big ints as Python prints them', async () => {
  const { client } = await workbench();
  const text = async (path: string): Promise<string> => (await client.get(path))[0]!.toString();
  const float = new Counter(client, '/float', { default: 0, type: 'float' });
  await float.add(3);
  expect(await text('/float')).toBe('3.0');
  await float.subtract(2.5);
  expect(await text('/float')).toBe('0.5');
  await float.add(1e16);
  expect(await text('/float')).toBe('1e+16');
  await float.add(NaN);
  expect(await text('/float')).toBe('nan');
  expect(await float.get()).toBeNaN();
  const big = new Counter(client, '/big', { default: 0n });
  expect(await big.add(2n ** 70n)).toBe(2n ** 70n);
  expect(await text('/big')).toBe('1180591620717411303424');
});

test('the type of the value follows from the options', async () => {
  const { client } = await workbench();
  const [plain, float, big, bigger] = [
    new Counter(client, '/a'),
    new Counter(client, '/a', { default: 1.5 }),
    new Counter(client, '/a', { type: 'bigint' }),
    new Counter(client, '/a', { default: 5n }),
  ];
  expectTypeOf(plain.default).toEqualTypeOf<number>();
  expectTypeOf(float.postValue).toEqualTypeOf<number | null>();
  expectTypeOf(big.default).toEqualTypeOf<bigint>();
  expectTypeOf(bigger.preValue).toEqualTypeOf<bigint | null>();
  expect(new Counter(client, '/a', { default: 1.5 }).type).toBe('float');
  expect(new Counter(client, '/a', { type: 'bigint' }).default).toBe(0n);
});

test('Curator mode: four bytes, big-endian, and nothing beyond', async () => {
  const { client } = await workbench();
  const counter = new Counter(client, '/shared', { supportCurator: true, default: 7 });
  expect(await counter.get()).toBe(7);
  expect(await counter.add(1)).toBe(8);
  expect((await client.get('/shared'))[0]).toEqual(Buffer.from([0, 0, 0, 8]));
  await counter.subtract(10);
  expect((await client.get('/shared'))[0]).toEqual(Buffer.from([255, 255, 255, 254]));
  await expect(counter.add(2 ** 31 + 2)).rejects.toThrow(RangeError);
  expect(await counter.get()).toBe(-2);
  await client.set('/shared', 'abc');
  await expect(counter.get()).rejects.toThrow('/shared: a counter shared with Curator has 4 bytes of data, not 3');
  expect(() => new Counter(client, '/shared', { supportCurator: true, default: 1.5 })).toThrow(TypeError);
  expect(() => new Counter(client, '/shared', { supportCurator: true, default: 2 ** 31 })).toThrow(RangeError);
  expect(() => new Counter(client, '/shared', { supportCurator: true, default: -(2n ** 31n) - 1n })).toThrow(RangeError);
});

test('refuses what is not of its type, or beyond its limits, and stores nothing', async () => {
  const { client } = await workbench();
  const counter = new Counter(client, '/counter');
  await expect(counter.add(1.5)).rejects.toThrow(TypeError);
  await expect(counter.add(1n as never)).rejects.toThrow('n of an "int" counter must be a whole number, not 1n');
  await expect(new Counter(client, '/big', { default: 0n }).add(1 as never)).rejects.toThrow(TypeError);
  await expect(new Counter(client, '/float', { type: 'float' }).add('1' as never)).rejects.toThrow(TypeError);
  await counter.add(Number.MAX_SAFE_INTEGER);
  await expect(counter.add(1)).rejects.toThrow(RangeError);
  expect(await counter.get()).toBe(Number.MAX_SAFE_INTEGER);
  await client.set('/counter', '9007199254740992');
  await expect(counter.get()).rejects.toThrow(RangeError);
  await client.set('/counter', 'three');
  await expect(counter.get()).rejects.toThrow('/counter: could not read "three" as an int');
  expect(() => new Counter(client, '/a', { default: 'x' as never })).toThrow(TypeError);
  expect(() => new Counter(client, '/a', { type: 'bigint', default: 1 })).toThrow(TypeError);
  expect(() => new Counter(client, '/a', { type: 'long' as never })).toThrow(TypeError);
});

test('many who count at once lose nothing', async () => {
  const { client, connect } = await workbench();
  const clients = [client, await connect(), await connect()];
  const counters = clients.map((each) => new Counter(each, '/counter'));
  await Promise.all(counters.flatMap((counter) => Array.from({ length: 30 }, () => counter.add(1))));
  expect(await counters[0]!.get()).toBe(90);
});

test('a change whose reply is lost is counted once (D-24e)', async () => {
  const { server, client } = await workbench();
  const counter = new Counter(client, '/counter');
  await counter.add(1);
  server.faults.cutAfterCommit('setData');
  expect(await counter.add(1)).toBe(2);
  expect(await counter.get()).toBe(2);
});

test('a change that never arrived is made after all', async () => {
  const { server, client } = await workbench();
  const counter = new Counter(client, '/counter');
  await counter.add(1);
  server.faults.fail('setData', -4);
  expect(await counter.add(1)).toBe(2);
  expect(await counter.get()).toBe(2);
});

test('where the node has moved on since, the loss is thrown rather than guessed at (D-24e)', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  const counter = new Counter(client, '/counter');
  await counter.add(1);
  server.refuseConnections(true);
  const original = client.set.bind(client);
  client.set = async (...args) => {
    client.set = original;
    await original(...args);
    await other.set('/counter', '50');
    throw new ConnectionLoss();
  };
  server.refuseConnections(false);
  await expect(counter.add(1)).rejects.toThrow(ConnectionLoss);
  expect(await counter.get()).toBe(50);
});

test('a node that vanishes is made again (D-24c)', async () => {
  const { client } = await workbench();
  const counter = new Counter(client, '/counter');
  await counter.add(5);
  await client.delete('/counter');
  expect(await counter.add(1)).toBe(1);
});

test('an abort and a timeout end the wait', async () => {
  const { server, client } = await workbench();
  const counter = new Counter(client, '/counter');
  await counter.get();
  server.freeze();
  await expect(counter.add(1, { timeout: 50 })).rejects.toThrow(OperationTimeoutError);
  const reason = new Error('enough');
  await expect(counter.get({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await expect(counter.get({ timeout: -1 })).rejects.toThrow(RangeError);
  server.thaw();
  await pause(10);
  await eventually(async () => (await counter.add(1)) === 1);
});

test('changes made one right after the other cost one request each', async () => {
  const { client, connect } = await workbench();
  const counter = new Counter(client, '/hits');
  await counter.add(1);
  await pause(5);
  const calls: string[] = [];
  for (const name of ['get', 'set'] as const) {
    const original = client[name].bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, { [name]: (...args: unknown[]) => (calls.push(name), original(...args)) });
  }
  for (let count = 0; count < 3; count++) await counter.add(1);
  expect(calls).toEqual(['get', 'set', 'set', 'set']);
  await Promise.all([counter.add(1), counter.add(2), counter.subtract(1)]);
  expect(calls.splice(0)).toHaveLength(7);
  expect([counter.preValue, counter.postValue]).toEqual([7, 6]);

  // What another did meanwhile is seen by the version, and the change is made on top of it.
  const rival = new Counter(await connect(), '/hits');
  await counter.add(1);
  await rival.add(10);
  expect(await counter.add(1)).toBe(18);
  expect(counter.preValue).toBe(17);
});

test('nothing is remembered from one turn to the next: a node made anew may have the same version', async () => {
  const { client, connect } = await workbench();
  const [counter, rival] = [new Counter(client, '/hits'), new Counter(await connect(), '/hits')];
  await counter.add(1);
  await client.delete('/hits');
  expect(await rival.add(5)).toBe(5);
  expect(await counter.add(1)).toBe(6);
});

test('rivals that count in loops lose nothing, and no change starts from a value that is out of date', async () => {
  const { connect } = await workbench();
  const counters = await Promise.all(Array.from({ length: 4 }, async () => new Counter(await connect(), '/hits')));
  const sums: number[] = [];
  const loop = async (counter: Counter): Promise<void> => {
    for (let count = 0; count < 100; count++) {
      const sum = await counter.add(1);
      expect(counter.preValue).toBe(sum - 1);
      sums.push(sum);
    }
  };
  await Promise.all(counters.map(loop));
  expect(sums.sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
});
