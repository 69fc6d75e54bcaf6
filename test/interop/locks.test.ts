import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { Acquirable } from '../../src/recipe/acquirable.ts';
import { besidePython, type World } from './beside-python.ts';
import { CriticalSection } from './critical-section.ts';
import { eventually } from './eventually.ts';
import type { PythonPeer } from './python-peer.ts';

/** Of each of four contenders. */
const ROUNDS = 50;

besidePython('locks shared with Python Kazoo', ['embedded', 'real'], (world) => {
  test('a lock is held by one at a time, over hundreds of rounds', async () => {
    const section = await CriticalSection.open();
    const other = await world.connect();
    await Promise.all([
      contend(world.node.lock('/lock/many', { identifier: 'node-1' }), section, 'node-1'),
      contend(other.lock('/lock/many', { identifier: 'node-2' }), section, 'node-2'),
      pythonContends(world, section, 'Lock', '/lock/many', 'python-1', ['python-1']),
      pythonContends(world, section, 'Lock', '/lock/many', 'python-2', ['python-2']),
    ]);
    expect(section.report()).toEqual({ visits: 4 * ROUNDS, most: 1, met: [], inside: new Set() });
    expect(await world.node.getChildren('/lock/many')).toEqual([]);
  });

  test('readers of both kinds meet, writers of neither kind meet anybody', async () => {
    const section = await CriticalSection.open();
    const path = '/lock/read-write';
    await Promise.all([
      contend(world.node.readLock(path), section, 'node-reader', 5),
      contend(world.node.writeLock(path), section, 'node-writer'),
      pythonContends(world, section, 'ReadLock', path, 'python-reader', [], 5),
      pythonContends(world, section, 'WriteLock', path, 'python-writer', []),
    ]);
    const readers = (one: string, other: string): boolean => one.endsWith('reader') && other.endsWith('reader');
    expect(section.report(readers)).toMatchObject({ visits: 4 * ROUNDS, met: [] });
  });

  test('a reader of each kind holds at the same time, and either keeps a writer of the other kind out', async () => {
    const path = '/lock/readers-meet';
    const ours = world.node.readLock(path);
    const theirs = await world.python.make('ReadLock', [path]);
    await ours.acquire();
    await theirs.call('acquire');
    await expect(world.node.writeLock(path).acquire({ blocking: false })).resolves.toBe(false);
    await theirs.call('release');
    await ours.release();
    await expect(world.node.writeLock(path).acquire({ blocking: false })).resolves.toBe(true);
  });

  test('a semaphore has as many holders as it has leases, whoever they are', async () => {
    const section = await CriticalSection.open();
    const path = '/semaphore/two';
    const other = await world.connect();
    const anybody = (): boolean => true;
    await Promise.all([
      contend(world.node.semaphore(path, { maxLeases: 2 }), section, 'node-1', 3),
      contend(other.semaphore(path, { maxLeases: 2 }), section, 'node-2', 3),
      pythonContends(world, section, 'Semaphore', path, 'python-1', ['python-1', 2], 3),
      pythonContends(world, section, 'Semaphore', path, 'python-2', ['python-2', 2], 3),
    ]);
    expect(section.report(anybody)).toMatchObject({ visits: 4 * ROUNDS, most: 2 });
  });

  test('both see the same holders of a semaphore, and the same disagreement over the number of leases', async () => {
    const ours = world.node.semaphore('/semaphore/seen', { identifier: 'node', maxLeases: 2 });
    const theirs = await world.python.make('Semaphore', ['/semaphore/seen', 'python', 2]);
    await ours.acquire();
    await theirs.call('acquire');
    expect((await ours.leaseHolders()).sort()).toEqual(['node', 'python']);
    expect(((await theirs.call('lease_holders')) as string[]).sort()).toEqual(['node', 'python']);
    expect(await world.node.semaphore('/semaphore/seen', { maxLeases: 2 }).acquire({ blocking: false })).toBe(false);
    await expect(world.node.semaphore('/semaphore/seen', { maxLeases: 3 }).acquire()).rejects.toThrow(/2/);
    const wrong = await world.python.make('Semaphore', ['/semaphore/seen', 'python', 3]);
    await expect(wrong.call('acquire')).rejects.toMatchObject({ name: 'ValueError' });
    const third = await world.python.make('Semaphore', ['/semaphore/seen', 'third', 2]);
    const waiting = third.call('acquire');
    expect(await ours.release()).toBe(true);
    expect(await waiting).toBe(true);
    expect((await ours.leaseHolders()).sort()).toEqual(['python', 'third']);
    await theirs.call('release');
    await third.call('release');
  });

  test('both list the same contenders in the same order', async () => {
    const path = '/lock/contenders';
    const first = await world.python.make('WriteLock', [path, 'é-python']);
    const second = world.node.readLock(path, { identifier: 'node ☃' });
    const third = await world.python.make('ReadLock', [path]);
    const fourth = world.node.writeLock(path);
    await first.call('acquire');
    const waiting = [];
    for (const [count, acquire] of [() => second.acquire(), () => third.call('acquire'), () => fourth.acquire()].entries()) {
      waiting.push(acquire());
      await eventually(async () => (await world.node.getChildren(path)).length === count + 2);
    }
    const expected = ['é-python', 'node ☃', '', ''];
    for (const lock of [second, fourth, world.node.writeLock(path)])
      expect(await lock.contenders()).toEqual(expected.slice(0, 4));
    expect(await first.call('contenders')).toEqual(await world.node.writeLock(path).contenders());
    expect(await third.call('contenders')).toEqual(await world.node.readLock(path).contenders());
    await first.call('release');
    await Promise.all(waiting.slice(0, 2));
    await second.release();
    expect(fourth.isAcquired).toBe(false);
    await third.call('release');
    await waiting[2];
    await fourth.release();
  });

  test('either waits its time for the other, or not at all', async () => {
    const ours = world.node.lock('/lock/patience');
    const theirs = await world.python.make('Lock', ['/lock/patience']);
    expect(await ours.acquire()).toBe(true);
    expect(await theirs.call('acquire', [], { blocking: false })).toBe(false);
    await expect(theirs.call('acquire', [], { timeout: 0.2 })).rejects.toMatchObject({ name: 'LockTimeout' });
    expect(await ours.release()).toBe(true);
    expect(await theirs.call('acquire')).toBe(true);
    expect(await ours.acquire({ blocking: false })).toBe(false);
    await expect(ours.acquire({ timeout: 200 })).rejects.toMatchObject({ name: 'LockTimeout' });
    expect(await world.node.getChildren('/lock/patience')).toHaveLength(1);
    expect(await theirs.call('release')).toBe(true);
  });

  test('one leads at a time, and each in turn', async () => {
    const section = await CriticalSection.open();
    const lead = async (client: KazooClient, who: string): Promise<void> => {
      const election = client.election('/election', { identifier: who });
      for (let term = 0; term < 20; term++) await election.run(() => section.visit(who, 2));
    };
    await Promise.all([
      lead(world.node, 'node-1'),
      lead(world.node, 'node-2'),
      world.python.order('lead', '/election', 20, section.path, 'python-1', 0.002),
      world.python.order('lead', '/election', 20, section.path, 'python-2', 0.002),
    ]);
    expect(section.report()).toMatchObject({ visits: 80, most: 1, met: [] });
  });

  test(
    'holders of both kinds that are killed are followed by the others, over hundreds of rounds',
    { timeout: 180_000 },
    async () => {
      const section = await CriticalSection.open();
      const path = '/lock/killed';
      const visits = (): number => section.lines().filter(([what]) => what === 'enter').length;
      const steady = world.newPeer();
      const startPython = async (peer: PythonPeer, who: string): Promise<void> => {
        const client = await peer.connect(world.hosts, 1_500);
        client.order('contend', 'Lock', path, -1, section.path, who, 0.005, [who], {}).catch(() => undefined);
      };
      const kill = async (who: string, end: () => Promise<unknown>): Promise<void> => {
        await eventually(() => section.inside().includes(who), 1);
        await end();
        section.write('killed', who);
      };
      await startPython(steady, 'python');
      let over = false;
      const ours = (async () => {
        while (!over) await contend(world.node.lock(path), section, 'node', 0, 1);
      })();
      for (let generation = 1; generation <= 3; generation++) {
        const [python, node] = [`python-${generation}`, `node-${generation}`];
        const doomed = world.newPeer();
        await startPython(doomed, python);
        const child = startContender({ hosts: world.hosts, timeout: 1_500, path, record: section.path, who: node, pause: 5 });
        await eventually(
          () => visits() >= 70 * generation && [python, node].every((who) => section.lines().some(([, name]) => name === who)),
        );
        await kill(python, () => doomed.kill());
        await kill(node, async () => {
          child.kill('SIGKILL');
          if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        });
      }
      await kill('python', () => steady.kill());
      const before = visits();
      await eventually(() => visits() > before);
      over = true;
      await ours;
      expect(section.report()).toMatchObject({ most: 1, met: [] });
      expect(section.inside()).toEqual([]);
      expect(visits()).toBeGreaterThan(200);
      await eventually(async () => (await world.node.getChildren(path)).length === 0);
    },
  );
});

async function contend(shared: Acquirable, section: CriticalSection, who: string, stay = 0, rounds = ROUNDS): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await shared.acquire();
    await section.visit(who, stay);
    await shared.release();
  }
}

function pythonContends(
  { python }: World,
  section: CriticalSection,
  kind: string,
  path: string,
  who: string,
  args: readonly unknown[],
  stay = 0,
): Promise<unknown> {
  return python.order('contend', kind, path, ROUNDS, section.path, who, stay / 1_000, args, {});
}

function startContender(orders: object): ReturnType<typeof spawn> {
  const script = fileURLToPath(new URL('./node-contender.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(orders)], { stdio: ['ignore', 'inherit', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
