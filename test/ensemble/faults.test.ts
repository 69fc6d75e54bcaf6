import { afterAll, beforeAll, describe, test } from 'vitest';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { Dice, pause } from './lock-model.ts';
import { Stage } from './stage.ts';

/** `KAZOO_SOAK=600` goes on for so many seconds with random faults; `KAZOO_SEED=…` repeats a run's choices. */
const SECONDS = Number(process.env['KAZOO_SOAK'] ?? 20);
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const LIMIT = 180_000;

const missing = await whyNoRealZooKeeper();

describe.skipIf(missing)('twenty clients under load on three real servers', () => {
  let stage: Stage;
  beforeAll(async () => {
    process.stderr.write(`ensemble faults: KAZOO_SEED=${SEED}\n`);
    stage = await Stage.set(SEED);
  }, LIMIT);
  afterAll(() => stage.strike(), LIMIT);

  test('outlive a rolling restart of all servers', () => stage.endure('a rolling restart', rollingRestart), LIMIT);

  test(
    'outlive the death of the leader',
    async () => {
      const leader = (await stage.cluster.leader())!;
      const dies = async (): Promise<void> => {
        await leader.kill();
        await stage.untilServed();
      };
      await stage.endure('kill -9 of the leader', dies, () => leader.start());
    },
    LIMIT,
  );

  test(
    'outlive an outage, longer than their sessions, of the majority',
    async () => {
      const outage = async (): Promise<void> => {
        await Promise.all([stage.cluster.at(0).kill(), stage.cluster.at(1).kill()]);
        await pause(7_000);
        await stage.cluster.start();
      };
      await stage.endure('a majority gone and back', outage);
    },
    LIMIT,
  );

  test(
    'leave a server that has become a black hole',
    async () => {
      const hole = stage.proxies[2]!;
      // The service is there all the time: that of the two others.
      await stage.endure(
        'a black hole',
        () => Promise.resolve(hole.freeze()),
        () => Promise.resolve(hole.thaw()),
      );
    },
    LIMIT,
  );

  test(
    `outlive ${SECONDS} s of random faults`,
    () => stage.endure(`${SECONDS} s of random faults`, randomFaults),
    SECONDS * 1_000 + LIMIT,
  );

  test(
    'were promised nothing that was not kept, and leave nothing behind',
    async () => {
      process.stderr.write(`ensemble faults: ${await stage.finish()}\n`);
    },
    LIMIT,
  );

  async function rollingRestart(): Promise<void> {
    for (const server of stage.cluster) {
      await server.restart();
      stage.history.note(`${server.connectString} is up again`);
    }
  }

  async function randomFaults(): Promise<void> {
    const dice = new Dice(SEED);
    const end = performance.now() + SECONDS * 1_000;
    while (performance.now() < end && stage.history.violations.length === 0) {
      const [name, strike] = misfortune(dice, dice.below(3));
      stage.history.note(`FAULT ${name}`);
      await strike();
      stage.history.note(`END OF ${name}`);
      await pause(dice.between(0, 1_500));
    }
    await stage.cluster.start();
  }

  function misfortune(dice: Dice, index: number): [string, () => Promise<void>] {
    const [server, proxy] = [stage.cluster.at(index), stage.proxies[index]!];
    const duration = dice.between(100, 5_000);
    const faults: Record<string, () => Promise<void>> = {
      kill: () =>
        server
          .kill()
          .then(() => pause(duration))
          .then(() => server.start({ until: 'listening' })),
      restart: () => server.restart({ until: 'listening' }),
      stall: () =>
        during(
          duration,
          () => server.freeze(),
          () => server.thaw(),
        ),
      cut: () => Promise.resolve(proxy.cut()),
      'cut all': () => Promise.resolve(stage.proxies.forEach((each) => each.cut())),
      'black hole': () =>
        during(
          duration,
          () => proxy.freeze(),
          () => proxy.thaw(),
        ),
      refuse: () =>
        during(
          duration,
          () => (proxy.refuse(true), proxy.cut()),
          () => proxy.refuse(false),
        ),
      slow: () =>
        during(
          duration,
          () => proxy.delay(100),
          () => proxy.delay(0),
        ),
      'kill two': async () => {
        const other = stage.cluster.at((index + 1) % 3);
        await Promise.all([server.kill(), other.kill()]);
        await pause(duration);
        await Promise.all([server, other].map((each) => each.start({ until: 'listening' })));
      },
    };
    const names = Object.keys(faults);
    const name = names[dice.below(names.length)]!;
    return [`${name} of server ${index}`, faults[name]!];
  }
});

async function during(duration: number, begin: () => void, end: () => void): Promise<void> {
  begin();
  await pause(duration);
  end();
}
