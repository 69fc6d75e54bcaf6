import { expect, test } from 'vitest';
import { besidePython } from './beside-python.ts';

const BEYOND = 2n ** 64n;

besidePython('counters shared with Python Kazoo', ['embedded'], (world) => {
  const stored = async (path: string): Promise<string> => String((await world.node.get(path))[0]);

  test('no change of either is lost', async () => {
    const counter = world.node.counter('/counter/many');
    const theirs = await world.python.make('Counter', ['/counter/many']);
    const add = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) await (turn % 2 === 0 ? counter.add(3) : counter.subtract(1));
    };
    const theyAdd = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) await (turn % 2 === 0 ? theirs.order('add', 3) : theirs.order('subtract', 1));
    };
    await Promise.all([add(), theyAdd()]);
    expect(await counter.get()).toBe(200);
    expect(await theirs.get('value')).toBe(200);
    expect(await stored('/counter/many')).toBe('200');
  });

  test('integers have no limit', async () => {
    const counter = world.node.counter('/counter/big', { type: 'bigint' });
    const theirs = await world.python.make('Counter', ['/counter/big']);
    expect(await counter.add(BEYOND)).toBe(BEYOND);
    expect(await theirs.order('add', BEYOND * BEYOND)).toEqual([BEYOND, BEYOND * BEYOND + BEYOND]);
    expect(await counter.subtract(2n * BEYOND * BEYOND)).toBe(BEYOND - BEYOND * BEYOND);
    expect(await theirs.get('value')).toBe(BEYOND - BEYOND * BEYOND);
    await expect(world.node.counter('/counter/big').get()).rejects.toThrow(RangeError);
  });

  // prettier-ignore
  const FLOATS = [
    1.5, 3, 0.1, 1e-7, 1e16, 123456789012345680, 1e22, 1.7976931348623157e308, 5e-324, 0.00001, 0.0001, -0, -2.5, 1e15, 9007199254740993, 1 / 3, Infinity,
    -Infinity, NaN,
  ];
  test('floats are written as Python writes them, and read back', async () => {
    for (const [index, float] of FLOATS.entries()) {
      const path = `/counter/float-${index}`;
      const ours = world.node.counter(`${path}-node`, { type: 'float' });
      const theirs = await world.python.make('Counter', [`${path}-python`, { float: '0.0' }]);
      await ours.add(float);
      await theirs.order('add', { float: Object.is(float, -0) ? '-0.0' : String(float).replace('Infinity', 'inf') });
      expect(await stored(`${path}-node`)).toBe(await stored(`${path}-python`));
      expect(await world.node.counter(`${path}-python`, { type: 'float' }).get()).toBe(await ours.get());
      const reader = await world.python.make('Counter', [`${path}-node`, { float: '0.0' }]);
      expect(await reader.get('value')).toBe(await theirs.get('value'));
    }
  });

  test('the defaults agree: nobody writes one', async () => {
    const theirs = await world.python.make('Counter', ['/counter/default', 7]);
    expect(await theirs.get('value')).toBe(7);
    expect(await world.node.counter('/counter/default', { default: 5 }).get()).toBe(5);
    expect(await stored('/counter/default')).toBe('');
    expect(await theirs.order('add', 1)).toEqual([7, 8]);
    expect(await world.node.counter('/counter/default', { default: 5 }).get()).toBe(8);
  });

  test("Curator's 32 bits: the same bytes, and the same limits", async () => {
    const ours = world.node.counter('/counter/curator', { supportCurator: true });
    const theirs = await world.python.make('Counter', ['/counter/curator'], { support_curator: true });
    expect(await ours.add(2_147_483_600)).toBe(2_147_483_600);
    expect(await theirs.order('add', 47)).toEqual([2_147_483_600, 2_147_483_647]);
    await expect(ours.add(1)).rejects.toThrow(RangeError);
    await expect(theirs.order('add', 1)).rejects.toMatchObject({ name: 'error' });
    await ours.subtract(2_147_483_647);
    await ours.subtract(2_147_483_648);
    expect(await theirs.get('value')).toBe(-2_147_483_648);
    expect((await world.node.get('/counter/curator'))[0]?.toString('hex')).toBe('80000000');
  });
});
