import { onTestFinished, test, expect } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { Election } from '../../src/recipe/election.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { ReadLock, WriteLock } from '../../src/recipe/read-write-lock.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import {
  contend,
  Dice,
  eventually,
  History,
  pause,
  Referee,
  type Holdable,
  type Share,
  untilSuspended,
  within,
} from './lock-model.ts';

/** `KAZOO_SOAK=600` runs for that many seconds instead; `KAZOO_SEED=…` repeats a run's choices. */
const SECONDS = Number(process.env['KAZOO_SOAK'] ?? 20);
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const CONTENDERS = 5;
const SESSION = 1_200;
const LEASES = 2;
const READERS = 100;

/** Five contenders with a network each, and one server. */
class Arena {
  readonly server: EmbeddedZooKeeper;
  readonly proxies: TcpProxy[] = [];
  readonly clients: KazooClient[] = [];
  readonly history = new History();

  private constructor(server: EmbeddedZooKeeper) {
    this.server = server;
  }

  static async open(): Promise<Arena> {
    const server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    onTestFinished(() => server.close());
    const arena = new Arena(server);
    for (let index = 0; index < CONTENDERS; index++) await arena.#addContender();
    return arena;
  }

  async #addContender(): Promise<void> {
    const proxy = await TcpProxy.open(this.server.connectString);
    onTestFinished(() => proxy.close());
    const client = new KazooClient({
      hosts: proxy.connectString,
      timeout: SESSION,
      connectionRetry: { maxTries: -1, delay: 20, maxDelay: 200 },
    });
    onTestFinished(() => client.close());
    const name = `client ${this.clients.length}`;
    client.on('state', (state) => this.history.note(`${name}: ${state}`));
    await client.start();
    this.proxies.push(proxy);
    this.clients.push(client);
  }

  /** One misfortune, and its end. */
  async strike(dice: Dice, holders: readonly number[]): Promise<void> {
    // Holders are worth most: what befalls them is what the others must not notice too early.
    const index = holders.length > 0 && dice.chance(0.7) ? holders[dice.below(holders.length)]! : dice.below(CONTENDERS);
    const proxy = this.proxies[index]!;
    const client = this.clients[index]!;
    const faults: [string, () => Promise<void>][] = [
      [`cut client ${index}`, async () => proxy.cut()],
      [`partition client ${index}`, () => this.#partition(proxy, dice.between(100, SESSION))],
      [`partition client ${index} for long`, () => this.#partition(proxy, dice.between(SESSION, 1.8 * SESSION))],
      [`partition client ${index} for long`, () => this.#partition(proxy, dice.between(SESSION, 1.8 * SESSION))],
      [`expire client ${index}`, () => this.#expire(proxy, client)],
      ['drop all connections', async () => this.server.dropConnections()],
      ['restart the server', () => this.server.restart()],
      ['freeze the server', () => this.#freeze(dice.between(50, 2.2 * SESSION))],
    ];
    const [name, fault] = faults[dice.below(faults.length)]!;
    this.history.note(`FAULT ${name}`);
    await fault();
    this.history.note(`END OF ${name}`);
  }

  heal(): void {
    for (const proxy of this.proxies) {
      proxy.refuse(false);
      proxy.thaw();
    }
    this.server.thaw();
  }

  async #partition(proxy: TcpProxy, duration: number): Promise<void> {
    proxy.freeze();
    await pause(duration);
    proxy.thaw();
  }

  /** A server ends a session only once its client has been silent: so the client knows that it is disconnected before this ends it. */
  async #expire(proxy: TcpProxy, client: KazooClient): Promise<void> {
    const id = client.clientId?.sessionId;
    proxy.refuse(true);
    proxy.cut();
    await untilSuspended(client);
    if (id !== undefined) this.server.expireSession(id);
    proxy.refuse(false);
  }

  async #freeze(duration: number): Promise<void> {
    this.server.freeze();
    await pause(duration);
    this.server.thaw();
  }
}

/** An election, held as the others are: from being elected to the end of the function. */
function candidate(election: Election): Holdable {
  return { hold: (options) => election.lock.hold(options) };
}

interface Resource {
  readonly referee: Referee;
  readonly tokens: boolean;
  readonly share: (index: number) => Share;
  readonly recipe: (client: KazooClient, index: number) => Holdable;
}

function resources(history: History): Resource[] {
  const whole = (index: number): Share => ({ name: `client ${index}`, client: index, part: 1 });
  const isReader = (index: number): boolean => index % 2 === 0;
  return [
    { referee: new Referee(history, 'lock', 1), tokens: true, share: whole, recipe: (client) => new Lock(client, '/model/lock') },
    {
      referee: new Referee(history, 'election', 1),
      tokens: true,
      share: whole,
      recipe: (client) => candidate(new Election(client, '/model/election')),
    },
    {
      referee: new Referee(history, 'semaphore', LEASES),
      tokens: false,
      share: whole,
      recipe: (client) => new Semaphore(client, '/model/semaphore', { maxLeases: LEASES }),
    },
    {
      referee: new Referee(history, 'read/write', READERS),
      tokens: false,
      share: (index) => ({
        client: index,
        name: `${isReader(index) ? 'reader' : 'writer'} ${index}`,
        part: isReader(index) ? 1 : READERS,
      }),
      recipe: (client, index) => (isReader(index) ? new ReadLock(client, '/model/rw') : new WriteLock(client, '/model/rw')),
    },
  ];
}

test(
  `locks, elections, semaphores and read/write locks under random faults for ${SECONDS} s`,
  async () => {
    process.stderr.write(`lock model: KAZOO_SEED=${SEED}\n`);
    const dice = new Dice(SEED);
    const arena = await Arena.open();
    const { history } = arena;
    const all = resources(history);
    let running = true;
    const contenders = all.flatMap(({ referee, share, recipe, tokens }) =>
      arena.clients.map((client, index) => {
        const lasting = recipe(client, index);
        const own = new Dice(dice.below(2 ** 31));
        const target = (): Holdable => (own.chance(0.3) ? recipe(client, index) : lasting);
        return contend({ dice: own, referee, share: share(index), target, tokens }, () => running);
      }),
    );
    const end = performance.now() + SECONDS * 1_000;
    const work = Promise.all(contenders);
    work.catch(() => undefined);
    try {
      while (performance.now() < end && history.violations.length === 0) {
        const holders = all.flatMap(({ referee }) => referee.holders);
        await arena.strike(dice, holders);
        await pause(dice.between(50, 400));
      }
      arena.heal();
      running = false;
      await within('every waiter is served or refused', 15_000, work);
      await eventually('nothing is left', 15_000, async () => (await leftovers(arena)).length === 0);
    } catch (error) {
      throw new Error(
        `seed ${SEED}: ${(error as Error).message}; left: ${(await leftovers(arena)).join(', ')}\n${history.tail}`,
        { cause: error },
      );
    }
    expect(history.violations, `seed ${SEED}`).toEqual([]);
    for (const { referee } of all) expect(referee.served).toBeGreaterThan(SECONDS);
    process.stderr.write(
      `lock model: ${all.map(({ referee }) => `${referee.served} served, ${referee.refused} refused`).join('; ')}\n`,
    );
    for (const client of arena.clients) expect(client.listenerCount('state')).toBe(1);
  },
  SECONDS * 1_000 + 60_000,
);

async function leftovers(arena: Arena): Promise<string[]> {
  const paths = ['/model/lock', '/model/election', '/model/semaphore', '/model/semaphore-__lock__', '/model/rw'];
  const client = arena.clients[0]!;
  const lists = await Promise.all(paths.map(async (path) => (await client.getChildren(path)).map((name) => `${path}/${name}`)));
  return lists.flat();
}
