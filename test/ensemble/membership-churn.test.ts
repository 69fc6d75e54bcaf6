import { expect, onTestFinished, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import type { GroupMember } from '../../src/recipe/group-member.ts';
import type { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import type { PersistentNode } from '../../src/recipe/persistent-node.ts';
import type { ServiceDiscovery } from '../../src/recipe/service-discovery.ts';
import { makeServiceInstance } from '../../src/recipe/service-instance.ts';
import type { ServiceProvider } from '../../src/recipe/service-provider.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { Contender, EmbeddedArena, strike } from './arena.ts';
import { Dice, eventually, History, pause } from './lock-model.ts';

/** `KAZOO_SOAK=600` runs for that many seconds instead; `KAZOO_SEED=…` repeats a run's choices. */
const SECONDS = Number(process.env['KAZOO_SOAK'] ?? 8);
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const CLIENTS = 3;

/** All that one process keeps up for as long as it runs. */
class Presence {
  readonly latch: LeaderLatch;
  readonly discovery: ServiceDiscovery;
  readonly #client: KazooClient;
  readonly #index: number;
  readonly #nodes: readonly PersistentNode[];
  readonly #member: GroupMember;
  #provider: ServiceProvider | undefined;
  #data = '';

  constructor(client: KazooClient, index: number) {
    this.#client = client;
    this.#index = index;
    this.latch = client.leaderLatch('/leader', { identifier: String(index) });
    this.discovery = client.serviceDiscovery('/services');
    this.#nodes = [client.persistentNode(`/nodes/${index}`), client.persistentNode(`/nodes/${index}-`, '', { sequence: true })];
    this.#member = client.groupMember('/group', String(index));
  }

  async begin(): Promise<void> {
    this.latch.start();
    for (const node of [...this.#nodes, this.#member]) await node.start();
    await this.discovery.register(makeServiceInstance({ name: 'web', id: String(this.#index), address: '10.0.0.1' }));
    this.#provider = await this.discovery.provider('web');
  }

  /** Nobody waits for it: the last is what counts. */
  tell(data: string): void {
    this.#data = data;
    for (const node of this.#nodes) node.setData(data).catch(() => undefined);
  }

  /** One of its nodes, for somebody to delete. */
  aNode(dice: Dice): string {
    const paths = [...this.#nodes.map(({ path }) => path), `/group/${this.#index}`, `/services/web/${this.#index}`];
    return paths[dice.below(paths.length)]!;
  }

  /** Whether all of it is there, and it knows the others. */
  async isComplete(): Promise<boolean> {
    for (const { path } of this.#nodes) {
      const [data, { ephemeralOwner }] = await this.#client.get(path);
      if (String(data) !== this.#data || ephemeralOwner !== this.#client.clientId?.sessionId) return false;
    }
    return this.#member.members().size === CLIENTS && this.#provider?.instances().length === CLIENTS && this.latch.node !== null;
  }

  async end(): Promise<void> {
    await Promise.all([this.latch, ...this.#nodes, this.#member, this.discovery].map((each) => each.close()));
  }
}

/** What is there of all of them. */
async function counts(client: KazooClient): Promise<number[]> {
  const names = await Promise.all(
    ['/leader', '/nodes', '/group', '/services/web'].map((path) => client.getChildren(path).catch(() => [])),
  );
  return names.map(({ length }) => length);
}

test(
  `latches, persistent nodes, members and services come through whatever happens for ${SECONDS} s`,
  async () => {
    process.stderr.write(`membership churn: KAZOO_SEED=${SEED}\n`);
    const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    onTestFinished(() => server.close());
    const [dice, history, arena] = [new Dice(SEED), new History(), new EmbeddedArena(server)];
    const contenders = await Promise.all(Array.from({ length: CLIENTS }, () => Contender.open(arena.servers, arena.session)));
    for (const contender of contenders) onTestFinished(() => contender.close());
    const presences = contenders.map(({ client }, index) => new Presence(client, index));
    const leaders = (): number[] => [...presences.keys()].filter((index) => presences[index]!.latch.isLeader);
    for (const [index, { latch }] of presences.entries()) {
      latch.on('leader', () => {
        history.note(`${index} leads`);
        if (leaders().length > 1) history.violation(`${leaders().join(' and ')} lead`);
      });
      latch.on('notLeader', () => history.note(`${index} leads no more`));
    }
    for (const presence of presences) await presence.begin();

    const end = performance.now() + SECONDS * 1_000;
    while (performance.now() < end && history.violations.length === 0) {
      await pause(dice.between(20, 400));
      const one = dice.below(CLIENTS);
      if (dice.chance(0.4)) await strike(arena, history, dice, contenders, leaders());
      else if (dice.chance(0.5)) presences[one]!.tell(String(dice.below(1_000_000)));
      else
        await contenders[one]!.client.delete(presences[dice.below(CLIENTS)]!.aNode(dice), { timeout: 200 }).catch(
          () => undefined,
        );
    }
    for (const contender of contenders) contender.heal();

    const { client } = contenders[0]!;
    const isWhole = async (): Promise<boolean> =>
      leaders().length === 1 &&
      String(await counts(client)) === String([CLIENTS, 2 * CLIENTS, CLIENTS, CLIENTS]) &&
      (await Promise.all(presences.map((presence) => presence.isComplete()))).every(Boolean);
    await eventually(`all is there (seed ${SEED})\n${history.tail}`, 20_000, () => isWhole().catch(() => false));
    expect(history.violations, `seed ${SEED}`).toEqual([]);
    await Promise.all(presences.map((presence) => presence.end()));
    expect(await counts(client)).toEqual([0, 0, 0, 0]);
    for (const each of contenders) expect(each.client.listenerCount('state')).toBe(0);
  },
  SECONDS * 1_000 + 90_000,
);
