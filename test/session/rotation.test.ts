import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import type { ConnectFailure } from '../../src/base/errors.ts';
import { collectHosts } from '../../src/base/hosts.ts';
import type { Cycle } from '../../src/session/cycle.ts';
import type { Resolver } from '../../src/session/cycle.ts';
import { Rotation } from '../../src/session/rotation.ts';
import { flush } from './rig.ts';

const PATIENCE = 5_000;

interface Case {
  readonly clock: ManualClock;
  readonly rotation: Rotation;
  readonly failures: string[];
  readonly cycle: () => Cycle;
}

function rotating(hosts: string, resolve: Resolver = (host) => Promise.resolve([host]), random?: () => number): Case {
  const clock = new ManualClock();
  const rotation = new Rotation(collectHosts(hosts).hosts, random !== undefined, resolve, clock, random);
  const failures: string[] = [];
  const note = ({ host, address, cause }: ConnectFailure): void => void failures.push(`${host} ${address} ${cause.message}`);
  return { clock, rotation, failures, cycle: () => rotation.cycle(PATIENCE, note) };
}

/** Every address of a cycle, in the order in which they are dialled. */
async function all(cycle: Cycle): Promise<string[]> {
  const tried: string[] = [];
  for (let target = await cycle.next(); target !== undefined; target = await cycle.next()) tried.push(target.address);
  cycle.close();
  return tried;
}

describe('a cycle', () => {
  test('tries every address of every host once, in the order given where that counts', async () => {
    const { cycle } = rotating('a:1,b:1,c:1', (host) => Promise.resolve([`${host}.1`, `${host}.2`]));
    expect(await all(cycle())).toEqual(['a.1', 'a.2', 'b.1', 'b.2', 'c.1', 'c.2']);
  });

  test('shuffles the addresses of all hosts together (pain-points 62)', async () => {
    const values = [0.99, 0.5, 0];
    const { cycle } = rotating(
      'a:1,b:1',
      (host) => Promise.resolve([`${host}.1`, `${host}.2`]),
      () => values.shift() ?? 0,
    );
    expect(await all(cycle())).toEqual(['b.2', 'a.2', 'a.1', 'b.1']);
  });

  test('counts an address that two names share once', async () => {
    const { cycle } = rotating('a:1,b:1', () => Promise.resolve(['10.0.0.1']));
    expect(await all(cycle())).toEqual(['10.0.0.1']);
  });

  test('shares the time among addresses, not names: those of a service and of each of its pods are the same', async () => {
    const pods = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    const { cycle } = rotating('zk:1,zk-1:1,zk-2:1,zk-3:1,zk-1:1,zk-1:2', (host) =>
      Promise.resolve(host === 'zk' ? pods : [`10.0.0.${host.at(-1)!}`]),
    );
    const round = cycle();
    await round.next();
    expect(round.size).toBe(4);
    round.close();
  });

  test('tells of a name that has no address', async () => {
    const { cycle, failures } = rotating('a:1,b:1', (host) => Promise.resolve(host === 'a' ? [] : [host]));
    expect(await all(cycle())).toEqual(['b']);
    expect(failures).toEqual(['a null a has no address']);
  });

  test('knows its size: a name without an answer counts as one address', async () => {
    const answers = new Map<string, (addresses: string[]) => void>();
    const { cycle } = rotating('a:1,b:1', (host) => new Promise((resolve) => answers.set(host, resolve)));
    const round = cycle();
    expect(round.size).toBe(2);
    answers.get('a')!(['1', '2', '3']);
    await flush();
    expect(round.size).toBe(4);
    expect(round.unresolved.map(({ host }) => host)).toEqual(['b']);
    round.close();
  });

  test('puts a preferred server first and the lost one last, for one cycle (Kazoo HO-3)', async () => {
    const { rotation, cycle } = rotating('a:1,b:1,c:1');
    rotation.putLast({ host: 'a', port: 1, address: 'a' });
    expect(await all(cycle())).toEqual(['b', 'c', 'a']);
    expect(await all(cycle())).toEqual(['a', 'b', 'c']);
    rotation.prefer({ host: 'c', port: 1, address: 'c' });
    expect(await all(cycle())).toEqual(['c', 'a', 'b']);
    expect(await all(cycle())).toEqual(['a', 'b', 'c']);
  });

  test('tries the lost server all the same where there is no other', async () => {
    const { rotation, cycle } = rotating('a:1');
    rotation.putLast({ host: 'a', port: 1, address: 'a' });
    expect(await all(cycle())).toEqual(['a']);
  });

  test('takes the hosts there are when it begins (Kazoo HO-8)', async () => {
    const { rotation, cycle } = rotating('a:1');
    const before = cycle();
    rotation.setHosts(collectHosts('x:1,y:1').hosts, undefined);
    expect(await all(before)).toEqual(['a']);
    expect(await all(cycle())).toEqual(['x', 'y']);
    expect(rotation.hosts.map(({ host }) => host)).toEqual(['x', 'y']);
  });
});

describe('look-ups', () => {
  test('that fail are told, and keep nobody else from being tried (pain-points 7)', async () => {
    const { cycle, failures } = rotating('a:1,b:1', (host) =>
      host === 'a' ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve([host]),
    );
    expect(await all(cycle())).toEqual(['b']);
    expect(failures).toEqual(['a null ENOTFOUND']);
  });

  test.each([
    [5, '5'],
    [null, 'null'],
    ['b', '"b"'],
    [[5], 'an array of 1'],
    [new Array(1), 'an array of 1'],
    [Promise.resolve(5), '5'],
  ])('that give %o are told as such', async (answer, told) => {
    const { clock, cycle, failures } = rotating('a:1', () => answer as never);
    expect(await all(cycle())).toEqual([]);
    expect(failures).toEqual([`a null resolver must return an array of strings, not ${told}`]);
    expect(clock.pending).toBe(0);
  });

  test('that throw are told, and keep nobody else from being tried', async () => {
    const { cycle, failures } = rotating('a:1,b:1', (host) => {
      if (host === 'a') throw new Error('ENOTFOUND');
      return Promise.resolve([host]);
    });
    expect(await all(cycle())).toEqual(['b']);
    expect(failures).toEqual(['a null ENOTFOUND']);
  });

  test('are waited for 100 ms, to be shuffled with the others, and then only if there is no one else', async () => {
    const answers: ((addresses: string[]) => void)[] = [];
    const { clock, cycle } = rotating('slow:1,b:1', (host) =>
      host === 'slow' ? new Promise((resolve) => answers.push(resolve)) : Promise.resolve([host]),
    );
    const round = cycle();
    let first: string | undefined;
    void round.next().then((target) => (first = target?.address));
    await flush();
    clock.advance(99);
    await flush();
    expect(first).toBeUndefined();
    clock.advance(1);
    await flush();
    expect(first).toBe('b');
    const second = round.next();
    answers[0]!(['late']);
    expect((await second)?.address).toBe('late');
    expect(await round.next()).toBeUndefined();
    round.close();
  });

  test('that take longer than the patience count as failed', async () => {
    const { clock, cycle, failures } = rotating('slow:1', () => new Promise(() => undefined));
    const round = all(cycle());
    for (let waited = 0; waited <= PATIENCE; waited += 100) {
      await flush();
      clock.advance(100);
    }
    expect(await round).toEqual([]);
    expect(failures).toEqual(['slow null the lookup of slow took more than 5000 ms']);
    expect(clock.pending).toBe(0);
  });

  test('of a name that was dialled in vain are made again before its next address is dialled (pain-points 6, ZOOKEEPER-2184)', async () => {
    const answers = [['old.1', 'old.2', 'old.3'], ['new.1'], ['new.1']];
    let asked = 0;
    const { cycle } = rotating('a:1', () => Promise.resolve(answers[Math.min(asked++, 2)]!));
    expect(await all(cycle())).toEqual(['old.1', 'new.1']);
  });

  test('that fail the second time leave what was known', async () => {
    let asked = 0;
    const { cycle } = rotating('a:1', () =>
      asked++ === 0 ? Promise.resolve(['1', '2']) : Promise.reject(new Error('SERVFAIL')),
    );
    expect(await all(cycle())).toEqual(['1', '2']);
  });

  test('end with the cycle: nothing is told, and no timer is left', async () => {
    const { clock, cycle, failures } = rotating('slow:1', () => new Promise(() => undefined));
    const round = cycle();
    const next = round.next();
    await flush();
    round.close();
    expect(await next).toBeUndefined();
    await flush();
    expect(clock.pending).toBe(0);
    expect(failures).toEqual([]);
  });
});

test('a survey shows every address, and takes nobody’s turn', async () => {
  const { rotation, cycle } = rotating('a:1,b:1');
  rotation.prefer({ host: 'b', port: 1, address: 'b' });
  expect(await all(rotation.survey(PATIENCE))).toEqual(['a', 'b']);
  expect(await all(cycle())).toEqual(['b', 'a']);
});
