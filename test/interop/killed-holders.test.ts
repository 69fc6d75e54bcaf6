import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { Acquirable } from '../../src/recipe/acquirable.ts';
import { besidePython } from './beside-python.ts';
import { CriticalSection } from './critical-section.ts';
import { eventually } from './eventually.ts';

/** How often a holder of each kind is killed; `KAZOO_SOAK=600` goes on for about so many seconds. */
const GENERATIONS = Math.max(3, Math.round(Number(process.env['KAZOO_SOAK'] ?? 0) / 10));
/** Milliseconds. */
const SESSION = 1_500;
const STAY = 5;

/** What is shared, as each side makes it. */
interface Kind {
  readonly node: 'semaphore' | 'readLock' | 'writeLock';
  readonly options: object;
  readonly python: string;
  readonly args: readonly unknown[];
  /** What the name of one who uses it begins with. */
  readonly role: string;
}

const LEASE: Kind = { node: 'semaphore', options: { maxLeases: 2 }, python: 'Semaphore', args: ['', 2], role: 'holder' };
const READ: Kind = { node: 'readLock', options: {}, python: 'ReadLock', args: [], role: 'reader' };
const WRITE: Kind = { node: 'writeLock', options: {}, python: 'WriteLock', args: [], role: 'writer' };

besidePython('holders of both kinds that are killed are followed by the others', ['real'], (world) => {
  test.each([
    { what: 'a semaphore', path: '/killed/semaphore', kinds: [LEASE, LEASE], most: 2, nodes: ['', '-__lock__'] },
    { what: 'readers and writers', path: '/killed/read-write', kinds: [READ, WRITE], most: 3, nodes: [''] },
  ])(
    '$what',
    async ({ path, kinds, most, nodes }) => {
      const section = await CriticalSection.open();
      const visits = (): number => section.lines().filter(([what]) => what === 'enter').length;
      const mayMeet = (one: string, other: string): boolean => [one, other].every((who) => !who.startsWith(WRITE.role));
      let over = false;
      const steady = Promise.all(
        kinds.map(async (kind, index) => {
          const client = await world.connect();
          const shared = make(client, kind, path);
          while (!over) {
            await shared.acquire();
            await section.visit(`${kind.role}-steady-${index}`);
            await shared.release();
          }
        }),
      );
      for (let generation = 1; generation <= GENERATIONS; generation++) {
        // Each side is a reader in one generation, and a writer in the next.
        const [ours, theirs] = generation % 2 === 0 ? [kinds[0]!, kinds[1]!] : [kinds[1]!, kinds[0]!];
        const [python, node] = [`${theirs.role}-python-${generation}`, `${ours.role}-node-${generation}`];
        const doomed = world.newPeer();
        const client = await doomed.connect(world.hosts, SESSION);
        client
          .order('contend', theirs.python, path, -1, section.path, python, STAY / 1_000, theirs.args, {})
          .catch(() => undefined);
        const orders = { hosts: world.hosts, timeout: SESSION, path, record: section.path, who: node, pause: STAY };
        const child = startContender({ ...orders, kind: ours.node, options: ours.options });
        const before = visits();
        await eventually(
          () => visits() >= before + 10 && [python, node].every((who) => section.lines().some(([, name]) => name === who)),
        );
        for (const [who, end] of [
          [python, () => doomed.kill()],
          [node, () => kill(child)],
        ] as const) {
          await eventually(() => section.inside().includes(who), 1);
          await end();
          section.write('killed', who);
        }
      }
      const before = visits();
      await eventually(() => visits() > before + 10);
      over = true;
      await steady;
      const report = section.report(mayMeet);

      expect(report.met).toEqual([]);
      expect(report.most).toBeLessThanOrEqual(most);
      expect(section.inside()).toEqual([]);
      expect(report.visits).toBeGreaterThan(10 * GENERATIONS);
      for (const suffix of nodes) await eventually(async () => (await world.node.getChildren(path + suffix)).length === 0);
    },
    180_000 + GENERATIONS * 20_000,
  );
});

function make(client: KazooClient, { node, options }: Kind, path: string): Acquirable {
  if (node === 'semaphore') return client.semaphore(path, options);
  return node === 'readLock' ? client.readLock(path, options) : client.writeLock(path, options);
}

function startContender(orders: object): ReturnType<typeof spawn> {
  const script = fileURLToPath(new URL('./node-contender.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(orders)], { stdio: ['ignore', 'inherit', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function kill(child: ReturnType<typeof spawn>): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
