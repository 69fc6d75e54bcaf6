import { expect, test } from 'vitest';
import type { WatchedEvent } from '../../src/base/states.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { told, until } from '../support/waiting.ts';

test('every one of 50,000 watches is alive after a reconnect (pain-points 22)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient({ hosts: server.connectString, timeout: 40_000 });
  await client.start();
  const long = 'x'.repeat(100);
  const paths = Array.from({ length: 50_000 }, (_, i) => `/${long}-${i}`);
  let fired = 0;
  const watch = (): void => {
    fired++;
  };
  await Promise.all(paths.map((path) => client.exists(path, { watch })));
  const suspended = told(client, 'SUSPENDED');
  server.dropConnections();
  await suspended;
  await until(() => client.connected, 'CONNECTED');
  await Promise.all(paths.map((path) => client.create(path)));
  await until(() => fired === paths.length, 'every event', 60_000);
}, 120_000);

test('the second event of a multi is not lost with a connection that was cut behind the first (pain-points 23, ZOOKEEPER-4655)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient(server.connectString);
  await using other = new KazooClient(server.connectString);
  await Promise.all([client.start(), other.start()]);
  const events: string[] = [];
  for (const path of ['/a', '/b']) {
    await client.create(path);
    await client.get(path, { watch: ({ type }) => void events.push(`${type} ${path}`) });
  }
  const [handshake, restored, event] = [41, 20, 34];
  server.faults.cutAfter(handshake + restored + event);
  const clientId = client.clientId!.sessionId;
  const suspended = told(client, 'SUSPENDED');
  client.dropConnection();
  await suspended;
  await until(() => client.connected, 'CONNECTED');
  const again = told(client, 'SUSPENDED');
  await other.transaction().setData('/a', 'x').setData('/b', 'x').commitOrThrow();
  await again;
  expect(events).toEqual(['CHANGED /a']);
  await until(() => events.length === 2, 'the second event');
  expect(events).toEqual(['CHANGED /a', 'CHANGED /b']);
  expect(client.clientId!.sessionId).toBe(clientId);
});

test('a watch that stays is taken off the server by remove(), by its signal, and by `await using` (pain-points 27)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient(server.connectString);
  await client.start();
  const watched = async (): Promise<boolean> => (await client.command('wchp')).includes('/a');
  const heard: string[] = [];
  const listener = ({ type }: WatchedEvent): void => void heard.push(type);
  for (const recursive of [false, true]) {
    const handle = await client.addWatch('/a', listener, { recursive });
    expect(await watched()).toBe(true);
    await handle.remove();
    expect(await watched()).toBe(false);
    await handle.remove();
    {
      await using kept = await client.addWatch('/a', listener, { recursive });
      expect(kept).toBeDefined();
      expect(await watched()).toBe(true);
    }
    expect(await watched()).toBe(false);
    const abort = new AbortController();
    await client.addWatch('/a', listener, { recursive, signal: abort.signal });
    expect(await watched()).toBe(true);
    abort.abort();
    await client.exists('/');
    expect(await watched()).toBe(false);
  }
  await client.create('/a');
  await client.exists('/');
  expect(heard).toEqual([]);
});

test('1,000 watchers of every kind on one path are no leak, and are told once each (pain-points 28)', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient(server.connectString);
  await client.start();
  await client.create('/a');
  const warnings: string[] = [];
  const warned = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', warned);
  const { signal } = new AbortController();
  const events: string[] = [];
  const watches = Array.from({ length: 1_000 }, (_, i) => i);
  await Promise.all(watches.map((i) => client.get('/a', { watch: () => void events.push(`get ${i}`), signal })));
  await Promise.all(watches.map((i) => client.addWatch('/a', () => void events.push(`add ${i}`), { signal })));
  const dataWatches = watches.map((i) =>
    client.dataWatch('/a', (data) => {
      if (String(data) === 'new') events.push(`data ${i}`);
    }),
  );
  await Promise.all(dataWatches.map(({ ready }) => ready));
  const iterators = watches.map(() => client.watchData('/a', { signal }));
  await Promise.all(iterators.map((iterator) => iterator.next()));
  const next = Promise.all(iterators.map((iterator) => iterator.next()));
  await client.set('/a', 'new');
  await next;
  await until(() => events.length >= 3_000, 'every event');
  await client.exists('/');
  expect(new Set(events).size).toBe(3_000);
  expect(events).toHaveLength(3_000);
  for (const watch of dataWatches) watch.stop();
  await Promise.all(iterators.map((iterator) => iterator.return()));
  process.off('warning', warned);
  expect(warnings).toEqual([]);
});
