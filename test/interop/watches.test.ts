import { expect, test } from 'vitest';
import { TreeEvent } from '../../src/recipe/tree-event.ts';
import { besidePython } from './beside-python.ts';
import { eventually } from './eventually.ts';

besidePython('watches beside Python Kazoo', ['embedded', 'real'], (world) => {
  const bytes = (text: string): Buffer => Buffer.from(text);

  test('each sees in a DataWatch what the other writes, makes and deletes', async () => {
    const path = '/watch/data';
    const ours: (string | null)[] = [];
    const watch = world.node.dataWatch(path, (data) => void ours.push(data === null ? null : String(data)));
    await watch.ready;
    const theirs = await world.python.watch('DataWatch', path);
    const both = async (expected: (string | null)[]): Promise<void> => {
      await eventually(() => ours.length >= expected.length && theirs.seen.length >= expected.length);
      expect(ours).toEqual(expected);
      expect(theirs.seen.map((data) => (data === null ? null : String(data as Buffer)))).toEqual(expected);
    };
    await both([null]);
    await world.python.call('create', [path, bytes('made by Python')], { makepath: true });
    await both([null, 'made by Python']);
    await world.node.set(path, 'set by Node ☃');
    await both([null, 'made by Python', 'set by Node ☃']);
    await world.python.call('set', [path, bytes('')]);
    await both([null, 'made by Python', 'set by Node ☃', '']);
    await world.node.delete(path);
    await both([null, 'made by Python', 'set by Node ☃', '', null]);
    watch.stop();
  });

  test('each sees in a ChildrenWatch what the other adds and removes', async () => {
    const path = '/watch/children';
    await world.python.call('ensure_path', [path]);
    const ours: string[][] = [];
    const watch = world.node.childrenWatch(path, (children) => void ours.push([...children].sort()));
    await watch.ready;
    const theirs = await world.python.watch('ChildrenWatch', path);
    const both = async (expected: string[][]): Promise<void> => {
      await eventually(() => ours.length >= expected.length && theirs.seen.length >= expected.length);
      expect([ours, theirs.seen]).toEqual([expected, expected]);
    };
    await both([[]]);
    await world.python.call('create', [`${path}/python-é`]);
    await both([[], ['python-é']]);
    await world.node.create(`${path}/node`);
    await both([[], ['python-é'], ['node', 'python-é']]);
    await world.node.delete(`${path}/python-é`);
    await both([[], ['python-é'], ['node', 'python-é'], ['node']]);
    watch.stop();
  });

  test('each keeps in a TreeCache what the other does to the tree', async () => {
    const path = '/watch/tree';
    await world.node.create(`${path}/a/b`, 'deep', { makepath: true });
    const ours: unknown[] = [];
    const cache = world.node.treeCache(path);
    cache.listen(({ eventType, eventData }) => void ours.push([eventType, eventData?.path ?? null, eventData?.data ?? null]));
    await cache.start();
    const theirs = await world.python.watch('TreeCache', path);
    const first = [
      [TreeEvent.NODE_ADDED, path, bytes('')],
      [TreeEvent.NODE_ADDED, `${path}/a`, bytes('')],
      [TreeEvent.NODE_ADDED, `${path}/a/b`, bytes('deep')],
      [TreeEvent.INITIALIZED, null, null],
    ];
    await bothSaw(first);
    await world.python.call('create', [`${path}/a/c`, bytes('new')]);
    await bothSaw([[TreeEvent.NODE_ADDED, `${path}/a/c`, bytes('new')]]);
    await world.node.set(`${path}/a/b`, 'deeper');
    await bothSaw([[TreeEvent.NODE_UPDATED, `${path}/a/b`, bytes('deeper')]]);
    await world.python.call('delete', [`${path}/a/c`]);
    await bothSaw([[TreeEvent.NODE_REMOVED, `${path}/a/c`, bytes('new')]]);
    expect(cache.getChildren(`${path}/a`)).toEqual(new Set(['b']));
    expect(cache.getData(`${path}/a/b`)?.data).toEqual(bytes('deeper'));
    expect(await theirs.watch.call('get_children', [`${path}/a`])).toEqual(['b']);
    await theirs.watch.call('close');
    await cache.close();

    async function bothSaw(expected: unknown[]): Promise<void> {
      await eventually(() => ours.length >= expected.length && theirs.seen.length >= expected.length);
      expect(ours.splice(0)).toEqual(expected);
      expect(theirs.seen.splice(0)).toEqual(expected);
    }
  });
});
