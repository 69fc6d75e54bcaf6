import { hostname } from 'node:os';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConnectionClosedError, NoChildrenForEphemeralsError, OperationTimeoutError } from '../../src/base/errors.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { DoubleBarrier } from '../../src/recipe/double-barrier.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { Lab, once, until, untilConnected } from './lab.ts';
import { altered, watchCount } from './workbench.ts';

const PATH = '/barriers/double';

async function party(lab: Lab, count: number, size = count): Promise<DoubleBarrier[]> {
  return Promise.all(Array.from({ length: count }, async () => new DoubleBarrier(await lab.client(), PATH, size)));
}

async function membersOf(client: KazooClient): Promise<string[]> {
  const names = await client.getChildren(PATH);
  return names.filter((name) => name !== 'ready');
}

/** The nodes made from now on are called by these letters, one after the other: who is the lowest decides who waits for whom. */
function nameNodes(letters: string): void {
  const spy = vi.spyOn(crypto, 'randomUUID');
  onTestFinished(() => spy.mockRestore());
  for (const letter of letters) spy.mockReturnValueOnce(letter.repeat(32) as ReturnType<typeof crypto.randomUUID>);
}

describe('entering', () => {
  test('all enter together, and leave together', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const barriers = await party(lab, 3);
    let entered = 0;
    const entering = barriers.map((barrier) => barrier.enter().then(() => (entered += 1)));
    await Promise.all(entering);
    expect(barriers.map((barrier) => barrier.participating)).toEqual([true, true, true]);
    const names = await client.getChildren(PATH);
    expect(names).toContain('ready');
    const member = names.find((name) => name !== 'ready')!;
    expect(member).toMatch(/^[0-9a-f]{32}$/);
    expect((await client.get(`${PATH}/${member}`))[0]?.toString()).toBe(`${hostname()}-${process.pid}`);
    expect((await client.get(`${PATH}/ready`))[0]?.length).toBe(0);
    expect((await client.exists(`${PATH}/ready`))?.ephemeralOwner).toBe(0n);
    let left = 0;
    const leaving = barriers.slice(1).map((barrier) => barrier.leave().then(() => (left += 1)));
    await until('two have begun to leave', async () => (await membersOf(client)).length <= 2);
    expect(left).toBe(0);
    await barriers[0]!.leave();
    await Promise.all(leaving);
    expect(barriers.map((barrier) => barrier.participating)).toEqual([false, false, false]);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('who waits hears that an old barrier was opened, though it is gone by the time of a look', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    await client.create(`${PATH}/ready`, '', { makepath: true });
    const [one] = await party(lab, 1, 2);
    const entering = one!.enter();
    await until('one waits', async () => (await watchCount(client)) >= 2);
    await client.transaction().setData(`${PATH}/ready`, '').delete(`${PATH}/ready`).commitOrThrow();
    await entering;
    expect(one!.participating).toBe(true);
  });

  test('nobody enters before the last has come', async () => {
    const lab = await Lab.open();
    const [one, two] = await party(lab, 2);
    let entered = false;
    const entering = one!.enter().then(() => (entered = true));
    const client = await lab.client();
    await until('one has come', async () => (await client.exists(PATH))?.numChildren === 1);
    expect(entered).toBe(false);
    await two!.enter();
    await entering;
  });

  test('a ready node left from earlier does not open the barrier, nor does it keep it shut (D-11, DB-3)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    await client.ensurePath(`${PATH}/ready`);
    const barriers = await party(lab, 3);
    let entered = 0;
    const entering = barriers.map((barrier) => barrier.enter().then(() => (entered += 1)));
    await Promise.all(entering.slice(0, 0));
    const first = new DoubleBarrier(await lab.client(), `${PATH}2`, 2);
    await client.ensurePath(`${PATH}2/ready`);
    await expect(first.enter({ timeout: 50 })).rejects.toThrow(OperationTimeoutError);
    expect(first.participating).toBe(false);
    await Promise.all(entering);
    expect(entered).toBe(3);
  });

  test('a ready node made while waiting opens it', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const [one] = await party(lab, 2);
    const entering = one!.enter();
    await until('one has come', async () => (await client.exists(PATH))?.numChildren === 1);
    await client.create(`${PATH}/ready`);
    await entering;
    expect(one!.participating).toBe(true);
  });

  test('a timeout or an abort leaves no member', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const [one] = await party(lab, 2);
    await expect(one!.enter({ timeout: 50 })).rejects.toThrow(OperationTimeoutError);
    expect(await client.getChildren(PATH)).toEqual([]);
    const controller = new AbortController();
    const entering = one!.enter({ signal: controller.signal });
    await until('one has come', async () => (await client.getChildren(PATH)).length === 1);
    controller.abort(new Error('enough'));
    await expect(entering).rejects.toThrow('enough');
    await until('it has gone', async () => (await client.getChildren(PATH)).length === 0);
  });

  test('it outlasts a lost connection and a lost session (D-8, DB-7)', async () => {
    const lab = await Lab.open();
    const [one, two] = [await lab.client(), await lab.client()];
    const entering = new DoubleBarrier(one, PATH, 2).enter();
    await until('one has come', async () => (await two.exists(PATH))?.numChildren === 1);
    const suspended = once(one, 'SUSPENDED');
    lab.server.dropConnections();
    await suspended;
    await untilConnected(one);
    await lab.expire(one);
    await untilConnected(two);
    await new DoubleBarrier(two, PATH, 2).enter({ timeout: 10_000 });
    await entering;
    expect(await one.getChildren(PATH)).toHaveLength(3);
  });

  test('one of two waits on one object that is given up leaves the other its node', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const [one, two] = await party(lab, 2);
    const controller = new AbortController();
    const refused = expect(one!.enter({ signal: controller.signal })).rejects.toThrow('enough');
    const entering = one!.enter({ timeout: 20_000 });
    await until('one has come', async () => (await client.getChildren(PATH)).length === 1);
    controller.abort(new Error('enough'));
    await refused;
    await client.sync(PATH);
    expect(await client.getChildren(PATH)).toHaveLength(1);
    await Promise.all([two!.enter({ timeout: 20_000 }), entering]);
    expect(await client.getChildren(PATH)).toHaveLength(3);
  });

  test('a node that is deleted by hand while it waits is made again', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const [one, two] = await party(lab, 2);
    const entering = one!.enter({ timeout: 20_000 });
    await until('one has come', async () => (await membersOf(client)).length === 1);
    const [first] = await membersOf(client);
    await client.delete(PATH, { recursive: true });
    await until('it has come again', async () => (await membersOf(client)).some((name) => name !== first));
    expect(one!.participating).toBe(false);
    await Promise.all([two!.enter({ timeout: 20_000 }), entering]);
    expect(await membersOf(client)).toHaveLength(2);
  });

  test('stopping the client ends the wait', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const refused = expect(new DoubleBarrier(client, PATH, 2).enter()).rejects.toThrow(ConnectionClosedError);
    await until('one has come', async () => (await client.exists(PATH))?.numChildren === 1);
    await client.stop();
    await refused;
  });
});

/** Three of one barrier, of whom the first is waiting, and away from its session; the others have come meanwhile. */
async function absentee(
  lab: Lab,
  signal?: AbortSignal,
): Promise<{ entering: Promise<void>; back: () => void; barriers: DoubleBarrier[] }> {
  const proxy = await TcpProxy.open(lab.server.connectString);
  onTestFinished(() => proxy.close());
  const away = await lab.client({ hosts: proxy.connectString, timeout: 4_000 });
  const barriers = [new DoubleBarrier(away, PATH, 3), ...(await party(lab, 2, 3))];
  const entering = barriers[0]!.enter({ timeout: 20_000, signal });
  entering.catch(() => undefined);
  const client = await lab.client();
  await until('one has come', async () => (await client.exists(PATH))?.numChildren === 1);
  proxy.refuse(true);
  proxy.cut();
  await until('it is away', () => !away.connected);
  await Promise.all(barriers.slice(1).map((barrier) => barrier.enter({ timeout: 20_000 })));
  return { entering, back: () => proxy.refuse(false), barriers };
}

describe('leaving', () => {
  test('one that was away while the barrier opened, and the others began to leave, enters all the same', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const { entering, back, barriers } = await absentee(lab);
    const leaving = barriers.slice(1).map((barrier) => barrier.leave({ timeout: 20_000 }));
    await until('one has left', async () => (await membersOf(client)).length < 3);
    back();
    await entering;
    await Promise.all([...leaving, barriers[0]!.leave({ timeout: 20_000 })]);
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('who gives up to wait for one that is away takes ready with it while its own node is there, and leaves it to the next round else', async () => {
    for (const [names, left] of [
      ['cab', ['c']],
      ['abc', ['a', 'ready']],
    ] as const) {
      const lab = await Lab.open();
      const client = await lab.client();
      const controller = new AbortController();
      nameNodes(names);
      const { entering, back, barriers } = await absentee(lab, controller.signal);
      for (const [index, barrier] of barriers.slice(1).entries()) {
        const giveUp = new AbortController();
        const leaving = barrier.leave({ signal: giveUp.signal });
        const isOut = async (): Promise<boolean> => (await membersOf(client)).length === 2 - index;
        if (names === 'abc') await until('only the others are in', isOut);
        giveUp.abort(new Error('not all came'));
        await expect(leaving).rejects.toThrow('not all came');
        // By itself: who is given up by a signal is not waited for.
        await until('its node has gone', isOut);
      }
      if (names === 'cab') await until('ready has gone', async () => !(await client.getChildren(PATH)).includes('ready'));
      expect((await client.getChildren(PATH)).map((name) => (name === 'ready' ? name : name[0])).sort()).toEqual(left);
      controller.abort(new Error('enough'));
      await expect(entering).rejects.toThrow('enough');
      back();
      await until('it has gone', async () => (await membersOf(client)).length === 0);
    }
  });

  test('who was not the last to leave leaves the next round its ready', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const [other, third] = [await lab.client(), await lab.client()];
    nameNodes('abcd');
    const first = new DoubleBarrier(client, PATH, 2);
    let mayGo = (): void => undefined;
    const gone = new Promise<void>((resolve) => (mayGo = resolve));
    let isLeaving = false;
    // What it learns of the first's leaving comes late.
    const slow = altered(other, {
      getChildren: async (path: string) => {
        if (isLeaving && (await client.exists(`${PATH}/${'a'.repeat(32)}`)) === null) await gone;
        return other.getChildren(path);
      },
    });
    const second = new DoubleBarrier(slow, PATH, 2);
    const entering = first.enter();
    await until('the first has come', async () => (await membersOf(third)).length === 1);
    await Promise.all([entering, second.enter()]);
    isLeaving = true;
    const leaving = second.leave();
    await first.leave();
    const next = [new DoubleBarrier(client, PATH, 2), new DoubleBarrier(third, PATH, 2)];
    await Promise.all(next.map((barrier) => barrier.enter()));
    mayGo();
    await leaving;
    expect(await client.exists(`${PATH}/ready`)).not.toBeNull();
    await Promise.all(next.map((barrier) => barrier.leave()));
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('who enters again while it leaves has left first', async () => {
    const client = await (await Lab.open()).client();
    const barrier = new DoubleBarrier(client, PATH, 1);
    await barrier.enter();
    const leaving = barrier.leave();
    await barrier.enter();
    await leaving;
    expect(barrier.participating).toBe(true);
    expect(await membersOf(client)).toHaveLength(1);
    await barrier.leave();
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('who enters again while it waits for the others to leave waits for the next round', async () => {
    const [first, second] = (await party(await Lab.open(), 2)) as [DoubleBarrier, DoubleBarrier];
    await Promise.all([first.enter(), second.enter()]);
    const leaving = first.leave();
    // The other is inside still: with it, the barrier would be open.
    await expect(first.enter({ timeout: 150 })).rejects.toThrow(OperationTimeoutError);
    const entering = first.enter();
    await second.leave();
    await leaving;
    await Promise.all([entering, second.enter()]);
    expect([first.participating, second.participating]).toEqual([true, true]);
  });

  test('nobody who has not entered leaves', async () => {
    const client = await (await Lab.open()).client();
    await new DoubleBarrier(client, PATH, 2).leave();
    expect(await client.exists(PATH)).toBeNull();
  });

  test('a timeout rejects, and this one has left all the same', async () => {
    const lab = await Lab.open();
    const barriers = await party(lab, 2);
    await Promise.all(barriers.map((barrier) => barrier.enter()));
    await expect(barriers[0]!.leave({ timeout: 50 })).rejects.toThrow(OperationTimeoutError);
    expect(barriers[0]!.participating).toBe(false);
    await barriers[1]!.leave({ timeout: 10_000 });
  });

  test('a signal that has aborted already rejects, and this one has left all the same', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const barrier = new DoubleBarrier(client, PATH, 1);
    await barrier.enter();
    await expect(barrier.leave({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    await until('it has gone', async () => (await client.getChildren(PATH)).length === 0);
    await expect(barrier.enter({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(await client.getChildren(PATH)).toEqual([]);
  });

  test('a member that waits for others goes on waiting when one of them leaves (D-11, DB-6)', async () => {
    const lab = await Lab.open();
    const client = await lab.client();
    const barriers = await party(lab, 4);
    await Promise.all(barriers.map((barrier) => barrier.enter()));
    let left = 0;
    const leaving: Promise<unknown>[] = [];
    for (const barrier of barriers.slice(0, 3)) {
      leaving.push(barrier.leave().then(() => (left += 1)));
      await client.sync(PATH);
    }
    await until('at least two have taken their nodes away', async () => (await membersOf(client)).length <= 2);
    expect(left).toBe(0);
    await barriers[3]!.leave();
    await Promise.all(leaving);
  });
});

test('of more than are needed all enter and all leave', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const barriers = await party(lab, 4, 3);
  await Promise.all(barriers.map((barrier) => barrier.enter()));
  await Promise.all(barriers.map((barrier) => barrier.leave()));
  expect(await client.getChildren(PATH)).toEqual([]);
});

test('what keeps a member from being made is thrown, and it takes no part (DB-4)', async () => {
  const client = await (await Lab.open()).client();
  await client.create('/some', '', { ephemeral: true });
  const barrier = new DoubleBarrier(client, '/some/barrier', 1);
  await expect(barrier.enter()).rejects.toBeInstanceOf(NoChildrenForEphemeralsError);
  expect(barrier.participating).toBe(false);
  await barrier.leave();
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new DoubleBarrier(client, PATH, 0)).toThrow(RangeError);
  expect(() => new DoubleBarrier(client, PATH, '2' as never)).toThrow(TypeError);
  await expect(new DoubleBarrier(client, PATH, 2).enter({ timeout: -1 })).rejects.toThrow(RangeError);
});
