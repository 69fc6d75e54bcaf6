import { expect, onTestFinished, test } from 'vitest';
import { SetPartitioner } from '../../src/recipe/set-partitioner.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { Contender, EmbeddedArena, strike } from './arena.ts';
import { Dice, eventually, History, pause } from './lock-model.ts';

/** `KAZOO_SOAK=600` runs for that many seconds instead; `KAZOO_SEED=…` repeats a run's choices. */
const SECONDS = Number(process.env['KAZOO_SOAK'] ?? 8);
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const ITEMS = Array.from({ length: 12 }, (_, index) => `item-${index}`);
const CLIENTS = 4;

/** Members that join, leave, fail and start again; what each believes to own is compared whenever one of them begins to own. */
class Membership {
  readonly #members = new Map<number, SetPartitioner<string>>();
  readonly #contenders: readonly Contender[];
  readonly #history: History;
  #names = 0;
  acquisitions = 0;

  constructor(contenders: readonly Contender[], history: History) {
    this.#contenders = contenders;
    this.#history = history;
  }

  get active(): SetPartitioner<string>[] {
    return [...this.#members.values()].filter((member) => !member.failed);
  }

  async toggle(index: number): Promise<void> {
    const member = this.#members.get(index);
    if (member === undefined || member.failed) return this.join(index);
    this.#history.note(`member ${index} finishes`);
    await member.finish();
  }

  join(index: number): void {
    const { client } = this.#contenders[index]!;
    const identifier = `${index}-${(this.#names += 1)}`;
    const member = new SetPartitioner(client, '/churn', ITEMS, { identifier, timeBoundary: 150 });
    member.on('state', (state) => {
      this.#history.note(`member ${identifier}: ${state} ${[...member].join(' ')}`);
      if (state === 'RELEASE') void member.releaseSet();
      if (state === 'ACQUIRED') this.#check();
    });
    this.#members.set(index, member);
  }

  /** Everything owned, and by one each. */
  get shared(): boolean {
    const owned = this.active.flatMap((member) => [...member]);
    return this.active.length > 0 && owned.length === ITEMS.length && new Set(owned).size === ITEMS.length;
  }

  #check(): void {
    this.acquisitions += 1;
    const owned = this.active.flatMap((member) => [...member]);
    const twice = owned.find((item, index) => owned.indexOf(item) !== index);
    if (twice !== undefined) this.#history.violation(`${twice} is owned twice`);
  }
}

test(
  `a set is shared among members that come, go and are cut off, for ${SECONDS} s`,
  async () => {
    process.stderr.write(`partitioner churn: KAZOO_SEED=${SEED}\n`);
    const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    onTestFinished(() => server.close());
    const [dice, history, arena] = [new Dice(SEED), new History(), new EmbeddedArena(server)];
    const contenders = await Promise.all(Array.from({ length: CLIENTS }, () => Contender.open(arena.servers, arena.session)));
    for (const contender of contenders) onTestFinished(() => contender.close());
    const membership = new Membership(contenders, history);
    for (let index = 0; index < CLIENTS; index++) membership.join(index);
    const end = performance.now() + SECONDS * 1_000;
    while (performance.now() < end && history.violations.length === 0) {
      await pause(dice.between(50, 700));
      if (dice.chance(0.4)) await strike(arena, history, dice, contenders, []);
      else await membership.toggle(dice.below(CLIENTS));
    }
    for (const contender of contenders) contender.heal();
    if (membership.active.length === 0) membership.join(0);
    await eventually(`everything is shared (seed ${SEED})\n${history.tail}`, 20_000, () => membership.shared);
    expect(history.violations, `seed ${SEED}`).toEqual([]);
    expect(membership.acquisitions).toBeGreaterThan(CLIENTS);
    await Promise.all(membership.active.map((member) => member.finish()));
    for (const { client } of contenders) expect(client.listenerCount('state')).toBe(0);
  },
  SECONDS * 1_000 + 90_000,
);
