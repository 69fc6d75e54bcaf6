import { expect } from 'vitest';
import { NoNodeError, NoWatcherError, ReconfigDisabledError, ZookeeperError } from '../../../src/base/errors.ts';
import type { WatchedEvent } from '../../../src/base/states.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { Collected, connectedAgain, rejection, until, type Spec } from './world.ts';

/** What ZooKeeper 3.5 to 3.9 can do beyond Kazoo, and the commands to the server. */
export function specifyExtended(spec: Spec): void {
  specifyPersistentWatches(spec);
  specifyRemoval(spec);
  specifyListings(spec);
  specifyServer(spec);
}

const seen = (events: Collected<WatchedEvent>): string[] => events.items.map(({ type, path }) => `${type} ${path}`);

function specifyPersistentWatches(specAnywhere: Spec): void {
  const spec: Spec = (name, body) => specAnywhere(name, body, 'persistentWatches');

  spec('a persistent watch tells of every change of a node and of its children, until removed', async ({ client, at, base }) => {
    const events = new Collected<WatchedEvent>();
    const handle = await client.addWatch(at('a'), events.add);
    await client.create(at('a'));
    await client.set(at('a'), 'x');
    await client.create(at('a/b'));
    await client.set(at('a/b'), 'not its business');
    await client.delete(at('a/b'));
    await client.delete(at('a'));
    await events.atLeast(5);
    expect(seen(events)).toEqual([
      `CREATED ${base}/a`,
      `CHANGED ${base}/a`,
      `CHILD ${base}/a`,
      `CHILD ${base}/a`,
      `DELETED ${base}/a`,
    ]);
    await handle.remove();
    await client.create(at('a'));
    await client.sync('/');
    expect(events.items).toHaveLength(5);
  });

  spec('a recursive watch tells of everything at and below, and of no CHILD', async ({ client, at, base }) => {
    const events = new Collected<WatchedEvent>();
    const handle = await client.addWatch(at('a'), events.add, { recursive: true });
    await client.create(at('a/b/c'), '', { makepath: true });
    await client.set(at('a/b/c'), 'x');
    await client.create(at('ab'));
    await client.delete(at('a'), { recursive: true });
    await events.atLeast(7);
    expect(seen(events)).toEqual(
      ['CREATED /a', 'CREATED /a/b', 'CREATED /a/b/c', 'CHANGED /a/b/c', 'DELETED /a/b/c', 'DELETED /a/b', 'DELETED /a'].map(
        (event) => event.replace(' ', ` ${base}`),
      ),
    );
    await handle[Symbol.asyncDispose]();
    await client.create(at('a'));
    await client.sync('/');
    expect(events.items).toHaveLength(7);
  });

  spec('a recursive watch on the root sees the whole tree of its chroot', async ({ client, at }) => {
    const events = new Collected<WatchedEvent>();
    await client.addWatch('/', events.add, { recursive: true });
    await client.create(at('a'));
    await until(() => seen(events).includes(`CREATED ${at('a')}`));
  });

  spec('an aborted signal takes a persistent watch back', async ({ client, at }) => {
    const events = new Collected<WatchedEvent>();
    const controller = new AbortController();
    await client.addWatch(at('a'), events.add, { signal: controller.signal });
    controller.abort();
    await client.create(at('a'));
    await client.sync('/');
    expect(events.items).toEqual([]);
    expect(await rejection(client.addWatch(at('a'), events.add, { signal: controller.signal }))).toBe(controller.signal.reason);
  });

  spec(
    'persistent watches stand after a reconnection, and are told that they may have missed something',
    async ({ client: other, proxied, at }) => {
      const { client, proxy } = await proxied();
      const plain = new Collected<WatchedEvent>();
      const deep = new Collected<WatchedEvent>();
      await client.addWatch(at('a'), plain.add);
      await client.addWatch(at('a'), deep.add, { recursive: true });
      const again = connectedAgain(client);
      proxy.cut();
      await again;
      await client.sync('/');
      await other.create(at('a/b'), '', { makepath: true });
      const none = { type: 'NONE', state: 'CONNECTED', path: null };
      expect((await plain.atLeast(3))[0]).toEqual(none);
      expect((await deep.atLeast(3))[0]).toEqual(none);
      expect(seen(plain).slice(1)).toEqual([`CREATED ${at('a')}`, `CHILD ${at('a')}`]);
      expect(seen(deep).slice(1)).toEqual([`CREATED ${at('a')}`, `CREATED ${at('a/b')}`]);
    },
  );
}

function specifyRemoval(specAnywhere: Spec): void {
  const spec: Spec = (name, body, needs = 'removeWatches') => specAnywhere(name, body, needs);

  spec('removeWatches takes one-shot watches off', async ({ client, at }) => {
    const events = new Collected<WatchedEvent>();
    await client.create(at('a'));
    await client.get(at('a'), { watch: events.add });
    await client.getChildren(at('a'), { watch: events.add });
    await client.removeWatches(at('a'), 'data');
    await client.set(at('a'), 'x');
    await client.create(at('a/b'));
    expect((await events.atLeast(1)).map(({ type }) => type)).toEqual(['CHILD']);
    await client.get(at('a'), { watch: events.add });
    await client.removeWatches(at('a'), 'any');
    await client.set(at('a'), 'y');
    await client.sync('/');
    expect(events.items).toHaveLength(1);
  });

  spec('removeWatches of a watch that is not there says so', async ({ client, at }) => {
    const error = await rejection(client.removeWatches(at('a'), 'children'));
    expect(error).toBeInstanceOf(NoWatcherError);
    expect(error).toMatchObject({ code: -121, path: at('a'), operation: 'removeWatches' });
  });

  spec(
    'removeWatches takes persistent watches off',
    async ({ client, at }) => {
      const events = new Collected<WatchedEvent>();
      await client.addWatch(at('a'), events.add);
      await client.removeWatches(at('a'), 'persistent');
      await client.addWatch(at('b'), events.add, { recursive: true });
      await client.removeWatches(at('b'), 'persistentRecursive');
      await client.create(at('a'));
      await client.create(at('b'));
      await client.sync('/');
      expect(events.items).toEqual([]);
    },
    'persistentWatches',
  );
}

function specifyListings(spec: Spec): void {
  spec(
    "getEphemerals lists this session's nodes, by prefix",
    async ({ client, connect, outside, at, chroot, base }) => {
      const other = await connect();
      await other.create(at('foreign'), '', { ephemeral: true });
      for (const name of ['e1', 'e2', 'f']) await client.create(at(name), '', { ephemeral: true });
      expect((await client.getEphemerals()).sort()).toEqual(['e1', 'e2', 'f'].map(at));
      expect((await client.getEphemerals(at('e'))).sort()).toEqual(['e1', 'e2'].map(at));
      expect(await client.getEphemerals(at('nothing'))).toEqual([]);
      expect(await client.getEphemerals(at('e/'))).toEqual([]);
      expect((await client.getEphemerals(`${base}/`)).length).toBe(3);
      expect(await (await outside()).getEphemerals(chroot + base)).toEqual([]);
    },
    'getEphemerals',
  );

  spec(
    'getEphemerals leaves out what lies beside the chroot',
    async ({ proxied, connect, outside, chroot, at }) => {
      const { client, proxy } = await proxied();
      const clientId = client.clientId!;
      await client.create(at('mine'), '', { ephemeral: true });
      proxy.refuse(true);
      proxy.cut();
      // The same session, seen from outside, for a while.
      const away = await TcpProxy.open((await outside()).hosts.map(({ host, port }) => `${host}:${port}`)[0]!);
      const elsewhere = await outside({ hosts: away.connectString, clientId });
      await elsewhere.create(`${chroot}-beside-${clientId.sessionId}`, '', { ephemeral: true }).catch(() => undefined);
      away.refuse(true);
      away.cut();
      const heir = await connect({ clientId });
      const paths = await heir.getEphemerals();
      if (chroot !== '') expect(paths).toEqual([at('mine')]);
      expect(paths).toContain(at('mine'));
      await heir.stop();
      await elsewhere.stop();
      await away.close();
    },
    'getEphemerals',
  );

  spec(
    'getAllChildrenNumber counts at every depth',
    async ({ client, at }) => {
      await client.create(at('a/b/c'), '', { makepath: true });
      await client.create(at('a/d'));
      expect(await client.getAllChildrenNumber(at('a'))).toBe(3);
      expect(await client.getAllChildrenNumber(at('a/d'))).toBe(0);
      expect(await rejection(client.getAllChildrenNumber(at('none')))).toBeInstanceOf(NoNodeError);
    },
    'getAllChildrenNumber',
  );

  spec(
    'multiRead gives every result in its place, failures too',
    async ({ client, at }) => {
      await client.create(at('a'), 'data');
      await client.create(at('a/b'), null);
      const [data, children, missing, nothing] = await client.multiRead([
        { get: at('a') },
        { getChildren: at('a') },
        { get: at('none') },
        { get: at('a/b') },
      ]);
      expect(data).toEqual([Buffer.from('data'), await client.exists(at('a'))]);
      expect(children).toEqual(['b']);
      expect(missing).toBeInstanceOf(ZookeeperError);
      expect(missing).toMatchObject({ code: -101, path: at('none') });
      expect((nothing as unknown[])[0]).toBeNull();
      expect(await client.multiRead([])).toEqual([]);
    },
    'multiRead',
  );
}

function specifyServer(spec: Spec): void {
  spec(
    'whoAmI gives address and users',
    async ({ client }) => {
      expect(await client.whoAmI()).toEqual([{ scheme: 'ip', id: '127.0.0.1' }]);
      await client.addAuth('digest', 'bob:pw');
      expect((await client.whoAmI()).map(({ scheme, id }) => `${scheme}:${id}`).sort()).toEqual(['digest:bob', 'ip:127.0.0.1']);
    },
    'whoAmI',
  );

  spec(
    'the configuration node can be read under every chroot, and watched',
    async ({ client }) => {
      const [data, stat] = await client.getConfig({ watch: () => undefined });
      expect(Buffer.isBuffer(data)).toBe(true);
      expect(stat.dataLength).toBe(data.length);
    },
    'configuration',
  );

  spec(
    'reconfig on a server that does not allow it fails by name',
    async ({ client }) => {
      const error = await rejection(client.reconfig({ joining: 'server.9=127.0.0.1:1:2;3' }));
      expect(error).toBeInstanceOf(ReconfigDisabledError);
      expect(client.connected).toBe(true);
    },
    'reconfiguration',
  );

  spec('command gives the whole answer', async ({ client }) => {
    expect(await client.command()).toBe('imok');
    expect(await client.command('ruok')).toBe('imok');
    const answer = await client.command('srvr');
    expect(answer).toMatch(/^Zookeeper version: /);
    expect(answer.endsWith('\n')).toBe(true);
  });

  spec('serverVersion gives numbers', async ({ client, version: [major, minor] }) => {
    const version = await client.serverVersion();
    expect(version.slice(0, 2)).toEqual([major, minor]);
    expect(version).toHaveLength(3);
  });
}
