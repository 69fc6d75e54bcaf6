import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { cached, SECRET, shown } from '../recipe/tree-secrets.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { Dice, eventually, pause } from './lock-model.ts';

/** `KAZOO_SEED=…` repeats a run's choices. */
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const LIMIT = 180_000;
const PATIENCE = 60_000;
const PATHS = ['a', 'b', 'c', 'd'].flatMap((a) => [
  `/tree/${a}`,
  ...['x', 'y', 'z'].flatMap((b) => [`/tree/${a}/${b}`, `/tree/${a}/${b}/leaf`]),
]);

const missing = await whyNoRealZooKeeper();

describe.skipIf(missing)('a tree cache on three real servers', () => {
  let cluster: ZooKeeperCluster;
  beforeAll(async () => {
    process.stderr.write(`tree cache: KAZOO_SEED=${SEED}\n`);
    cluster = await ZooKeeperCluster.start({ size: 3, tickTime: 400 });
  }, LIMIT);
  afterAll(() => cluster.destroy(), LIMIT);

  const connect = async (options: KazooClientOptions = {}): Promise<KazooClient> => {
    const client = new KazooClient({ hosts: cluster.connectString, timeout: 8_000, ...options });
    onTestFinished(() => client.close());
    return client.start({ timeout: PATIENCE });
  };
  const writerOf = async (options: KazooClientOptions = {}): Promise<KazooClient> => {
    const writer = await connect(options);
    await writer.addAuth('digest', 'another:secret');
    await writer.delete('/tree', { recursive: true }).catch(() => undefined);
    await writer.create('/tree', '');
    return writer;
  };
  const cacheOf = async (client: KazooClient): Promise<TreeCache> => {
    const cache = new TreeCache(client, '/tree');
    onTestFinished(() => cache.close());
    cache.listenFault(() => undefined);
    await cache.start();
    await cache.whenFresh({ timeout: PATIENCE });
    return cache;
  };
  /** The server on which a client is. */
  const serverOf = (client: KazooClient): ManagedZooKeeper | undefined =>
    [...cluster].find(({ connectString }) => connectString.endsWith(`:${client.server?.port}`));

  test(
    'misses nothing while its client moves from a killed server to another, in its session',
    async () => {
      const [writer, client] = [await writerOf(), await connect()];
      const cache = await cacheOf(client);
      const session = client.clientId!.sessionId;
      const writing = new Writing(writer, new Dice(SEED));
      for (let round = 0; round < 3; round++) {
        await pause(500);
        const server = serverOf(client)!;
        await server.kill();
        await eventually('the client is on another server', PATIENCE, () => client.connected && serverOf(client) !== server);
        await pause(500);
        await writing.rest();
        await cache.whenFresh({ timeout: PATIENCE });
        expect(cached(cache, '/tree'), `KAZOO_SEED=${SEED}`).toEqual(await shown(client, '/tree'));
        writing.goOn();
        await server.start();
      }
      await writing.rest();
      expect(client.clientId!.sessionId).toBe(session);
      expect(writing.done).toBeGreaterThan(50);
    },
    LIMIT,
  );

  test(
    'shows all that was written while its session was lost',
    async () => {
      const [writer, client] = [await writerOf(), await connect()];
      for (const path of PATHS) await writer.create(path, 'before');
      const cache = await cacheOf(client);
      const writing = new Writing(writer, new Dice(SEED + 1));
      const { sessionId, password } = client.clientId!;
      const heir = new KazooClient({ hosts: cluster.connectString, clientId: { sessionId, password } });
      await heir.start({ timeout: PATIENCE });
      await heir.close();
      await eventually(
        'the client has a new session',
        PATIENCE,
        () => client.connected && client.clientId!.sessionId !== sessionId,
      );
      await pause(500);
      await writing.rest();
      await cache.whenFresh({ timeout: PATIENCE });
      expect(cached(cache, '/tree'), `KAZOO_SEED=${SEED}`).toEqual(await shown(client, '/tree'));
    },
    LIMIT,
  );

  test(
    'is fresh on a server that is cut off and serves reads alone, as far as that knows, and follows again once there is a quorum',
    async () => {
      // Without local sessions a server that is cut off takes no session at all.
      const configuration = { localSessionsEnabled: true, localSessionsUpgradingEnabled: true };
      await using lone = await ZooKeeperCluster.start({ size: 3, tickTime: 400, readOnlyMode: true, configuration });
      const hosts = lone.connectString;
      const [writer, client] = [await writerOf({ hosts }), await connect({ hosts, readOnly: true })];
      await writer.create('/tree/a', 'before');
      const cache = await cacheOf(client);
      const [left, ...others] = lone.servers;
      await Promise.all(others.map((server) => server.kill()));
      await eventually(
        'the client is on the server that is left',
        PATIENCE,
        () => client.connected && client.clientState === 'CONNECTED_RO',
      );
      expect(left!.connectString).toMatch(`:${client.server!.port}`);
      await cache.whenFresh({ timeout: PATIENCE });
      expect(cached(cache, '/tree')).toEqual(['/tree ', '/tree/a before']);
      await Promise.all(others.map((server) => server.start()));
      await eventually('the writer is connected', PATIENCE, () => writer.connected);
      await writer.retry(() => writer.set('/tree/a', 'after'));
      await writer.retry(() => writer.create('/tree/secret', '', { acl: SECRET }));
      await eventually('the client may write', PATIENCE, () => client.clientState === 'CONNECTED');
      await cache.whenFresh({ timeout: PATIENCE });
      expect(cached(cache, '/tree')).toEqual(['/tree ', '/tree/a after', '/tree/secret undefined']);
    },
    LIMIT,
  );
});

/** Somebody who creates, changes and deletes nodes at random, some of which others may not read. */
class Writing {
  readonly #client: KazooClient;
  readonly #dice: Dice;
  #running = true;
  #work: Promise<void>;
  done = 0;

  constructor(client: KazooClient, dice: Dice) {
    this.#client = client;
    this.#dice = dice;
    this.#work = this.#write();
  }

  goOn(): void {
    this.#running = true;
    this.#work = this.#write();
  }

  async rest(): Promise<void> {
    this.#running = false;
    await this.#work;
  }

  async #write(): Promise<void> {
    while (this.#running) {
      const path = PATHS[this.#dice.below(PATHS.length)]!;
      const step = this.#dice.chance(0.5)
        ? this.#client.create(path, String(this.done), this.#dice.chance(0.4) ? { acl: SECRET } : {})
        : this.#dice.chance(0.5)
          ? this.#client.set(path, String(this.done))
          : this.#client.delete(path, { recursive: this.#dice.chance(0.5) });
      // A node that is there, or is not, and an outage.
      this.done += await step.then(
        () => 1,
        () => 0,
      );
      await pause(2);
    }
  }
}
