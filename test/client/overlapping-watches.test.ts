import { describe, expect, test } from 'vitest';
import { NoAuthError, NoWatcherError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { Barrier } from '../../src/recipe/barrier.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { rejection, told } from '../support/waiting.ts';

const NO_AUTH = -102;

// Before 3.9 a node has one watch of a client at the server: the last one asked for takes the others' place (ZOOKEEPER-4466), and a removal takes it whatever it is.
describe.each(['3.8.6', '3.9.5'])('on ZooKeeper %s', (version) => {
  async function setUp() {
    const server = await EmbeddedZooKeeper.start({ version });
    const [client, other] = [new KazooClient(server.connectString), new KazooClient(server.connectString)];
    await Promise.all([client.start(), other.start()]);
    const close = async (): Promise<void> => {
      await Promise.all([client.stop(), other.stop()]);
      await server.close();
    };
    return { server, client, other, [Symbol.asyncDispose]: close };
  }

  /** Events, once those that have been sent are here. */
  async function heard(client: KazooClient, events: readonly string[]): Promise<readonly string[]> {
    await client.sync('/');
    return events.filter((type) => type !== 'NONE');
  }

  test.each([false, true])(
    'a watch that is given up late takes none with it that was added since, recursive: %s',
    async (recursive) => {
      await using setting = await setUp();
      const { client, other } = setting;
      await other.create('/a');
      const controller = new AbortController();
      // The first removal of a connection asks for the server's version before.
      const wait = new Barrier(client, '/a').wait({ signal: controller.signal }).catch(() => undefined);
      await client.sync('/');
      controller.abort(new Error('enough'));
      await wait;
      const events: string[] = [];
      await client.addWatch('/a', ({ type }) => void events.push(type), { recursive });
      for (let turn = 0; turn < 20; turn++) await client.command('srvr');
      await other.set('/a', '1');
      await other.set('/a', '2');
      expect(await heard(client, events)).toEqual(['CHANGED', 'CHANGED']);
    },
  );

  test.each([
    [false, 'data'],
    [false, 'children'],
    [false, 'persistentRecursive'],
    [true, 'data'],
    [true, 'persistent'],
  ] as const)('a watch that stays (recursive: %s) is no watch of %s, which takes nothing from it', async (recursive, type) => {
    await using setting = await setUp();
    const { client, other } = setting;
    await other.create('/a');
    const events: string[] = [];
    await client.addWatch('/a', ({ type, path }) => void events.push(`${type} ${path}`), { recursive });
    expect(await rejection(client.removeWatches('/a', type))).toBeInstanceOf(NoWatcherError);
    await other.set('/a', '1');
    await other.create('/a/b');
    expect(await heard(client, events)).toEqual(['CHANGED /a', recursive ? 'CREATED /a/b' : 'CHILD /a']);
  });

  test('a persistent watch takes the place of a recursive one that goes meanwhile', async () => {
    await using setting = await setUp();
    const { client, other } = setting;
    await other.create('/a');
    const recursive = await client.addWatch('/a', () => undefined, { recursive: true });
    const events: string[] = [];
    const added = client.addWatch('/a', ({ type }) => void events.push(type));
    await Promise.all([recursive.remove(), added]);
    await other.set('/a', '1');
    await other.create('/a/b');
    await other.set('/a', '2');
    expect(await heard(client, events)).toEqual(['CHANGED', 'CHILD', 'CHANGED']);
  });

  test('a persistent watch within a TreeCache hears of every child', async () => {
    await using setting = await setUp();
    const { client, other } = setting;
    await other.create('/tree/a', '', { makepath: true });
    const cache = new TreeCache(client, '/tree');
    await cache.start();
    await cache.whenFresh();
    const events: string[] = [];
    const watch = await client.addWatch('/tree/a', ({ type }) => void events.push(type));
    for (const name of ['x', 'y', 'z']) {
      await other.create(`/tree/a/${name}`);
      await client.sync('/');
      await cache.whenFresh();
    }
    expect(await heard(client, events)).toEqual(['CHILD', 'CHILD', 'CHILD']);
    await watch.remove();
    await other.create('/tree/a/last');
    await client.sync('/');
    await cache.whenFresh();
    expect([...cache.getChildren('/tree/a')!].sort()).toEqual(['last', 'x', 'y', 'z']);
    await cache.close();
  });

  test('a one-shot watch that a persistent one was to stand for hears, though that one is refused', async () => {
    await using setting = await setUp();
    const { server, client, other } = setting;
    await other.create('/a');
    server.faults.fail('addWatch', NO_AUTH);
    const events: string[] = [];
    const refused = expect(client.addWatch('/a', () => undefined)).rejects.toThrow(NoAuthError);
    await client.exists('/a', { watch: ({ type }) => void events.push(type) });
    await refused;
    // What is asked of the server then is preceded by the question for its version.
    for (let turn = 0; turn < 20; turn++) await client.command('srvr');
    await other.set('/a', '1');
    expect(await heard(client, events)).toEqual(['CHANGED']);
  });

  test('a recursive and a persistent watch that were asked for while suspended both hear', async () => {
    await using setting = await setUp();
    const { server, client, other } = setting;
    await other.create('/a');
    const [suspended, connected] = [told(client, 'SUSPENDED'), told(client, 'CONNECTED')];
    server.dropConnections();
    await suspended;
    const [everything, ours]: [string[], string[]] = [[], []];
    await Promise.all([
      client.addWatch('/a', ({ type }) => void everything.push(type), { recursive: true }),
      client.addWatch('/a', ({ type }) => void ours.push(type)),
    ]);
    await connected;
    await other.retry(() => other.set('/a', '1'));
    await other.create('/a/b');
    await other.set('/a/b', '2');
    expect(await heard(client, everything)).toEqual(['CHANGED', 'CREATED', 'CHANGED']);
    expect(await heard(client, ours)).toEqual(['CHANGED', 'CHILD']);
  });
});
