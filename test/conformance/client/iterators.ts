import { expect } from 'vitest';
import { ConnectionClosedError, NoNodeError, SessionExpiredError } from '../../../src/base/errors.ts';
import type { KazooClient } from '../../../src/kazoo-client.ts';
import { connectedAgain, rejection, until, type Spec } from './world.ts';

/** `watchData` and `watchChildren`: whatever ends them, no watch and no listener is left. */
export function specifyIterators(spec: Spec): void {
  specifyValues(spec);
  specifyEnds(spec);
}

/** Which watches the server has: of data for this client's session, by their paths; of both kinds for anybody, how many. Others may still be going away. */
async function watches(client: KazooClient): Promise<{ paths: string[]; count: number }> {
  await client.sync('/');
  const id = `0x${client.clientId!.sessionId.toString(16)}`;
  const [wchc, mntr] = [await client.command('wchc'), await client.command('mntr')];
  const own = wchc.split(/^(?=0x)/m).find((part) => part.startsWith(`${id}\n`)) ?? '';
  const paths = own
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
  return { paths: paths.filter((path) => path !== ''), count: Number(/^zk_watch_count\t(\d+)$/m.exec(mntr)?.[1] ?? NaN) };
}

function listeners(client: KazooClient): number {
  return (['state', 'connected', 'suspended', 'lost', 'error', 'connectFailed'] as const).reduce(
    (sum, event) => sum + client.listenerCount(event),
    0,
  );
}

function specifyValues(spec: Spec): void {
  spec('watchData gives each value with its stat and the event that led to it; absence, too', async ({ client, at }) => {
    const seen: unknown[] = [];
    const steps = [() => client.create(at('a'), 'x'), () => client.set(at('a'), null), () => client.delete(at('a'))];
    for await (const { data, stat, event } of client.watchData(at('a'))) {
      seen.push([event?.type ?? null, event?.path ?? null, data?.toString() ?? null, stat?.version ?? null]);
      const step = steps.shift();
      if (step === undefined) break;
      await step();
    }
    expect(seen).toEqual([
      [null, null, null, null],
      ['CREATED', at('a'), 'x', 0],
      ['CHANGED', at('a'), null, 1],
      ['DELETED', at('a'), null, null],
    ]);
  });

  spec(
    'watchChildren gives the names, and is over when the node goes; NoNodeError where there is none',
    async ({ client, at }) => {
      expect(await rejection(client.watchChildren(at('none')).next())).toBeInstanceOf(NoNodeError);
      await client.create(at('p'));
      const seen: string[][] = [];
      for await (const { children } of client.watchChildren(at('p'))) {
        seen.push(children.sort());
        if (seen.length < 3) await client.create(at(`p/${seen.length}`));
        else await client.delete(at('p'), { recursive: true });
      }
      expect(seen.slice(0, 3)).toEqual([[], ['1'], ['1', '2']]);
    },
  );

  spec(
    'what changes faster than it is looked at is one change, one read, and nothing is kept',
    async ({ client, connect, at }) => {
      const other = await connect();
      await client.create(at('a'), '0');
      const values = client.watchData(at('a'));
      await values.next();
      for (let i = 1; i <= 200; i++) await other.set(at('a'), String(i));
      await client.sync(at('a'));
      const { value } = await values.next();
      expect([value?.data?.toString(), value?.stat?.version]).toEqual(['200', 200]);
      const next = values.next();
      await other.set(at('a'), 'last');
      expect((await next).value?.data?.toString()).toBe('last');
      await values.return();
    },
  );

  spec('both go on across a reconnect, and see what changed meanwhile', async ({ proxied, client: other, at }) => {
    const { client, proxy } = await proxied();
    await other.create(at('a'), 'x');
    const [data, children] = [client.watchData(at('a')), client.watchChildren(at('a'))];
    await data.next();
    await children.next();
    const waiting = [data.next(), children.next()] as const;
    proxy.refuse(true);
    proxy.cut();
    await until(() => client.state === 'SUSPENDED');
    await other.set(at('a'), 'y');
    await other.create(at('a/b'));
    const again = connectedAgain(client);
    proxy.refuse(false);
    await again;
    expect((await waiting[0]).value?.data?.toString()).toBe('y');
    expect((await waiting[1]).value?.children).toEqual(['b']);
    await data.return();
    await children.return();
  });
}

function specifyEnds(specAnywhere: Spec): void {
  // A server that cannot take watches back keeps them until they fire.
  const spec: Spec = (name, body) =>
    specAnywhere(name, async (world, context) => (world.has('removeWatches') ? body(world, context) : undefined));

  spec('break, return, abort and dispose leave no watch at the server, and no listener here', async ({ client, at, chroot }) => {
    await client.create(at('a'), 'x');
    const before = { listeners: listeners(client), count: (await watches(client)).count };
    const ends: (() => Promise<unknown>)[] = [
      async () => {
        for await (const { stat } of client.watchData(at('a'))) if (stat !== null) break;
        for await (const { children } of client.watchChildren(at('a'))) if (children.length === 0) break;
      },
      async () => {
        for (const watch of [client.watchData.bind(client), client.watchChildren.bind(client)]) {
          const open = new AbortController();
          const values = watch(at('a'), open);
          await values.next();
          const waiting = rejection(values.next());
          open.abort(new Error('enough'));
          expect((await waiting).message).toBe('enough');
          await until(async () => (await watches(client)).count <= before.count);
        }
      },
      async () => {
        await using data = client.watchData(at('a'));
        await using children = client.watchChildren(at('a'));
        await data.next();
        await children.next();
        expect((await watches(client)).paths).toEqual([chroot + at('a')]);
      },
    ];
    for (const end of ends) {
      await end();
      await until(async () => (await watches(client)).count <= before.count);
      expect((await watches(client)).paths).toEqual([]);
      expect(listeners(client)).toBe(before.listeners);
    }
  });

  spec('an abort in the middle of a read leaves nothing', async ({ proxied, at, client: other }) => {
    const { client, proxy } = await proxied();
    await other.create(at('a'), 'x');
    const before = listeners(client);
    proxy.freeze();
    const controller = new AbortController();
    const reads = [client.watchData(at('a'), controller), client.watchChildren(at('a'), controller)].map((values) =>
      rejection(values.next()),
    );
    controller.abort(new Error('enough'));
    for (const error of await Promise.all(reads)) expect(error.message).toBe('enough');
    proxy.thaw();
    await until(async () => (await watches(client)).paths.length === 0);
    expect(listeners(client)).toBe(before);
  });

  specAnywhere('a lost session ends both, and says so', async ({ proxied, client: other, at }) => {
    const { client, proxy } = await proxied({ timeout: 1000 });
    await other.create(at('a'), 'x');
    await other.create(at('e'), '', { ephemeral: true });
    const before = listeners(client);
    const all = [client.watchData(at('a')), client.watchChildren(at('a'))];
    for (const values of all) await values.next();
    const ends = all.map((values) => rejection(values.next()));
    const lost = new Promise<void>((resolve) => client.once('lost', () => resolve()));
    proxy.refuse(true);
    proxy.cut();
    await lost;
    for (const error of await Promise.all(ends)) expect(error).toBeInstanceOf(SessionExpiredError);
    for (const values of all) expect(await values.next()).toEqual({ done: true, value: undefined });
    expect(listeners(client)).toBe(before);
    proxy.refuse(false);
    await until(() => client.connected);
    await other.set(at('a'), 'y');
  });

  specAnywhere('stop ends both, and says so', async ({ connect, client: other, at }) => {
    const client = await connect();
    await other.create(at('a'), 'x');
    const before = listeners(client);
    const all = [client.watchData(at('a')), client.watchChildren(at('a'))];
    for (const values of all) await values.next();
    const ends = all.map((values) => rejection(values.next()));
    await client.stop();
    for (const error of await Promise.all(ends)) expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(listeners(client)).toBe(before);
    expect(await rejection(client.watchData(at('a')).next())).toBeInstanceOf(ConnectionClosedError);
  });
}
