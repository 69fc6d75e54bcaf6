import { describe, expect, onTestFinished, test } from 'vitest';
import { LockTimeout } from '../../src/base/errors.ts';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { Election } from '../../src/recipe/election.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { ReadLock, WriteLock } from '../../src/recipe/read-write-lock.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { type Arena, ClusterArena, Contender, EmbeddedArena, strike } from './arena.ts';
import { contend, Dice, eventually, History, type Holdable, pause, Referee, type Share, within } from './lock-model.ts';

/** `KAZOO_SOAK=600` runs for that many seconds instead, `KAZOO_SOAK_ACQUISITIONS=100000` until so many were served; `KAZOO_SEED=…` repeats a run's choices. */
const SOAK = process.env['KAZOO_SOAK'];
const ACQUISITIONS = Number(process.env['KAZOO_SOAK_ACQUISITIONS'] ?? 0);
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const CONTENDERS = 5;
const LEASES = 2;
const READERS = 100;
const SETTLING = 20_000;
/** How many there are of each kind of resource: they share the clients, and what befalls them. */
const COPIES = ACQUISITIONS > 0 ? 12 : 5;
const KINDS = ['lock', 'election', 'semaphore', 'rw'] as const;

const missing = await whyNoRealZooKeeper();

describe('locks, elections, semaphores and read/write locks under random faults', () => {
  const onEmbedded = Number(SOAK ?? 18);
  test(
    'on the embedded server',
    async () => {
      const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
      onTestFinished(() => server.close());
      await fight(new EmbeddedArena(server), onEmbedded);
    },
    limit(onEmbedded),
  );

  const onEnsemble = Number(SOAK ?? 10);
  test.skipIf(missing)(
    'on an ensemble of three servers',
    async () => {
      const cluster = await ZooKeeperCluster.start({ size: 3, tickTime: 500 });
      onTestFinished(() => cluster.destroy());
      await fight(new ClusterArena(cluster), onEnsemble);
    },
    limit(onEnsemble),
  );
});

function limit(seconds: number): number {
  return seconds * 1_000 + 150_000 + ACQUISITIONS * 50;
}

/**
 * Five contenders of each resource while misfortunes strike. Throughout, never two un-aborted holders; at the end, every waiter has been served or refused,
 * every resource has been held, and nothing is left: no node, no listener.
 */
async function fight(arena: Arena, seconds: number): Promise<void> {
  process.stderr.write(`lock model: KAZOO_SEED=${SEED}\n`);
  const dice = new Dice(SEED);
  const history = new History();
  const contenders = await gather(arena, history);
  const resources = Array.from({ length: COPIES }, (_, copy) => resourcesOf(history, copy)).flat();
  const served = (): number => resources.reduce((sum, { referee }) => sum + referee.served, 0);
  const end = performance.now() + seconds * 1_000;
  let running = true;
  const work = Promise.all(resources.flatMap((resource) => join(resource, contenders, dice, () => running)));
  work.catch(() => undefined);
  try {
    while ((performance.now() < end || served() < ACQUISITIONS) && history.violations.length === 0) {
      const holders = resources.flatMap(({ referee }) => referee.holders);
      await strike(arena, history, dice, contenders, holders);
      await pause(dice.between(50, 400));
    }
    await arena.heal();
    for (const contender of contenders) contender.heal();
    running = false;
    await within('every waiter is served or refused', SETTLING, work);
    await eventually('nothing is left', SETTLING, async () => (await leftovers(contenders[0]!, resources)).length === 0);
  } catch (error) {
    throw new Error(`seed ${SEED}: ${(error as Error).message}\n${history.tail}`, { cause: error });
  }
  expect(history.violations, `seed ${SEED}`).toEqual([]);
  for (const { referee } of resources) expect(referee.served).toBeGreaterThan(seconds / 2);
  expect(served()).toBeGreaterThan(seconds * 20);
  for (const { client } of contenders) expect(client.listenerCount('state')).toBe(1);
  process.stderr.write(`lock model: ${served()} served; ${tally(resources)}\n`);
}

async function gather(arena: Arena, history: History): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (let index = 0; index < CONTENDERS; index++) {
    const contender = await Contender.open(arena.servers, arena.session);
    onTestFinished(() => contender.close());
    contender.client.on('state', (state) => history.note(`client ${index}: ${state}`));
    contenders.push(contender);
  }
  return contenders;
}

interface Resource {
  readonly path: string;
  readonly referee: Referee;
  readonly tokens: boolean;
  readonly share: (index: number) => Share;
  readonly recipe: (client: KazooClient, index: number) => Holdable;
}

function resourcesOf(history: History, copy: number): Resource[] {
  const whole = (index: number): Share => ({ name: `client ${index}`, client: index, part: 1 });
  const isReader = (index: number): boolean => index % 2 === 0;
  const parted = (index: number): Share => ({
    name: `${isReader(index) ? 'reader' : 'writer'} ${index}`,
    client: index,
    part: isReader(index) ? 1 : READERS,
  });
  const [lock, election, semaphore, rw] = KINDS.map((kind) => pathOf(kind, copy)) as [string, string, string, string];
  const resource = (path: string, capacity: number, recipe: Resource['recipe'], share = whole, tokens = false): Resource => ({
    path,
    referee: new Referee(history, path, capacity),
    tokens,
    share,
    recipe,
  });
  return [
    resource(lock, 1, (client) => new Lock(client, lock), whole, true),
    resource(election, 1, (client) => candidate(client, election), whole, true),
    resource(semaphore, LEASES, (client) => new Semaphore(client, semaphore, { maxLeases: LEASES })),
    resource(rw, READERS, (client, index) => new (isReader(index) ? ReadLock : WriteLock)(client, rw), parted),
  ];
}

function pathOf(kind: (typeof KINDS)[number], copy: number): string {
  return `/model/${kind}-${copy}`;
}

/** How many of each kind were served and refused. */
function tally(resources: readonly Resource[]): string {
  return KINDS.map((kind) => {
    const referees = resources.filter(({ path }) => path.startsWith(`/model/${kind}-`)).map(({ referee }) => referee);
    const sum = (of: 'served' | 'refused'): number => referees.reduce((total, referee) => total + referee[of], 0);
    return `${kind} ${sum('served')} (${sum('refused')} refused)`;
  }).join(', ');
}

/** An election, held as the others are: the function is what is done while holding. */
function candidate(client: KazooClient, path: string): Holdable {
  const election = new Election(client, path);
  return {
    hold: ({ signal, timeout }) =>
      new Promise((resolve, reject) => {
        const wait = new AbortController();
        const impatient = (): void => wait.abort(signal?.reason);
        signal?.addEventListener('abort', impatient, { once: true });
        const timer = timeout === undefined ? undefined : setTimeout(() => wait.abort(new LockTimeout('impatient')), timeout);
        const lead = (own: AbortSignal): Promise<void> => {
          signal?.removeEventListener('abort', impatient);
          clearTimeout(timer);
          return new Promise<void>((done) => {
            const dispose = (): Promise<void> => (done(), running);
            resolve({ signal: own, fencingToken: election.lock.fencingToken ?? -1n, [Symbol.asyncDispose]: dispose });
          });
        };
        const running = election.run(lead, { signal: wait.signal });
        running.catch(reject);
      }),
  };
}

function join(
  { referee, share, recipe, tokens }: Resource,
  contenders: readonly Contender[],
  dice: Dice,
  running: () => boolean,
): Promise<void>[] {
  return contenders.map(({ client }, index) => {
    const lasting = recipe(client, index);
    const own = new Dice(dice.below(2 ** 31));
    const target = (): Holdable => (own.chance(0.3) ? recipe(client, index) : lasting);
    return contend({ dice: own, referee, share: share(index), target, tokens }, running);
  });
}

/** Contenders' nodes; a semaphore has some below a path of its own, too. */
async function leftovers({ client }: Contender, resources: readonly Resource[]): Promise<string[]> {
  const paths = resources.flatMap(({ path }) => (path.includes('/semaphore-') ? [path, `${path}-__lock__`] : [path]));
  const lists = await Promise.all(paths.map(async (path) => (await client.getChildren(path)).map((name) => `${path}/${name}`)));
  return lists.flat();
}
