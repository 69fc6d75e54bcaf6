import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConnectionDropped, ConnectionLoss, NoAuthError, NoWatcherError, OperationTimeoutError } from '../../src/base/errors.ts';
import { ServerWatches } from '../../src/client/server-watches.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import type { Session } from '../../src/session/session.ts';
import { collectGarbage } from '../support/garbage.ts';
import { told } from '../support/waiting.ts';

const NO_AUTH = -102;

async function setUp(): Promise<{ server: EmbeddedZooKeeper; client: KazooClient; other: KazooClient }> {
  const server = await EmbeddedZooKeeper.start();
  onTestFinished(() => server.close());
  const [client, other] = [new KazooClient(server.connectString), new KazooClient(server.connectString)];
  onTestFinished(async () => {
    await Promise.all([client.stop(), other.stop()]);
  });
  await Promise.all([client.start(), other.start()]);
  await other.create('/a');
  return { server, client, other };
}

async function watchCount(client: KazooClient): Promise<number> {
  return Number(/^zk_watch_count\t(\d+)$/m.exec(await client.command('mntr'))![1]);
}

const nobody = (): void => undefined;

test('a watch that is given up while another read of the path is on its way is taken back all the same', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  await client.create('/a');
  const listener = (): void => undefined;
  await client.get('/a', { watch: listener });
  // The first removal asks for the server's version, which takes longer than a read; so reads are on their way when it comes.
  const removed = client.unwatch('/a', listener);
  let over = false;
  void removed.then(() => (over = true));
  const child = (): void => undefined;
  while (!over) await client.getChildren('/a', { watch: child });
  await client.unwatch('/a', child);
  await vi.waitFor(async () => expect(await client.command('mntr')).toMatch(/^zk_watch_count\t0$/m), { timeout: 20_000 });
  expect(client.connected).toBe(true);
});

test('of the removal of a watch that nobody waits for, as after an aborted read, nothing is kept', async () => {
  const outcomes: WeakRef<object>[] = [];
  const submit = (): Promise<object> => {
    const outcome = {};
    outcomes.push(new WeakRef(outcome));
    return Promise.resolve(outcome);
  };
  const session = {
    target: {},
    serverVersion: [3, 9, 4],
    watches: { isWanted: () => false, covers: () => false },
    submit,
  } as unknown as Session;
  const watches = new ServerWatches(session, () => Promise.resolve([]));
  session.onOrphanWatch('data', '/a');
  await vi.waitFor(() => expect(outcomes).toHaveLength(1));
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(outcomes[0]!.deref()).toBeUndefined();
  expect(await watches.removing(() => undefined)).toEqual([]);
});

test.each([true, false])(
  'a removal that the server refuses rejects with its reason; the watch was known here: %s',
  async (known) => {
    const { server, client } = await setUp();
    if (known) await client.get('/a', { watch: nobody });
    server.faults.fail('removeWatches', NO_AUTH);
    await expect(client.removeWatches('/a', 'data')).rejects.toThrow(NoAuthError);
  },
);

test('so does that of a persistent watch beside one of another kind', async () => {
  const { server, client } = await setUp();
  await client.getChildren('/a', { watch: nobody });
  await client.addWatch('/a', nobody);
  server.faults.fail('removeWatches', NO_AUTH);
  await expect(client.removeWatches('/a', 'persistent')).rejects.toThrow(NoAuthError);
});

test.each([true, false])('a removal ends with its timeout and its signal; the watch was known here: %s', async (known) => {
  const { server, client } = await setUp();
  if (known) await client.addWatch('/a', nobody);
  if (known) await client.addWatch('/a', nobody, { recursive: true });
  server.freeze();
  await expect(client.removeWatches('/a', 'persistent', { timeout: 20 })).rejects.toThrow(OperationTimeoutError);
  const controller = new AbortController();
  const removing = client.removeWatches('/a', 'persistentRecursive', { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(removing).rejects.toThrow('enough');
  server.thaw();
});

test('while there is no connection watches are taken back at once, and are not left again; a tree cannot be watched', async () => {
  const { server, client, other } = await setUp();
  const heard: string[] = [];
  const staying = await client.addWatch('/a', ({ type }) => void heard.push(type));
  await client.get('/a', { watch: ({ type }) => void heard.push(type) });
  const [suspended, connected] = [told(client, 'SUSPENDED'), told(client, 'CONNECTED')];
  server.refuseConnections(true);
  client.dropConnection();
  await suspended;
  await Promise.all([staying.remove(), client.removeWatches('/a', 'data')]);
  expect(client.state).toBe('SUSPENDED');
  await expect(client.watchTree('/a', nobody, new Map())).rejects.toThrow(ConnectionLoss);
  expect(client.state).toBe('SUSPENDED');
  server.refuseConnections(false);
  await connected;
  await other.set('/a', '1');
  await client.sync('/');
  expect(heard).toEqual([]);
  expect(await watchCount(other)).toBe(0);
});

test("watches of children by which a cache follows its tree are no user's to remove", async () => {
  const { client } = await setUp();
  const cache = new TreeCache(client, '/a');
  await cache.start();
  await cache.whenFresh();
  await vi.waitFor(async () => expect(await watchCount(client)).toBe(2), { timeout: 20_000 });
  await expect(client.removeWatches('/a', 'children')).rejects.toThrow(NoWatcherError);
  expect(await watchCount(client)).toBe(2);
  await cache.close();
});

test('a persistent watch within a recursive one is refused where the server does not say whether it may be', async () => {
  const { server, client, other } = await setUp();
  const heard: string[] = [];
  await client.addWatch('/a', nobody, { recursive: true });
  server.faults.fail('checkWatches', NO_AUTH);
  await expect(client.addWatch('/a', ({ type }) => void heard.push(type))).rejects.toThrow(NoAuthError);
  await other.set('/a', '1');
  await client.sync('/');
  expect(heard).toEqual([]);
});

test('of a persistent watch that goes nothing is left at the server, though a one-shot watch of the node stays', async () => {
  const { client, other } = await setUp();
  const heard: string[] = [];
  const staying = await client.addWatch('/a', nobody);
  await client.get('/a', { watch: ({ type }) => void heard.push(type) });
  await staying.remove();
  await other.set('/a', '1');
  await client.sync('/');
  expect(heard).toEqual(['CHANGED']);
  expect(await watchCount(client)).toBe(0);
});

describe("the server's version, where it has not been asked for yet", () => {
  function asking(answers: (number[] | Error)[]): { watches: ServerWatches; left: () => number } {
    const session = { target: {}, serverVersion: undefined } as unknown as Session;
    const next = (): Promise<number[]> => {
      const answer = answers.shift()!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    return { watches: new ServerWatches(session, next), left: () => answers.length };
  }
  const lost = new ConnectionDropped('no answer');

  test('is asked for once for a connection', async () => {
    const { watches, left } = asking([[3, 5, 10], lost]);
    const known = await Promise.all([watches.knows('removeWatches'), watches.knows('addWatch')]);
    expect([...known, await watches.knows('removeWatches')]).toEqual([true, false, true]);
    expect(left()).toBe(1);
  });

  test('is asked for three times, and when it is needed again', async () => {
    const { watches, left } = asking([lost, lost, lost, lost, lost, [3, 9, 4], lost]);
    expect(await watches.knows('addWatch')).toBe(false);
    expect(left()).toBe(4);
    expect(await watches.knows('addWatch')).toBe(true);
    expect(left()).toBe(1);
  });
});
