import { describe, expect, test, vi } from 'vitest';
import { makeAcl } from '../../src/base/security.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { type PartitionState, SetPartitioner, type SetPartitionerOptions } from '../../src/recipe/set-partitioner.ts';
import { Lab, once, until, untilConnected } from './lab.ts';

const PATH = '/shards';
const SET = [1, 2, 3, 10];

function member(client: KazooClient, identifier: string, options: SetPartitionerOptions<number> = {}): SetPartitioner<number> {
  return new SetPartitioner(client, PATH, SET, { identifier, timeBoundary: 100, ...options });
}

describe('sharing', () => {
  test('one member gets everything, in Kazoo’s nodes (SP-1, D-23, D-24g)', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'one');
    const states: PartitionState[] = [];
    partitioner.on('state', (state) => states.push(state));
    expect(partitioner.state).toBe('ALLOCATING');
    expect(partitioner.allocating).toBe(true);
    expect([...partitioner]).toEqual([]);
    expect(await partitioner.waitForAcquire()).toBe(true);
    expect(partitioner.acquired).toBe(true);
    expect([...partitioner]).toEqual([1, 2, 3, 10]);
    expect(partitioner.stateId).toBe(1);
    expect(await client.getChildren(`${PATH}/party`)).toEqual([expect.stringMatching(/^[0-9a-f]{32}-one$/)]);
    expect((await client.getChildren(`${PATH}/locks`)).sort()).toEqual(['1', '10', '2', '3']);
    const [lock] = await client.getChildren(`${PATH}/locks/10`);
    expect(lock).toMatch(/^[0-9a-f]{32}__lock__0{10}$/);
    expect((await client.get(`${PATH}/locks/10/${lock}`))[0]?.length).toBe(0);
    await partitioner.finish();
    expect(partitioner.failed).toBe(true);
    expect([...partitioner]).toEqual([]);
    expect(states).toEqual(['ACQUIRED', 'FAILURE']);
    expect(await client.getChildren(`${PATH}/party`)).toEqual([]);
    expect(await client.getChildren(`${PATH}/locks/10`)).toEqual([]);
    expect(client.listenerCount('state')).toBe(0);
  });

  test('a second member makes the first release, and then both have their share (SP-5, D-24g)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const first = member(one, 'a');
    expect(await first.waitForAcquire()).toBe(true);
    const second = member(two, 'b');
    await until('the first is to release', () => first.release);
    expect([...first]).toEqual([]);
    await first.releaseSet();
    expect(await Promise.all([first.waitForAcquire(), second.waitForAcquire()])).toEqual([true, true]);
    expect([...first]).toEqual([1, 3]);
    expect([...second]).toEqual([2, 10]);
    await second.finish();
    await until('the first is to release', () => first.release);
    await first.releaseSet();
    expect(await first.waitForAcquire()).toBe(true);
    expect([...first]).toEqual(SET);
    await first.finish();
  });

  test('members that come and go leave every item with exactly one (pain-points 51)', async () => {
    const lab = await Lab.open();
    const members = await Promise.all(['a', 'b', 'c'].map(async (name) => member(await lab.client(), name)));
    for (const partitioner of members) {
      partitioner.on('state', (state) => {
        if (state === 'RELEASE') void partitioner.releaseSet();
      });
    }
    const settled = (): boolean => {
      const active = members.filter((partitioner) => !partitioner.failed);
      const items = active.flatMap((partitioner) => [...partitioner]);
      return (
        active.every((partitioner) => partitioner.acquired) && items.length === SET.length && new Set(items).size === SET.length
      );
    };
    await until('all is shared', settled);
    await members[1]!.finish();
    await until('all is shared again', settled);
    expect(members.map((partitioner) => partitioner.state)).toEqual(['ACQUIRED', 'FAILURE', 'ACQUIRED']);
    await Promise.all(members.map((partitioner) => partitioner.finish()));
  });

  test('an item locked by another is waited for, and a change of membership ends that wait, whatever maxReactionTime is (SP-4, SP-5, D-16)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    await one.create(`${PATH}/locks/2/aaaa__lock__`, '', { ephemeral: true, sequence: true, makepath: true });
    const first = member(one, 'a', { maxReactionTime: Infinity });
    expect(await first.waitForAcquire({ timeout: 300 })).toBe(false);
    expect(first.allocating).toBe(true);
    const second = member(two, 'b', { partitionFunc: () => [] });
    expect(await second.waitForAcquire()).toBe(true);
    expect(await first.waitForAcquire()).toBe(true);
    expect([...first]).toEqual([1, 3]);
    await Promise.all([first.finish(), second.finish()]);
  });
});

describe('trouble', () => {
  test('a lost connection calls for a release; the set is shared anew after it', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const partitioner = member(client, 'a');
    await partitioner.waitForAcquire();
    const suspended = once(client, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    expect(partitioner.release).toBe(true);
    expect([...partitioner]).toEqual([]);
    await untilConnected(client);
    await partitioner.releaseSet();
    expect(await partitioner.waitForAcquire()).toBe(true);
    await partitioner.finish();
  });

  test('a lost session is the end (SP-6)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const partitioner = member(client, 'a');
    await partitioner.waitForAcquire();
    await lab.expire(client);
    expect(partitioner.failed).toBe(true);
    expect(await partitioner.waitForAcquire()).toBe(false);
    await partitioner.releaseSet();
    await partitioner.finish();
    expect(client.listenerCount('state')).toBe(0);
    await until('nothing is left', async () => (await client.getChildren(`${PATH}/party`)).length === 0);
  });

  test('a partition function that throws, and an identifier nobody has, end in FAILURE (D-24k)', async () => {
    const client = await (await Lab.open()).client({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
    const partitioner = member(client, 'a', {
      partitionFunc: () => {
        throw new Error('boom');
      },
    });
    expect(await partitioner.waitForAcquire()).toBe(false);
    expect(partitioner.failed).toBe(true);
    await partitioner.finish();
    expect(await client.getChildren(`${PATH}/party`)).toEqual([]);
  });

  test.each([
    [null, 'null'],
    ['ab', '"ab"'],
    [Promise.resolve([1]), 'an object (Promise)'],
  ])('a function that shares %o is told of at the error event, before FAILURE, and ends it', async (share, told) => {
    const client = await (await Lab.open()).client();
    const heard: unknown[] = [];
    client.on('error', (error) => void heard.push(error.message, (error.cause as Error).name));
    const partitioner = member(client, 'a', { partitionFunc: () => share as never });
    partitioner.on('state', (state) => void heard.push(state));
    expect(await partitioner.waitForAcquire()).toBe(false);
    expect(partitioner.failed).toBe(true);
    expect(heard).toEqual([
      `/shards: the set cannot be divided: TypeError: the return value of partitionFunc must be an array or a Set, not ${told}`,
      'TypeError',
      'FAILURE',
    ]);
    await partitioner.finish();
  });

  test('what the server refuses is told of at the error event, too', async () => {
    const client = await (await Lab.open()).client();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    await client.create('/closed', null, { acl: [makeAcl('world', 'anyone', { read: true })] });
    const partitioner = client.setPartitioner('/closed/shards', [1]);
    expect(await partitioner.waitForAcquire()).toBe(false);
    expect(errors.map(({ cause }) => cause)).toEqual([expect.objectContaining({ name: 'NoAuthError', path: '/closed/shards' })]);
    await partitioner.finish();
  });

  test.each([true, false])(
    'a client that is stopped is nothing to warn of (while it shares: %s); one that was never started is',
    async (sharing) => {
      const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
      const lab = await Lab.open();
      const client = await lab.client({ logger });
      const partitioner = member(client, 'a', { timeBoundary: sharing ? 60_000 : 10 });
      if (sharing) await until('it has joined', () => lab.server.sessions().some(({ ephemerals }) => ephemerals.length > 0));
      else expect(await partitioner.waitForAcquire()).toBe(true);
      await client.stop();
      await until('it is over', () => partitioner.failed);
      await partitioner.finish();
      expect([...logger.warn.mock.calls, ...logger.error.mock.calls]).toEqual([]);
      const early = member(new KazooClient({ logger }), 'a');
      await until('it is over', () => early.failed);
      expect(logger.error).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('the client is not running'));
    },
  );

  test('an item that a function shares twice is taken once', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'a', { partitionFunc: () => [1, 2, 1] });
    expect(await partitioner.waitForAcquire({ timeout: 5_000 })).toBe(true);
    expect([...partitioner]).toEqual([1, 2]);
    await partitioner.finish();
  });

  test('two of one identifier have one share: one gets it, the other waits for it (SP-10)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const twins = [member(one, 'twin'), member(two, 'twin')];
    await until('one has it', () => twins.some((twin) => twin.acquired));
    const [winner, other] = twins[0]!.acquired ? twins : twins.toReversed();
    expect([...winner!]).toEqual([1, 3]);
    expect(await other!.waitForAcquire({ timeout: 300 })).toBe(false);
    expect(other!.allocating).toBe(true);
    await winner!.finish();
    expect(await other!.waitForAcquire()).toBe(true);
    expect([...other!]).toEqual(SET);
    await other!.finish();
  });

  test('shares that overlap, for members that do not decide alike, are owned by one at a time: the other waits, and has them next', async () => {
    const lab = await Lab.open();
    const [greedy, modest] = [await lab.client(), await lab.client()];
    const all = member(greedy, 'all', { partitionFunc: (_identifier, _members, set) => [...set] });
    expect(await all.waitForAcquire()).toBe(true);
    const some = member(modest, 'some');
    await until('the first is to let go', () => all.release);
    await all.releaseSet();
    await until('one of them owns its share', () => all.acquired || some.acquired);
    const [winner, other] = all.acquired ? [all, some] : [some, all];
    expect(await other.waitForAcquire({ timeout: 500 })).toBe(false);
    expect([winner.acquired, other.allocating, [...other]]).toEqual([true, true, []]);
    await winner.finish();
    expect(await other.waitForAcquire()).toBe(true);
    expect([...other]).toEqual(SET);
    await other.finish();
  });

  test('locks of others on the items, which are no members, are waited for; one that cannot be had is the end, and what was taken before is let go', async () => {
    const lab = await Lab.open();
    const client = await lab.client({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
    const other = await lab.client();
    const foreign = other.lock(`${PATH}/locks/2`);
    await foreign.acquire();
    const patient = member(client, 'a');
    await until('it waits for the second item', async () => (await other.getChildren(`${PATH}/locks/2`)).length === 2);
    expect(await patient.waitForAcquire({ timeout: 100 })).toBe(false);
    await foreign.release();
    expect(await patient.waitForAcquire()).toBe(true);
    await patient.finish();

    // Nobody may write there, so that the item cannot be locked.
    await other.setAcls(`${PATH}/locks/2`, [makeAcl('world', 'anyone', { read: true, admin: true })]);
    const refused = member(client, 'b');
    expect(await refused.waitForAcquire()).toBe(false);
    expect(refused.failed).toBe(true);
    await refused.finish();
    for (const item of SET) expect(await other.getChildren(`${PATH}/locks/${item}`)).toEqual([]);
    expect(await other.getChildren(`${PATH}/party`)).toEqual([]);
  });

  test('a listener that throws is reported, and nothing else happens', async () => {
    const client = await (await Lab.open()).client();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const partitioner = member(client, 'a');
    partitioner.on('state', () => {
      throw new Error('boom');
    });
    partitioner.on('state', async () => {
      throw new Error('later');
    });
    expect(await partitioner.waitForAcquire()).toBe(true);
    await until('both are told', () => errors.length === 2);
    expect(errors.map((error) => error.message)).toEqual(['boom', 'later']);
    await partitioner.finish();
  });

  test('a finish right after the start leaves nothing', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'a');
    await partitioner.finish();
    await partitioner.finish();
    expect(await client.getChildren(PATH).catch(() => [])).not.toContain('nothing');
    expect(await client.getChildren(`${PATH}/party`).catch(() => [])).toEqual([]);
    expect(client.listenerCount('state')).toBe(0);
  });

  test('stopping the client is the end', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'a');
    const wait = partitioner.waitForAcquire();
    await client.stop();
    expect(await wait).toBe(false);
    expect(partitioner.failed).toBe(true);
  });

  test.each([
    ['a party that cannot be joined', 'create', 'before'],
    ['members that cannot be read', 'getChildren', 'before'],
    ['an item that cannot be locked', 'create', 'while sharing'],
    ['the lock of another that cannot be looked at', 'getData', 'while sharing'],
  ] as const)('%s is the end, and leaves nothing', async (_what, op, when) => {
    const lab = await Lab.open();
    const client = await lab.client({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
    const other = await lab.client();
    // Taken, so that the lock has to be waited for.
    await other.create(`${PATH}/locks/1/aaaa__lock__`, '', { ephemeral: true, sequence: true, makepath: true });
    await other.ensurePath(`${PATH}/party`);
    const fail = (): void => lab.server.faults.fail(op, -102);
    if (when === 'before') fail();
    const partitioner = member(client, 'a', {
      partitionFunc: (_identifier, _members, set) => {
        fail();
        return [...set];
      },
    });
    expect(await partitioner.waitForAcquire()).toBe(false);
    expect(partitioner.failed).toBe(true);
    await partitioner.finish();
    lab.server.faults.clear();
    expect(await other.getChildren(`${PATH}/party`)).toEqual([]);
    expect(await other.getChildren(`${PATH}/locks/1`)).toHaveLength(1);
  });

  test('an item that cannot be let go at the end is warned of, and the party is left all the same', async () => {
    const lab = await Lab.open();
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const client = await lab.client({ logger });
    const partitioner = member(client, 'a');
    expect(await partitioner.waitForAcquire()).toBe(true);
    lab.server.faults.fail('delete', -102);
    await partitioner.finish();
    expect(partitioner.failed).toBe(true);
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/^\/shards: could not release everything: NoAuthError/),
    );
    expect(await client.getChildren(`${PATH}/party`)).toEqual([]);
  });

  test('releaseSet may be called twice, and while allocating', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'a');
    await Promise.all([partitioner.releaseSet(), partitioner.releaseSet()]);
    expect(partitioner.stateId).toBe(1);
    expect(await partitioner.waitForAcquire()).toBe(true);
    const released = partitioner.releaseSet();
    const finished = partitioner.finish();
    await Promise.all([released, finished]);
    expect(partitioner.failed).toBe(true);
    expect(await client.getChildren(`${PATH}/party`)).toEqual([]);
  });

  test('once a release has begun, nothing is ours any more', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'a');
    expect(await partitioner.waitForAcquire()).toBe(true);
    const seen: [PartitionState, number][] = [];
    partitioner.on('state', (state) => {
      seen.push([state, [...partitioner].length]);
      if (state === 'RELEASE') void partitioner.releaseSet();
    });
    await partitioner.releaseSet();
    expect(seen).toEqual([
      ['RELEASE', 0],
      ['ALLOCATING', 0],
    ]);
    await partitioner.finish();
  });

  test('waiting can be aborted', async () => {
    const client = await (await Lab.open()).client();
    const partitioner = member(client, 'a', { timeBoundary: 60_000 });
    const controller = new AbortController();
    const wait = partitioner.waitForAcquire({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    await partitioner.finish();
  });
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new SetPartitioner(client, PATH, 5 as never)).toThrow(TypeError);
  expect(() => member(client, 'a', { timeBoundary: -1 })).toThrow(RangeError);
  expect(() => member(client, 'a', { maxReactionTime: 'x' as never })).toThrow(TypeError);
  expect(() => member(client, 'a', { partitionFunc: 5 as never })).toThrow(TypeError);
  expect(() => member(client, 'a/b')).toThrow(RangeError);
  expect(await client.exists(PATH)).toBeNull();
});
