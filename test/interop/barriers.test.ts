import { expect, test } from 'vitest';
import { besidePython } from './beside-python.ts';
import { eventually } from './eventually.ts';

besidePython('barriers shared with Python Kazoo', ['embedded'], (world) => {
  test('either waits at a barrier that the other has put up', async () => {
    const ours = world.node.barrier('/barrier/one');
    const theirs = await world.python.make('Barrier', ['/barrier/one']);
    await ours.create();
    await theirs.call('create');
    expect(await theirs.call('wait', [0.1])).toBe(false);
    const theyWait = theirs.call('wait', [20]);
    expect(await ours.remove()).toBe(true);
    expect(await theyWait).toBe(true);
    expect(await theirs.call('remove')).toBe(false);

    await theirs.call('create');
    expect(await ours.wait({ timeout: 100 })).toBe(false);
    const weWait = ours.wait({ timeout: 20_000 });
    expect(await theirs.call('remove')).toBe(true);
    expect(await weWait).toBe(true);
  });

  test('all enter a double barrier together, and leave it together, whoever comes first', async () => {
    for (const order of ['python first', 'node first']) {
      const path = `/double-barrier/${order.split(' ')[0]}`;
      const python = await Promise.all([1, 2].map((index) => world.python.make('DoubleBarrier', [path, 4, `python-${index}`])));
      const node = [1, 2].map((index) => world.node.doubleBarrier(path, 4, { identifier: `node-${index}` }));
      const steps = [...python.map((barrier) => () => barrier.call('enter')), ...node.map((barrier) => () => barrier.enter())];
      if (order === 'node first') steps.reverse();
      const inside = new Set<number>();
      const entering = [];
      for (const [index, enter] of steps.entries()) {
        expect(inside.size).toBe(0);
        entering.push(enter().then(() => inside.add(index)));
        if (index < 3) await eventually(async () => (await membersOf(path)).length === index + 1);
      }
      await Promise.all(entering);
      expect(node.map((barrier) => barrier.participating)).toEqual([true, true]);
      expect(await Promise.all(python.map((barrier) => barrier.get('participating')))).toEqual([true, true]);
      expect(await world.node.getChildren(path)).toHaveLength(5);

      const departures = [
        ...python.map((barrier) => () => barrier.call('leave')),
        ...node.map((barrier) => () => barrier.leave()),
      ];
      if (order === 'node first') departures.reverse();
      const left = new Set<number>();
      const leaving = departures.slice(0, 3).map((leave, index) => leave().then(() => left.add(index)));
      // The fourth is inside: nobody gets out.
      await eventually(async () => (await membersOf(path)).length < 4);
      expect(left.size).toBe(0);
      leaving.push(departures[3]!().then(() => left.add(3)));
      await Promise.all(leaving);
      expect(await world.node.getChildren(path)).toEqual([]);
    }
  });

  async function membersOf(path: string): Promise<string[]> {
    const children = (await world.node.exists(path)) === null ? [] : await world.node.getChildren(path);
    return children.filter((name) => name !== 'ready');
  }
});
