import { expect, onTestFinished, test } from 'vitest';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { cached, shown } from '../recipe/tree-secrets.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { type Arena, ClusterArena, Contender, EmbeddedArena, strike } from './arena.ts';
import { Dice, eventually, History, pause, within } from './lock-model.ts';
import { ROOT, Witness } from './watch-model.ts';

/** `KAZOO_SOAK=600` runs for that many seconds instead; `KAZOO_SEED=…` repeats a run's choices. */
const SECONDS = Number(process.env['KAZOO_SOAK'] ?? 8);
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const LIMIT = SECONDS * 1_000 + 150_000;
const SETTLING = 60_000;
const CLIENTS = 4;

const missing = await whyNoRealZooKeeper();

test(
  'watches of every kind hear what they were promised under random faults, on the embedded server',
  async () => {
    const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    onTestFinished(() => server.close());
    await watchOn(new EmbeddedArena(server));
  },
  LIMIT,
);

test.skipIf(missing)(
  'watches of every kind hear what they were promised under random faults, on an ensemble of three servers',
  async () => {
    const cluster = await ZooKeeperCluster.start({ size: 3, tickTime: 500 });
    onTestFinished(() => cluster.destroy());
    await watchOn(new ClusterArena(cluster));
  },
  LIMIT,
);

/** Clients that write, read and watch while misfortunes strike. Afterwards each watch has heard what it should, and whoever follows shows what is there. */
async function watchOn(arena: Arena): Promise<void> {
  process.stderr.write(`watches: KAZOO_SEED=${SEED}\n`);
  const [dice, history] = [new Dice(SEED), new History()];
  const keeper = await new KazooClient(arena.servers.join()).start({ timeout: SETTLING });
  onTestFinished(() => keeper.close());
  await keeper.create(ROOT);
  const contenders = await Promise.all(Array.from({ length: CLIENTS }, () => Contender.open(arena.servers, arena.session)));
  for (const contender of contenders) onTestFinished(() => contender.close());
  const witnesses = contenders.map(
    ({ client }, index) => new Witness(`client ${index}`, client, new Dice(SEED + index), history),
  );
  for (const witness of witnesses) witness.follow();
  const caches = contenders.map(({ client }) => new TreeCache(client, ROOT));
  await Promise.all(caches.map((cache) => cache.start()));

  const end = performance.now() + SECONDS * 1_000;
  const running = (): boolean => performance.now() < end;
  const work = Promise.all(witnesses.flatMap((witness) => [witness.work(running), witness.churn(running)]));
  while (running()) {
    await strike(arena, history, dice, contenders, []);
    await pause(dice.between(0, 600));
  }
  await arena.heal();
  for (const contender of contenders) contender.heal();
  await within('everything asked is answered', SETTLING, work);

  await settle(contenders, caches);
  for (const witness of witnesses) await witness.check();
  for (const [index, cache] of caches.entries())
    expect(cached(cache, ROOT), `KAZOO_SEED=${SEED}`).toEqual(await shown(contenders[index]!.client, ROOT));
  await Promise.all(contenders.map(({ client }) => client.stop()));
  for (const witness of witnesses) witness.checkEnd();
  expect(history.violations, `KAZOO_SEED=${SEED}`).toEqual([]);
  expect(witnesses.reduce((sum, { done }) => sum + done, 0)).toBeGreaterThan(20 * SECONDS);
}

/** Until everybody is connected, and all that was written has come to everybody. */
async function settle(contenders: readonly Contender[], caches: readonly TreeCache[]): Promise<void> {
  for (const { client } of contenders) {
    await eventually('connected', SETTLING, () => client.connected);
    await client.retry(() => client.sync(ROOT));
  }
  await Promise.all(caches.map((cache) => cache.whenFresh({ timeout: SETTLING })));
  // Reads that watches have led to: one round trip, or a pause after a loss before it.
  await pause(2_000);
}
