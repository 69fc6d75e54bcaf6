import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { KazooException, OperationTimeoutError } from '../../src/base/errors.ts';
import { MultiNonBlockingLease, NonBlockingLease } from '../../src/recipe/lease.ts';
import { Lab } from './lab.ts';
import { altered, workbench } from './workbench.ts';

const PATH = '/leases/one';
const HOUR = 3_600_000;

/** A clock to set. */
function watchmaker(start = '2020-01-01T12:00:00.789Z') {
  let time = Date.parse(start);
  return { now: () => new Date(time), pass: (milliseconds: number) => (time += milliseconds) };
}

describe('one lease', () => {
  test('it is written as Kazoo writes it (LE-1)', async () => {
    const client = await (await Lab.open()).client();
    const lease = new NonBlockingLease(client, PATH, HOUR, { identifier: 'wörker', now: watchmaker().now });
    expect(lease.obtained).toBe(false);
    expect(await lease.obtain()).toBe(true);
    expect(lease.obtained).toBe(true);
    const [data, stat] = await client.get(`${PATH}/lease_holder`);
    expect(data?.toString()).toBe('{"version": 1, "holder": "w\\u00f6rker", "end": "2020-01-01T13:00:00"}');
    expect(stat.ephemeralOwner).toBe(0n);
    expect(await client.getChildren(PATH)).toEqual(['lease_holder']);
    expect(client.listenerCount('state')).toBe(0);
  });

  test('another gets it only once it has ended; its holder renews it (LE-3)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const clock = watchmaker();
    const first = new NonBlockingLease(one, PATH, HOUR, { identifier: 'one', now: clock.now });
    const second = new NonBlockingLease(two, PATH, HOUR, { identifier: 'two', now: clock.now });
    expect(await first.obtain()).toBe(true);
    expect(await second.obtain()).toBe(false);
    clock.pass(HOUR / 2);
    expect(await first.obtain()).toBe(true);
    clock.pass(HOUR / 2);
    expect(await second.obtain()).toBe(false);
    clock.pass(HOUR / 2);
    expect(await second.obtain()).toBe(true);
    expect(await first.obtain()).toBe(false);
    expect(first.obtained).toBe(false);
  });

  test('a lease of another version is left alone, and what is no lease is refused', async () => {
    const client = await (await Lab.open()).client();
    await client.create(`${PATH}/lease_holder`, '{"version": 2}', { makepath: true });
    const lease = new NonBlockingLease(client, PATH, HOUR);
    expect(await lease.obtain()).toBe(false);
    await client.set(`${PATH}/lease_holder`, `{"version": 1, "holder": "${hostname()}", "end": "2000-01-01T00:00:00"}`);
    expect(await lease.obtain()).toBe(true);
    for (const data of ['{"version": 1}', 'x', null]) {
      await client.set(`${PATH}/lease_holder`, data);
      await expect(lease.obtain()).rejects.toThrow(KazooException);
      expect(lease.obtained).toBe(false);
    }
    expect(await client.getChildren(PATH)).toEqual(['lease_holder']);
  });

  test('it is decided again where somebody takes the lease, or all of its path, away in the midst of it', async () => {
    const client = await (await Lab.open()).client();
    for (const gone of [`${PATH}/lease_holder`, PATH]) {
      let mayDelete = true;
      const disturbed = altered(client, {
        transaction: () => {
          const transaction = client.transaction();
          if (!mayDelete) return transaction;
          mayDelete = false;
          const commit = transaction.commitOrThrow.bind(transaction);
          transaction.commitOrThrow = async (options) => {
            await client.delete(gone, { recursive: true });
            return commit(options);
          };
          return transaction;
        },
      });
      const lease = new NonBlockingLease(disturbed, PATH, HOUR, { identifier: 'a' });
      await new NonBlockingLease(client, PATH, HOUR, { identifier: 'a' }).obtain();
      expect(await lease.obtain()).toBe(true);
      expect(await lease.readHolder()).toBe('a');
    }
  });

  test('a lost reply does not cost the lease', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    lab.server.faults.cutAfterCommit('multi');
    const lease = new NonBlockingLease(client, PATH, HOUR);
    expect(await lease.obtain()).toBe(true);
    expect(await client.getChildren(PATH)).toEqual(['lease_holder']);
  });
});

describe('one of several leases', () => {
  test('so many hold one each, and who holds one renews that one (D-24i)', async () => {
    const client = await (await Lab.open()).client();
    const clock = watchmaker();
    const holders = ['a', 'b', 'c'].map(
      (identifier) => new MultiNonBlockingLease(client, 2, PATH, HOUR, { identifier, now: clock.now }),
    );
    expect(await holders[0]!.obtain()).toBe(true);
    clock.pass(HOUR / 2);
    expect(await holders[1]!.obtain()).toBe(true);
    expect(await holders[2]!.obtain()).toBe(false);
    clock.pass(HOUR / 2 + 1_000);
    // The first slot is free by now, but b has the second.
    expect(await holders[1]!.obtain()).toBe(true);
    expect(await holders[2]!.obtain()).toBe(true);
    expect(await holders[0]!.obtain()).toBe(false);
    expect([holders[0]!.obtained, holders[1]!.obtained, holders[2]!.obtained]).toEqual([false, true, true]);
    expect((await client.get(`${PATH}/0/lease_holder`))[0]?.toString()).toContain('"holder": "c"');
    expect((await client.get(`${PATH}/1/lease_holder`))[0]?.toString()).toContain('"holder": "b"');
  });
});

test('an obtain that fails leaves nothing that looks obtained', async () => {
  const { server, client } = await workbench();
  const leases = [
    new NonBlockingLease(client, `${PATH}/one`, HOUR),
    new MultiNonBlockingLease(client, 2, `${PATH}/several`, HOUR),
  ];
  for (const lease of leases) {
    expect([await lease.obtain(), lease.obtained]).toEqual([true, true]);
    server.freeze();
    await expect(lease.obtain({ timeout: 20 })).rejects.toThrow(OperationTimeoutError);
    server.thaw();
    expect(lease.obtained).toBe(false);
  }
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new NonBlockingLease(client, PATH, -1)).toThrow(RangeError);
  expect(() => new NonBlockingLease(client, PATH, Infinity)).toThrow(RangeError);
  expect(() => new NonBlockingLease(client, PATH, '5' as never)).toThrow(TypeError);
  expect(() => new NonBlockingLease(client, PATH, 5, { now: 5 as never })).toThrow(TypeError);
  expect(() => new MultiNonBlockingLease(client, 0, PATH, 5)).toThrow(RangeError);
  await expect(new NonBlockingLease(client, PATH, 5, { now: () => new Date(Number.NaN) }).obtain()).rejects.toThrow(TypeError);
});
