import { describe, expect, onTestFinished, test } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/base/security.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';
import { TreeEvent } from '../../src/recipe/tree-event.ts';
import { eventually, expire, generator, reconnect, stateOf, watchCount, workbench } from './workbench.ts';
import { cached, followsWhatItMayNotRead, SECRET, shown } from './tree-secrets.ts';

/** Those that check permissions on events before and after watches live side by side, one that does not check, and one without recursive watches. */
describe.each(['3.9.5', '3.8.5', '3.8.0', '3.6.4', '3.5.10'])('on ZooKeeper %s', (version) => {
  test('what comes and goes is seen even where this client may not read it', async () => {
    const { client, connect } = await workbench({ timeout: 30_000 }, { version, tickTime: 2_000 });
    const direct = await connect();
    await followsWhatItMayNotRead(
      client,
      direct,
      async (meanwhile) => {
        const suspended = stateOf(client, 'SUSPENDED');
        client.dropConnection();
        await suspended;
        await meanwhile();
        await eventually(() => client.connected);
      },
      { recursive: version !== '3.5.10' },
    );
    await eventually(async () => (await watchCount(direct)) === 0);
  });

  test('watches of others on the same nodes, and their end, leave the cache its own', async () => {
    const { client, connect } = await workbench({}, { version });
    const other = await connect();
    await other.addAuth('digest', 'another:secret');
    await other.create('/tree/a', '', { makepath: true });
    const caches = [new TreeCache(client, '/tree'), new TreeCache(client, '/tree')];
    for (const cache of caches) {
      onTestFinished(() => cache.close());
      await cache.start();
      cache.listenFault(() => undefined);
      await cache.whenFresh();
    }
    const listener = (): void => undefined;
    for (const path of ['/tree', '/tree/a']) {
      await client.getChildren(path, { watch: listener });
      await client.unwatch(path, listener);
    }
    await caches[1]!.close();
    for (const path of ['/tree', '/tree/a']) await other.create(`${path}/secret`, '', { acl: SECRET });
    await caches[0]!.whenFresh();
    expect(caches[0]!.getChildren('/tree')).toEqual(new Set(['a', 'secret']));
    expect(caches[0]!.getChildren('/tree/a')).toEqual(new Set(['secret']));
    await caches[0]!.close();
    await eventually(async () => (await watchCount(other)) === 0);
  });

  test('a node that was closed is no longer shown once that is known, and is shown again when it is open', async () => {
    const { server, client, connect } = await workbench({}, { version });
    const other = await connect();
    await other.addAuth('digest', 'another:secret');
    await other.create('/tree/a/b', 'x', { makepath: true });
    const cache = new TreeCache(client, '/tree');
    onTestFinished(() => cache.close());
    const told: string[] = [];
    cache.listen(({ eventType, eventData }) => void told.push(`${eventType} ${eventData?.path ?? ''}`));
    cache.listenFault(() => undefined);
    await cache.start();
    await cache.whenFresh();
    told.length = 0;
    await other.setAcls('/tree/a', SECRET);
    await expire(server, client);
    await cache.whenFresh();
    expect([cache.getData('/tree/a'), cache.getChildren('/tree/a')]).toEqual([null, new Set()]);
    const removed = [`${TreeEvent.NODE_REMOVED} /tree/a`, `${TreeEvent.NODE_REMOVED} /tree/a/b`];
    await eventually(() => told.filter((line) => line.includes('/')).length === 2);
    expect(told.filter((line) => line.includes('/')).sort()).toEqual(removed);
    await other.setAcls('/tree/a', OPEN_ACL_UNSAFE);
    await expire(server, client);
    await cache.whenFresh();
    expect(cache.getData('/tree/a/b')?.data?.toString()).toBe('x');
  });

  test('under random writes, reconnects and expiries it ends as the server shows the tree to this client', async () => {
    const { server, client, connect } = await workbench({}, { version });
    const writers = [await connect(), await connect()];
    for (const writer of writers) await writer.addAuth('digest', 'another:secret');
    const cache = new TreeCache(client, '/root');
    onTestFinished(() => cache.close());
    cache.listenFault(() => undefined);
    await cache.start();
    const random = generator(Number(process.env['KAZOO_SEED'] ?? Date.now() % 100_000));
    const paths = ['a', 'b'].flatMap((a) => [
      `/root/${a}`,
      ...['x', 'y', 'z'].flatMap((b) => [`/root/${a}/${b}`, `/root/${a}/${b}/leaf`]),
    ]);
    const writes: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i++) {
      const path = paths[Math.floor(random() * paths.length)]!;
      const writer = writers[i % 2]!;
      const kind = random();
      const write =
        kind < 0.5
          ? writer.create(path, String(i), random() < 0.5 ? { acl: SECRET } : {})
          : kind < 0.7
            ? writer.set(path, String(i))
            : writer.delete(path, { recursive: kind < 0.9 });
      const done = write.catch(() => undefined);
      writes.push(done);
      if (random() < 0.6) await done;
      if (random() < 0.02) await reconnect(server, client);
      if (random() < 0.01) await expire(server, client);
      if (i % 10 > 0 || !writer.connected) continue;
      await done;
      await cache.whenFresh();
    }
    await Promise.all(writes);
    await cache.whenFresh();
    expect(cached(cache, '/root')).toEqual(await shown(client, '/root'));
  });
});
