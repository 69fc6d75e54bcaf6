import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HarnessError } from '../../src/harness/harness-error.ts';
import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { Dice, eventually, pause } from './lock-model.ts';
import { Stage } from './stage.ts';
import { WaitingLine } from './waiting-line.ts';

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

  test(
    'and those who wait for a lock or an election get it within twice the session timeout after a restart of the leader',
    async () => {
      await using line = await WaitingLine.form(stage.cluster.connectString, 4_000);
      const outage = async (): Promise<void> => {
        await (await stage.cluster.leader())!.restart();
        await stage.untilServed();
      };
      await line.outlive('lock', '/line-lock', outage);
      await line.outlive('election', '/line-election', outage);
    },
    LIMIT,
  );

  test(
    'and a client whose servers have lost all data has a new session within twice its session timeout',
    async () => {
      await using empty = await ManagedZooKeeper.start({ tickTime: 400 });
      await using proxy = await TcpProxy.open(stage.cluster.at(0).connectString);
      await using client = await new KazooClient({ hosts: proxy.connectString, timeout: 3_000 }).start({ timeout: 30_000 });
      await client.create('/before', '');
      const session = client.clientId!.sessionId;
      // Its last zxid is ahead of all that the empty server knows, which hangs up without an answer.
      proxy.retarget(empty.connectString);
      proxy.cut();
      await eventually('a new session', 2 * 3_000, () => client.connected && client.clientId!.sessionId !== session);
      expect(await client.exists('/before')).toBeNull();
      expect(await client.create('/after', '')).toBe('/after');
    },
    LIMIT,
  );

  /** The service is there all the time, so that each of the restarts alone must be overcome in time. */
  async function rollingRestart(): Promise<void> {
    for (const server of stage.cluster) {
      await server.restart();
      stage.history.note(`${server.connectString} is up again`);
      await stage.allRecovered(performance.now());
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

  /** A server killed at a bad moment refuses its own data for ever; as its operator would, this lets it take the others' anew, once those serve. */
  async function revive(server: ManagedZooKeeper): Promise<void> {
    try {
      await server.start({ until: 'listening' });
    } catch (error) {
      if (!(error instanceof HarnessError) || !/The current epoch, .* is older than the last zxid/.test(error.serverLog ?? ''))
        throw error;
      stage.history.note(`${server.connectString} cannot read its data, and starts anew`);
      await stage.untilServed();
      await server.reset();
      await server.start({ until: 'listening' });
    }
  }

  function misfortune(dice: Dice, index: number): [string, () => Promise<void>] {
    const [server, proxy] = [stage.cluster.at(index), stage.proxies[index]!];
    const duration = dice.between(100, 5_000);
    const faults: Record<string, () => Promise<void>> = {
      kill: () =>
        server
          .kill()
          .then(() => pause(duration))
          .then(() => revive(server)),
      restart: () => server.stop().then(() => revive(server)),
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
        await Promise.all([server, other].map(revive));
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
