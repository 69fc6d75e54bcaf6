import { expect, test } from 'vitest';
import { besidePython } from './beside-python.ts';
import { eventually } from './eventually.ts';

const text = (item: unknown): string => String(item);

besidePython('queues shared with Python Kazoo', ['embedded', 'real'], (world) => {
  test('what both have put is taken in one order, by priority and then by arrival', async () => {
    const ours = world.node.queue('/queue/order');
    const theirs = await world.python.make('Queue', ['/queue/order']);
    const expected: [priority: number, item: string][] = [];
    for (let turn = 0; turn < 40; turn++) {
      const priority = [100, 5, 999, 0, 42][turn % 5]!;
      const item = `${turn % 2 === 0 ? 'node' : 'python'}-${turn}`;
      expected.push([priority, item]);
      if (turn % 2 === 0) await ours.put(item, { priority });
      else await theirs.call('put', [Buffer.from(item), priority]);
    }
    expect(await ours.size()).toBe(40);
    expect(await theirs.order('size')).toBe(40);
    const taken: string[] = [];
    for (let turn = 0; turn < 40; turn++) taken.push(text(turn % 2 === 0 ? await theirs.call('get') : await ours.get()));
    expect(taken).toEqual(expected.sort(([one], [other]) => one - other).map(([, item]) => item));
    expect([await ours.get(), await theirs.call('get')]).toEqual([null, null]);
  });

  test('a queue that both drain at once gives each item once, to each in order', async () => {
    const items = Array.from({ length: 200 }, (_, index) => `item-${String(index).padStart(3, '0')}`);
    const queue = world.node.queue('/queue/drain');
    await Promise.all(items.map((item) => queue.put(item)));
    const drain = async (): Promise<string[]> => {
      const taken: string[] = [];
      for (let item = await queue.get(); item !== null; item = await queue.get()) taken.push(text(item));
      return taken;
    };
    const [ours, theirs] = await Promise.all([
      drain(),
      world.python.order('consume', 'Queue', '/queue/drain', 0, 0.001).then((taken) => (taken as unknown[]).map(text)),
    ]);
    expect([...ours, ...theirs].sort()).toEqual(items);
    for (const taken of [ours, theirs]) expect(taken).toEqual([...taken].sort());
  });

  test('a get that waits is given what Python puts', async () => {
    const waiting = world.node.queue('/queue/wait').get({ timeout: 20_000 });
    const theirs = await world.python.make('Queue', ['/queue/wait']);
    await theirs.call('put', [Buffer.from('at last')]);
    expect(text(await waiting)).toBe('at last');
  });

  test('two kinds of consumer of a locking queue process each item once', async () => {
    const path = '/locking-queue/drain';
    const ours = world.node.lockingQueue(path);
    const theirs = await world.python.make('LockingQueue', [path]);
    await ours.putAll(Array.from({ length: 40 }, (_, index) => `node-${index}`));
    await theirs.call('put_all', [Array.from({ length: 40 }, (_, index) => Buffer.from(`python-${index}`))]);
    await theirs.call('put', [Buffer.from('urgent'), 1]);
    const process = async (): Promise<string[]> => {
      const taken: string[] = [];
      for (let item = await ours.get({ timeout: 1_000 }); item !== null; item = await ours.get({ timeout: 1_000 })) {
        taken.push(text(item));
        expect(await ours.consume()).toBe(true);
      }
      return taken;
    };
    const [node, python] = await Promise.all([
      process(),
      world.python.order('consume', 'LockingQueue', path, 1, 0.001).then((taken) => (taken as unknown[]).map(text)),
    ]);
    expect(new Set([...node, ...python]).size).toBe(81);
    expect(node.length + python.length).toBe(81);
    expect([node[0], python[0]]).toContain('urgent');
    for (const taken of [node, python]) expect(taken.length).toBeGreaterThan(0);
    expect(await ours.size()).toBe(0);
    expect(await world.node.getChildren(`${path}/taken`)).toEqual([]);
  });

  test('what one has locked is not given to the other, until it is released', async () => {
    const path = '/locking-queue/locked';
    const ours = world.node.lockingQueue(path);
    const theirs = await world.python.make('LockingQueue', [path]);
    await ours.putAll(['first', 'second']);
    expect(text(await theirs.call('get', [5]))).toBe('first');
    expect(text(await ours.get({ timeout: 5_000 }))).toBe('second');
    expect(await theirs.call('holds_lock')).toBe(true);
    expect(await ours.holdsLock()).toBe(true);
    expect(await ours.consume()).toBe(true);
    const waiting = ours.get({ timeout: 20_000 });
    expect(await theirs.call('release')).toBe(true);
    expect(text(await waiting)).toBe('first');
    const waitingToo = theirs.call('get', [20]);
    expect(await ours.release()).toBe(true);
    expect(text(await waitingToo)).toBe('first');
    expect(await theirs.call('consume')).toBe(true);
  });

  test('the item of a consumer that was killed is given to the other', async () => {
    const path = '/locking-queue/killed';
    const doomed = world.newPeer();
    const client = await doomed.connect(world.hosts, 1_500);
    const theirs = await client.make('LockingQueue', [path]);
    await theirs.call('put', [Buffer.from('item')]);
    expect(text(await theirs.call('get', [5]))).toBe('item');
    const ours = world.node.lockingQueue(path);
    const waiting = ours.get({ timeout: 20_000 });
    await doomed.kill();
    expect(text(await waiting)).toBe('item');
    expect(await ours.consume()).toBe(true);
    await eventually(async () => (await ours.size()) === 0);
  });
});
