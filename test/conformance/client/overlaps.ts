import { expect } from 'vitest';
import type { WatchedEvent } from '../../../src/base/states.ts';
import type { KazooClient } from '../../../src/kazoo-client.ts';
import { TreeCache } from '../../../src/recipe/tree-cache.ts';
import { connectedAgain, until, type Spec, type World } from './world.ts';

type Kind = 'data' | 'exists' | 'child' | 'persistent' | 'recursive';
const STAYING: readonly Kind[] = ['persistent', 'recursive'];
const KINDS: readonly Kind[] = ['data', 'exists', 'child', ...STAYING];

/** What happens to the watched node, and who is to hear of it, in this order. */
const CHANGES = {
  set: {
    do: (client: KazooClient, path: string) => client.set(path, 'x'),
    type: 'CHANGED',
    heard: ['data', 'persistent', 'recursive'],
  },
  add: {
    do: (client: KazooClient, path: string) => client.create(`${path}/n-`, '', { sequence: true }),
    type: 'CHILD',
    heard: ['child', 'persistent'],
  },
} as const;
type Change = keyof typeof CHANGES;

/** Watches of several kinds on one path, which servers before 3.9 keep one of (ZOOKEEPER-4466, 4471, 4472, 4475). */
export function specifyOverlaps(specAnywhere: Spec): void {
  const spec: Spec = (name, body) => specAnywhere(name, body, 'persistentWatches');

  for (const first of KINDS) {
    for (const second of KINDS) {
      if (first === second || (!STAYING.includes(first) && !STAYING.includes(second))) continue;
      spec(`${first}, then ${second} on one path: each hears exactly its own`, async (world) => {
        const watched = await Watched.of(world, first, second);
        for (const change of ['set', 'add', 'set', 'add'] as const) await watched.expect(change);
      });

      spec(`${first}, then ${second} on one path: after a reconnect, too`, async (world) => {
        const watched = await Watched.of(world, first, second);
        await watched.reconnect();
        for (const change of ['add', 'set', 'add', 'set'] as const) await watched.expect(change);
      });

      spec(`${first}, then ${second} on one path: taking ${second} away leaves ${first} alone`, async (world) => {
        const watched = await Watched.of(world, first, second);
        await watched.remove(second);
        for (const change of ['set', 'add', 'set', 'add'] as const) await watched.expect(change);
        await watched.remove(first);
        await watched.expectNothingLeft();
      });
    }
  }

  spec('all kinds at once, in one tick', async (world) => {
    const watched = await Watched.of(world, ...KINDS);
    for (const change of ['set', 'add', 'set', 'add'] as const) await watched.expect(change);
    for (const kind of ['recursive', 'data', 'persistent', 'child'] as const) {
      await watched.remove(kind);
      for (const change of ['set', 'add'] as const) await watched.expect(change);
    }
    await watched.expectNothingLeft();
  });

  spec('removeWatches of one kind leaves the others alone', async (world) => {
    for (const [type, kind] of [
      ['data', 'data'],
      ['children', 'child'],
      ['persistent', 'persistent'],
      ['persistentRecursive', 'recursive'],
    ] as const) {
      const watched = await Watched.of(world, 'child', 'persistent', 'data', 'recursive');
      await watched.client.removeWatches(watched.path, type);
      watched.forget(kind);
      for (const change of ['set', 'add', 'set', 'add'] as const) await watched.expect(change);
    }
  });

  spec('removeWatches of any leaves none', async (world) => {
    const watched = await Watched.of(world, ...KINDS);
    await watched.client.removeWatches(watched.path, 'any');
    for (const kind of KINDS) watched.forget(kind);
    for (const change of ['set', 'add'] as const) await watched.expect(change);
    await watched.expectNothingLeft();
  });

  spec('a one-shot watch left while a staying one is taken away is not lost', async (world) => {
    const { client, at, base } = world;
    await client.create(at('a'));
    for (const recursive of [false, true]) {
      const events: string[] = [];
      const handle = await client.addWatch(at('a'), () => undefined, { recursive });
      const reads = [
        client.get(at('a'), { watch: ({ type }) => void events.push(`data ${type}`) }),
        client.getChildren(at('a'), { watch: ({ type }) => void events.push(`child ${type}`) }),
      ];
      await handle.remove();
      await Promise.all(reads);
      await client.sync(base);
      await client.set(at('a'), 'x');
      await client.create(at('a/n-'), '', { sequence: true });
      await until(() => events.length === 2);
      expect(events).toEqual(['data CHANGED', 'child CHILD']);
    }
  });

  spec(
    'a watch that waits for a node, and one that stays there, hear nothing of the absence that a tree cache above asks about',
    async (world) => {
      const { client, at } = world;
      const cache = new TreeCache(client, at(''));
      await cache.start();
      await cache.whenFresh();
      const events: string[] = [];
      await client.exists(at('a'), { watch: ({ type }) => void events.push(`exists ${type}`) });
      await client.addWatch(at('a'), ({ type }) => void events.push(`recursive ${type}`), { recursive: true });
      const handle = await client.addWatch(at('a'), () => undefined, { recursive: true });
      await handle.remove();
      await client.sync('/');
      expect(events).toEqual([]);
      await client.create(at('a'));
      await until(() => events.length === 2);
      expect(events.sort()).toEqual(['exists CREATED', 'recursive CREATED']);
      await cache.close();
    },
  );

  spec('a recursive watch above does not hear of children, whoever watches them', async ({ client, at }) => {
    const events: string[] = [];
    await client.create(at('a'));
    await client.addWatch(at(''), ({ type, path }) => void events.push(`${type} ${path}`), { recursive: true });
    await client.getChildren(at('a'), { watch: ({ type, path }) => void events.push(`one-shot ${type} ${path}`) });
    await client.addWatch(at('a'), ({ type, path }) => void events.push(`persistent ${type} ${path}`));
    await client.create(at('a/b'));
    await until(() => events.length >= 3);
    await client.sync('/');
    expect(events.sort()).toEqual([`CREATED ${at('a/b')}`, `one-shot CHILD ${at('a')}`, `persistent CHILD ${at('a')}`]);
  });
}

/** A node with watches on it, and what each has heard. */
class Watched {
  readonly client: KazooClient;
  readonly path: string;
  readonly #world: World;
  readonly #cut: () => void;
  readonly #heard: string[] = [];
  readonly #kinds = new Set<Kind>();
  readonly #takeBack = new Map<Kind, () => Promise<unknown>>();
  static #count = 0;

  private constructor(world: World, client: KazooClient, cut: () => void) {
    this.#world = world;
    this.client = client;
    this.#cut = cut;
    this.path = world.at(`node-${++Watched.#count}`);
  }

  /** With watches left in this order, none awaited before the next. */
  static async of(world: World, ...kinds: readonly Kind[]): Promise<Watched> {
    const { client, proxy } = await world.proxied();
    const watched = new Watched(world, client, () => proxy.cut());
    await world.client.create(watched.path);
    await client.sync(watched.path);
    // A server that hangs up on the one kind would take the answers to the others with it.
    if (!world.has('persistentWatches')) await watched.#watch('persistent');
    await Promise.all(kinds.map((kind) => watched.#watch(kind)));
    return watched;
  }

  async reconnect(): Promise<void> {
    const again = connectedAgain(this.client);
    this.#cut();
    await again;
    await this.client.sync('/');
    const none = [...this.#kinds].filter((kind) => STAYING.includes(kind)).map((kind) => `${kind} NONE null`);
    expect(this.#heard.splice(0).sort()).toEqual(none.sort());
  }

  /** Makes a change, expects all who watch for it to be told once, and nobody else; one-shot watches are used up. */
  async expect(change: Change): Promise<void> {
    const { do: make, type, heard } = CHANGES[change];
    await make(this.#world.client, this.path);
    await this.client.sync('/');
    const due = [...this.#kinds].filter((kind) => (heard as readonly string[]).includes(kind === 'exists' ? 'data' : kind));
    const below = change === 'add' && this.#kinds.has('recursive') ? 1 : 0;
    await until(() => this.#heard.length >= due.length + below);
    const got = this.#heard.splice(0);
    const expected = due.map((kind) => `${kind} ${type} ${this.path}`);
    expect(got.filter((event) => !event.startsWith('recursive CREATED')).sort()).toEqual(expected.sort());
    expect(got.filter((event) => event.startsWith('recursive CREATED'))).toHaveLength(below);
    for (const kind of due) if (!STAYING.includes(kind)) this.forget(kind);
  }

  async remove(kind: Kind): Promise<void> {
    if (this.#kinds.has(kind)) await this.#takeBack.get(kind)!();
    this.forget(kind);
  }

  forget(kind: Kind): void {
    this.#kinds.delete(kind);
  }

  /** The server's own list has nothing of this path. */
  async expectNothingLeft(): Promise<void> {
    await this.client.sync('/');
    expect(await this.client.command('wchp')).not.toContain(this.path);
  }

  async #watch(kind: Kind): Promise<void> {
    const { client, path } = this;
    this.#kinds.add(kind);
    const watch = (event: WatchedEvent): void => void this.#heard.push(`${kind} ${event.type} ${event.path}`);
    this.#takeBack.set(kind, () => client.unwatch(path, watch));
    if (kind === 'data') await client.get(path, { watch });
    else if (kind === 'exists') await client.exists(path, { watch });
    else if (kind === 'child') await client.getChildren(path, { watch });
    else {
      const handle = await client.addWatch(path, watch, { recursive: kind === 'recursive' });
      this.#takeBack.set(kind, () => handle.remove());
    }
  }
}
