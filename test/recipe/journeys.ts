import type { KazooClient } from '../../src/kazoo-client.ts';
import type { Acquirable } from '../../src/recipe/acquirable.ts';
import { eventually, watchCount } from './workbench.ts';

/** Those on a journey: the client that meets the fault, and one that does not. */
export interface Pair {
  readonly client: KazooClient;
  readonly other: KazooClient;
}

/** One use of a recipe, from its beginning to its end; what it comes to does not depend on what happens to the connection. */
export type Journey = (pair: Pair) => Promise<unknown>;

const PATH = '/some/where';

export const JOURNEYS: Readonly<Record<string, Journey>> = {
  Lock: (pair) => takenOver(pair, (client) => client.lock(PATH)),
  Semaphore: (pair) => takenOver(pair, (client) => client.semaphore(PATH, { maxLeases: 1 })),
  Queue: async ({ client, other }) => {
    for (const item of ['a', 'b']) await other.queue(PATH).put(item);
    const given = await drained(other.queue(PATH), () => client.queue(PATH).get());
    return { given, left: await other.queue(PATH).size() };
  },
  LockingQueue: async ({ client, other }) => {
    await other.lockingQueue(PATH).putAll(['a', 'b']);
    const queue = client.lockingQueue(PATH);
    const given = await drained(other.lockingQueue(PATH), async () => {
      const item = await queue.get();
      await queue.consume();
      return item;
    });
    return { given, taken: await other.getChildren(`${PATH}/taken`) };
  },
  Barrier: async ({ client, other }) => {
    await other.barrier(PATH).create();
    const waiting = client.barrier(PATH).wait();
    await eventually(async () => (await watchCount(other)) > 0);
    await other.barrier(PATH).remove();
    return waiting;
  },
  DoubleBarrier: async ({ client, other }) => {
    const members = [client, other].map((each) => each.doubleBarrier(PATH, 2));
    await Promise.all(members.map((member) => member.enter()));
    await Promise.all(members.map((member) => member.leave()));
    return other.getChildren(PATH);
  },
  Counter: async ({ client, other }) => {
    const counter = client.counter(PATH);
    for (let i = 0; i < 3; i++) await counter.add(2);
    return [await counter.get(), await other.counter(PATH).get()];
  },
  Party: async ({ client, other }) => {
    const party = client.party(PATH, { identifier: 'me' });
    // A member is one for as long as its session lasts.
    await eventually(async () => {
      await party.join();
      return (await party.members()).join() === 'me' && (await other.party(PATH).size()) === 1;
    });
    await party.leave();
    return other.getChildren(PATH);
  },
  LeaderLatch: async ({ client, other }) => {
    const latch = client.leaderLatch(PATH, { identifier: 'me' });
    latch.start();
    const leads = await latch.waitForLeadership();
    await eventually(async () => (await other.leaderLatch(PATH).leader()) === 'me');
    await latch.close();
    return { leads, left: await other.getChildren(PATH) };
  },
  PersistentNode: async ({ client, other }) => {
    const node = client.persistentNode(PATH, 'one');
    await node.start();
    await node.setData('two');
    await eventually(async () => String((await other.get(PATH))[0]) === 'two');
    await node.close();
    return other.exists(PATH);
  },
  TreeCache: async ({ client, other }) => {
    for (const name of ['a', 'b']) await other.create(`${PATH}/${name}`, 'old', { makepath: true });
    const cache = client.treeCache(PATH);
    await cache.start();
    await cache.whenFresh();
    await other.set(`${PATH}/a`, 'new');
    await other.delete(`${PATH}/b`);
    await other.create(`${PATH}/c`);
    await cache.whenFresh();
    const seen = [[...(cache.getChildren(PATH) ?? [])].sort(), String(cache.getData(`${PATH}/a`)?.data)];
    await cache.close();
    return seen;
  },
};

/** Held by the other until this one waits; then by this one; then by nobody. */
async function takenOver({ client, other }: Pair, make: (client: KazooClient) => Acquirable): Promise<unknown> {
  const [theirs, ours] = [make(other), make(client)];
  await theirs.acquire();
  const acquired = ours.acquire();
  await eventually(async () => (await watchCount(other)) > 0);
  await theirs.release();
  const outcome = await acquired;
  await ours.release();
  return { outcome, left: await other.getChildren(PATH) };
}

/** The items taken until none is left, each once: better twice than never. */
async function drained(queue: { size(): Promise<number> }, take: () => Promise<Buffer | null>): Promise<string[]> {
  const given = new Set<string>();
  while ((await queue.size()) > 0) {
    const item = await take();
    if (item !== null) given.add(item.toString());
  }
  return [...given].sort();
}
