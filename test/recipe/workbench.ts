import { onTestFinished } from 'vitest';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import type { EmbeddedZooKeeperOptions } from '../../src/server/server-options.ts';

/** A server of a test's own, and clients of it; all gone when the test is over. */
export interface Workbench {
  readonly server: EmbeddedZooKeeper;
  readonly client: KazooClient;
  readonly connect: (options?: KazooClientOptions) => Promise<KazooClient>;
}

export async function workbench(
  options: KazooClientOptions = {},
  serverOptions: EmbeddedZooKeeperOptions = {},
): Promise<Workbench> {
  const server = await EmbeddedZooKeeper.start({ tickTime: 200, ...serverOptions });
  onTestFinished(() => server.close());
  const connect = async (own: KazooClientOptions = {}): Promise<KazooClient> => {
    const client = new KazooClient({ hosts: server.connectString, connectionRetry: { delay: 10, maxDelay: 100 }, ...own });
    onTestFinished(() => client.stop());
    return client.start();
  };
  return { server, client: await connect(options), connect };
}

/** Resolves once `condition` holds; what it throws counts as no. */
export async function eventually(condition: () => unknown, within = 20_000): Promise<void> {
  const end = performance.now() + within;
  for (;;) {
    const outcome = await attempt(condition);
    if (outcome === true) return;
    if (performance.now() > end) throw new Error(`it did not come about within ${within} ms`, { cause: outcome });
    await pause(5);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves at the client's next announcement of `state`. */
export function stateOf(client: KazooClient, state: 'CONNECTED' | 'SUSPENDED' | 'LOST'): Promise<void> {
  return new Promise((resolve) => {
    const listener = (announced: string): void => {
      if (announced !== state) return;
      client.off('state', listener);
      resolve();
    };
    client.on('state', listener);
  });
}

/** Ends the client's session on the server, and waits until the client has a new one. */
export async function expire(server: EmbeddedZooKeeper, client: KazooClient): Promise<void> {
  const lost = stateOf(client, 'LOST');
  server.expireSession(client.clientId!.sessionId);
  await lost;
  await eventually(() => client.connected);
}

/** Drops the connection, and waits until the client is back in the same session. */
export async function reconnect(server: EmbeddedZooKeeper, client: KazooClient): Promise<void> {
  const suspended = stateOf(client, 'SUSPENDED');
  server.dropConnections();
  await suspended;
  await eventually(() => client.connected);
}

/** The client, but for these methods: to have something happen in the middle of a recipe's work. */
export function altered(client: KazooClient, methods: Partial<Record<keyof KazooClient, unknown>>): KazooClient {
  return new Proxy(client, {
    get(target, name): unknown {
      if (Object.hasOwn(methods, name)) return methods[name as keyof KazooClient];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** The client, as it is where the connection is lost in the very moment of an answer: after `lose`, the next look at its session finds none. */
export function forgetful(client: KazooClient): { flawed: KazooClient; lose: () => void; lost: () => boolean } {
  let losses = 0;
  const flawed = altered(client, {
    // As the client's is while it is suspended.
    get clientId() {
      return losses-- > 0 ? null : client.clientId;
    },
  });
  return { flawed, lose: () => void (losses = 1), lost: () => losses < 1 };
}

/** Counts the listings asked for from now on. */
export function listsOf(client: KazooClient): () => number {
  let lists = 0;
  const getChildren = client.getChildren.bind(client) as (...args: unknown[]) => never;
  client.getChildren = (...args: unknown[]): never => {
    lists += 1;
    return getChildren(...args);
  };
  return () => lists;
}

/** Counts the nodes read from now on. */
export function readsOf(client: KazooClient): () => number {
  let reads = 0;
  for (const name of ['get', 'getChildren', 'exists'] as const) {
    const original = client[name].bind(client) as (...args: unknown[]) => never;
    client[name] = (...args: unknown[]): never => {
      reads += 1;
      return original(...args);
    };
  }
  const original = client.multiRead.bind(client);
  client.multiRead = (operations, options) => {
    reads += operations.length;
    return original(operations, options);
  };
  return () => reads;
}

/** In the way of all who come later, with nothing but a node: a holder watches its own before long, which would count. */
export async function stand(client: KazooClient, path: string): Promise<void> {
  await client.create(path, '', { ephemeral: true, makepath: true });
}

/** How many one-shot watches, of data and of children, the server keeps for anyone (`wchp` knows of the former only). */
export async function watchCount(client: KazooClient): Promise<number> {
  const answer = await client.command('mntr');
  return Number(/^zk_watch_count\t(\d+)$/m.exec(answer)?.[1]);
}

/** Numbers from 0 to 1, the same for the same seed. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

async function attempt(condition: () => unknown): Promise<unknown> {
  try {
    return Boolean(await condition()) || 'false';
  } catch (error) {
    return error;
  }
}
