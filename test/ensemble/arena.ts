import { KazooClient } from '../../src/kazoo-client.ts';
import type { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import type { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { type Dice, type History, pause, untilSuspended } from './lock-model.ts';

/** Something that goes wrong, and then ends. */
export interface Misfortune {
  readonly name: string;
  readonly strike: () => Promise<void>;
}

/** A client with a network of its own to each server. */
export class Contender {
  readonly client: KazooClient;
  readonly #proxies: readonly TcpProxy[];

  private constructor(client: KazooClient, proxies: readonly TcpProxy[]) {
    this.client = client;
    this.#proxies = proxies;
  }

  static async open(servers: readonly string[], timeout: number): Promise<Contender> {
    const proxies = await Promise.all(servers.map((server) => TcpProxy.open(server)));
    const hosts = proxies.map((proxy) => proxy.connectString);
    const client = new KazooClient({ hosts, timeout, connectionRetry: { maxTries: -1, delay: 20, maxDelay: 200 } });
    await client.start();
    return new Contender(client, proxies);
  }

  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  refuse(on: boolean): void {
    for (const proxy of this.#proxies) proxy.refuse(on);
  }

  /** Everything takes longer on its way, for a while. */
  async slow(delay: number, duration: number): Promise<void> {
    for (const proxy of this.#proxies) proxy.delay(delay);
    await pause(duration);
    for (const proxy of this.#proxies) proxy.delay(0);
  }

  async partition(duration: number): Promise<void> {
    for (const proxy of this.#proxies) proxy.freeze();
    await pause(duration);
    this.heal();
  }

  heal(): void {
    this.refuse(false);
    for (const proxy of this.#proxies) proxy.thaw();
  }

  async close(): Promise<void> {
    this.heal();
    await this.client.close();
    for (const proxy of this.#proxies) await proxy.close();
  }
}

/** Where contenders meet, and what may befall them there. */
export interface Arena {
  readonly servers: readonly string[];
  /** Session timeout, milliseconds. */
  readonly session: number;
  misfortunes(dice: Dice, contenders: readonly Contender[], victim: number): Misfortune[];
  heal(): Promise<void>;
}

/** What may befall a network, whatever the server. */
function ofNetwork(dice: Dice, contender: Contender, victim: number, session: number): Misfortune[] {
  return [
    { name: `cut client ${victim}`, strike: () => Promise.resolve(contender.cut()) },
    { name: `slow client ${victim}`, strike: () => contender.slow(dice.between(10, session / 4), dice.between(100, session)) },
    { name: `partition client ${victim}`, strike: () => contender.partition(dice.between(100, session)) },
    { name: `partition client ${victim} for long`, strike: () => contender.partition(dice.between(session, 1.8 * session)) },
  ];
}

/** The embedded server: everything can be ordered. */
export class EmbeddedArena implements Arena {
  readonly session = 1_200;
  readonly #server: EmbeddedZooKeeper;

  constructor(server: EmbeddedZooKeeper) {
    this.#server = server;
  }

  get servers(): string[] {
    return [this.#server.connectString];
  }

  misfortunes(dice: Dice, contenders: readonly Contender[], victim: number): Misfortune[] {
    const contender = contenders[victim]!;
    return [
      ...ofNetwork(dice, contender, victim, this.session),
      ...ofNetwork(dice, contender, victim, this.session).slice(-1),
      { name: `expire client ${victim}`, strike: () => this.#expire(contender) },
      { name: 'drop all connections', strike: () => Promise.resolve(this.#server.dropConnections()) },
      { name: 'restart the server', strike: () => this.#server.restart() },
      { name: 'freeze the server', strike: () => this.#freeze(dice.between(50, 2.2 * this.session)) },
    ];
  }

  heal(): Promise<void> {
    return Promise.resolve(this.#server.thaw());
  }

  /** A server ends a session only once its client has been silent: so the client knows that it is disconnected before this ends it. */
  async #expire(contender: Contender): Promise<void> {
    const id = contender.client.clientId?.sessionId;
    contender.refuse(true);
    contender.cut();
    await untilSuspended(contender.client);
    if (id !== undefined) this.#server.expireSession(id);
    contender.refuse(false);
  }

  async #freeze(duration: number): Promise<void> {
    this.#server.freeze();
    await pause(duration);
    this.#server.thaw();
  }
}

/** A real ensemble: its servers are killed and started again. */
export class ClusterArena implements Arena {
  readonly session = 3_000;
  readonly #cluster: ZooKeeperCluster;

  constructor(cluster: ZooKeeperCluster) {
    this.#cluster = cluster;
  }

  get servers(): string[] {
    return [...this.#cluster].map((server) => server.connectString);
  }

  misfortunes(dice: Dice, contenders: readonly Contender[], victim: number): Misfortune[] {
    const index = dice.below(this.#cluster.size);
    return [
      ...ofNetwork(dice, contenders[victim]!, victim, this.session),
      { name: `kill server ${index}`, strike: () => this.#kill(index, dice.between(0, 1_000)) },
    ];
  }

  heal(): Promise<void> {
    return this.#cluster.start();
  }

  async #kill(index: number, duration: number): Promise<void> {
    const server = this.#cluster.at(index);
    await server.kill();
    await pause(duration);
    await server.start();
  }
}

/** One misfortune, mostly to one who holds something: what befalls holders is what the others must not notice too early. */
export async function strike(
  arena: Arena,
  history: History,
  dice: Dice,
  contenders: readonly Contender[],
  holders: readonly number[],
): Promise<void> {
  const victim = holders.length > 0 && dice.chance(0.7) ? holders[dice.below(holders.length)]! : dice.below(contenders.length);
  const misfortunes = arena.misfortunes(dice, contenders, victim);
  const chosen = misfortunes[dice.below(misfortunes.length)]!;
  history.note(`FAULT ${chosen.name}`);
  await chosen.strike();
  history.note(`END OF ${chosen.name}`);
}
