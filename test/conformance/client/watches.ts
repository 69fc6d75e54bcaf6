import { expect } from 'vitest';
import type { WatchedEvent } from '../../../src/base/states.ts';
import type { KazooClient } from '../../../src/kazoo-client.ts';
import { Collected, connectedAgain, rejection, until, type Spec, type World } from './world.ts';

/** One-shot watches (Kazoo section 4, mended: they outlive a connection). */
export function specifyWatches(spec: Spec): void {
  specifyKinds(spec);
  specifyListeners(spec);
  specifyReconnection(spec);
}

const connected = 'CONNECTED';

function specifyKinds(spec: Spec): void {
  spec('exists tells of creation, change and deletion, once each', async ({ client, at }) => {
    const events = new Collected<WatchedEvent>();
    const path = at('a');
    const watch = (): Promise<unknown> => client.exists(path, { watch: events.add });
    await watch();
    await client.create(path);
    await events.atLeast(1);
    await client.set(path, 'nobody watches this');
    await watch();
    await client.set(path, 'x');
    await events.atLeast(2);
    await watch();
    await client.delete(path);
    expect(await events.atLeast(3)).toEqual(['CREATED', 'CHANGED', 'DELETED'].map((type) => ({ type, state: connected, path })));
  });

  spec('get tells of change and deletion', async ({ client, at }) => {
    const events = new Collected<WatchedEvent>();
    await client.create(at('a'));
    await client.get(at('a'), { watch: events.add });
    await client.set(at('a'), 'x');
    await events.atLeast(1);
    await client.get(at('a'), { watch: events.add });
    await client.create(at('a/child'));
    await client.delete(at('a/child'));
    await client.delete(at('a'));
    expect((await events.atLeast(2)).map(({ type }) => type)).toEqual(['CHANGED', 'DELETED']);
  });

  spec('getChildren tells of a child made or gone, and of the deletion', async ({ client, at }) => {
    const events = new Collected<WatchedEvent>();
    const path = at('a');
    await client.create(path);
    await client.getChildren(path, { watch: events.add });
    await client.set(path, 'not its business');
    await client.create(at('a/b'));
    await events.atLeast(1);
    await client.getChildren(path, { watch: events.add, includeData: true });
    await client.delete(at('a/b'));
    await events.atLeast(2);
    await client.getChildren(path, { watch: events.add });
    await client.delete(path);
    expect(await events.atLeast(3)).toEqual(['CHILD', 'CHILD', 'DELETED'].map((type) => ({ type, state: connected, path })));
  });

  spec('a failed get leaves no watch, a failed exists does', async ({ client, at }) => {
    const wrong = new Collected<WatchedEvent>();
    const right = new Collected<WatchedEvent>();
    await rejection(client.get(at('a'), { watch: wrong.add }));
    await rejection(client.getChildren(at('a'), { watch: wrong.add }));
    expect(await client.exists(at('a'), { watch: right.add })).toBeNull();
    await client.create(at('a'));
    await client.create(at('a/b'));
    await right.atLeast(1);
    await client.sync(at('a'));
    expect(wrong.items).toEqual([]);
  });

  spec(
    'getConfig can be watched, and is never under the chroot',
    async ({ client }) => {
      const [data, stat] = await client.getConfig({ watch: () => undefined });
      expect(Buffer.isBuffer(data)).toBe(true);
      expect(typeof stat.version).toBe('number');
    },
    'configuration',
  );
}

function specifyListeners(spec: Spec): void {
  spec('the same function watching twice is told once, two functions both', async ({ client, at }) => {
    const one = new Collected<WatchedEvent>();
    const other = new Collected<WatchedEvent>();
    await client.create(at('a'));
    await client.get(at('a'), { watch: one.add });
    await client.exists(at('a'), { watch: one.add });
    await client.getChildren(at('a'), { watch: one.add });
    await client.get(at('a'), { watch: other.add });
    await client.delete(at('a'));
    await other.atLeast(1);
    await client.sync('/');
    expect([one.items.length, other.items.length]).toEqual([1, 1]);
  });

  spec('a watch fires before the reply of anything that was asked after the change', async ({ client, connect, at }) => {
    const other = await connect();
    const order: string[] = [];
    await client.create(at('a'));
    await client.get(at('a'), { watch: () => void order.push('event') });
    await other.set(at('a'), 'x');
    await client.sync(at('a'));
    await client.get(at('a')).then(() => order.push('read'));
    expect(order).toEqual(['event', 'read']);
  });

  spec('callbacks run one at a time and in order, and may await the client', async ({ client, at }) => {
    const order: string[] = [];
    const done = new Collected<string>();
    for (const name of ['a', 'b', 'c']) {
      await client.create(at(name));
      await client.get(at(name), {
        watch: async () => {
          order.push(`${name} begins`);
          await client.get(at(name));
          order.push(`${name} ends`);
          done.add(name);
        },
      });
    }
    for (const name of ['a', 'b', 'c']) await client.set(at(name), 'x');
    expect(await done.atLeast(3)).toEqual(['a', 'b', 'c']);
    expect(order).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  spec('a callback that throws reaches the error event, and nothing else', async ({ client, at }) => {
    const failed = new Collected<Error>();
    const after = new Collected<WatchedEvent>();
    client.on('error', failed.add);
    const wrongs = [
      () => {
        throw new Error('at once');
      },
      async () => Promise.reject(new Error('later')),
    ];
    for (const [i, watch] of [...wrongs, after.add].entries()) {
      await client.create(at(`n${i}`));
      await client.get(at(`n${i}`), { watch });
      await client.set(at(`n${i}`), 'x');
    }
    await after.atLeast(1);
    expect(failed.items.map(({ message }) => message)).toEqual(['at once', 'later']);
    expect(client.connected).toBe(true);
  });

  spec('stop tells every watch NONE, with no path', async ({ connect, at }) => {
    const client = await connect();
    const events = new Collected<WatchedEvent>();
    await client.exists(at('a'), { watch: events.add });
    await client.getChildren('/', { watch: (event) => events.add(event) });
    await client.stop();
    const none = { type: 'NONE', state: 'CLOSED', path: null };
    expect(await events.atLeast(2)).toEqual([none, none]);
  });
}

/** Every kind of watch, and the change that sets it off. */
const KINDS: Record<
  string,
  {
    readonly watch: (client: KazooClient, path: string, listener: (event: WatchedEvent) => void) => Promise<unknown>;
    readonly change: (client: KazooClient, path: string) => Promise<unknown>;
    type: string;
    there: boolean;
  }
> = {
  'exists of a missing node': {
    there: false,
    watch: (client, path, watch) => client.exists(path, { watch }),
    change: (client, path) => client.create(path),
    type: 'CREATED',
  },
  'exists of a node': {
    there: true,
    watch: (client, path, watch) => client.exists(path, { watch }),
    change: (client, path) => client.set(path, 'x'),
    type: 'CHANGED',
  },
  get: {
    there: true,
    watch: (client, path, watch) => client.get(path, { watch }),
    change: (client, path) => client.set(path, 'x'),
    type: 'CHANGED',
  },
  'get, deleted': {
    there: true,
    watch: (client, path, watch) => client.get(path, { watch }),
    change: (client, path) => client.delete(path),
    type: 'DELETED',
  },
  getChildren: {
    there: true,
    watch: (client, path, watch) => client.getChildren(path, { watch }),
    change: (client, path) => client.create(`${path}/child`),
    type: 'CHILD',
  },
  'getChildren, deleted': {
    there: true,
    watch: (client, path, watch) => client.getChildren(path, { watch }),
    change: (client, path) => client.delete(path),
    type: 'DELETED',
  },
};

function specifyReconnection(spec: Spec): void {
  for (const [name, { watch, change, type, there }] of Object.entries(KINDS)) {
    const begin = async ({
      client: other,
      proxied,
      at,
    }: World): Promise<{
      events: Collected<WatchedEvent>;
      client: KazooClient;
      cut: () => Promise<void>;
      mend: () => Promise<void>;
    }> => {
      const { client, proxy } = await proxied();
      const events = new Collected<WatchedEvent>();
      if (there) await other.create(at('a'));
      await watch(client, at('a'), events.add);
      const cut = async (): Promise<void> => {
        proxy.refuse(true);
        proxy.cut();
        await until(() => client.state === 'SUSPENDED');
      };
      const mend = async (): Promise<void> => {
        proxy.refuse(false);
        await until(() => client.connected);
      };
      return { events, client, cut, mend };
    };

    spec(`a watch of ${name} fires for what changed while disconnected`, async (world) => {
      const { events, client, cut, mend } = await begin(world);
      const session = client.clientId!.sessionId;
      await cut();
      await change(world.client, world.at('a'));
      expect(events.items).toEqual([]);
      await mend();
      // 3.3 has one word for all that happened to a node meanwhile.
      const told = type === 'CREATED' && !world.since(3, 4) ? 'CHANGED' : type;
      expect(await events.atLeast(1)).toEqual([{ type: told, state: connected, path: world.at('a') }]);
      expect(client.clientId?.sessionId).toBe(session);
    });

    spec(`a watch of ${name} stands after a reconnection, and fires once`, async (world) => {
      const { events, client, cut, mend } = await begin(world);
      await cut();
      await mend();
      await client.sync('/');
      expect(events.items).toEqual([]);
      await change(world.client, world.at('a'));
      await events.atLeast(1);
      await client.sync('/');
      expect(events.items).toEqual([{ type, state: connected, path: world.at('a') }]);
    });
  }

  spec('thousands of watches stand after a reconnection', async ({ client: other, proxied, at }) => {
    const { client, proxy } = await proxied();
    const events = new Collected<WatchedEvent>();
    const name = (i: number): string => at(`a-rather-long-name-so-that-frames-are-split-${'x'.repeat(60)}-${i}`);
    await Promise.all(Array.from({ length: 3000 }, (_, i) => client.exists(name(i), { watch: (event) => events.add(event) })));
    const again = connectedAgain(client);
    proxy.cut();
    await again;
    await Promise.all(Array.from({ length: 3000 }, (_, i) => other.create(name(i))));
    expect(new Set((await events.atLeast(3000)).map(({ path }) => path)).size).toBe(3000);
  });
}
