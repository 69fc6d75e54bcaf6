import { describe, expect, test } from 'vitest';
import { AuthFailedError, ConnectionClosedError, NoAuthError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { DataWatch } from '../../src/recipe/data-watch.ts';
import { ChildrenWatch } from '../../src/recipe/children-watch.ts';
import { watchData } from '../../src/recipe/watch-iterators.ts';
import { FakeServer, Op } from '../support/fake-server.ts';
import { suspend } from '../support/waiting.ts';
import { altered, eventually, expire, stateOf, workbench } from './workbench.ts';

const NO_AUTH = -102;
const NO_NODE = -101;

describe('a data watch', () => {
  test('of a node made between the two requests of a look reads it (Kazoo DW-7)', async () => {
    const { client } = await workbench();
    const late = altered(client, {
      exists: async (...args: Parameters<KazooClient['exists']>) => {
        await client.create('/node', 'made meanwhile');
        return client.exists(...args);
      },
    });
    const seen: unknown[] = [];
    const watch = new DataWatch(late, '/node', (data) => void seen.push(String(data)));
    await watch.ready;
    expect(seen).toEqual(['made meanwhile']);
    watch.stop();
  });

  test('made while the session is lost, or after the stop, rejects `ready` when there is none to wait for', async () => {
    const { server, client } = await workbench({ timeout: 800 });
    server.refuseConnections(true);
    const lost = stateOf(client, 'LOST');
    server.dropConnections();
    await lost;
    const made = new DataWatch(client, '/node', () => undefined);
    await client.stop();
    await expect(made.ready).rejects.toThrow(ConnectionClosedError);
    await expect(new DataWatch(client, '/node', () => undefined).ready).rejects.toThrow(ConnectionClosedError);
    await expect(new ChildrenWatch(client, '/node', () => undefined).ready).rejects.toThrow(ConnectionClosedError);
  });

  test('whose client stops before the first answer rejects `ready`; one before its client is started waits', async () => {
    const { server, client } = await workbench();
    await suspend(server, client);
    const ready = expect(new DataWatch(client, '/node', () => undefined).ready).rejects.toBeInstanceOf(ConnectionClosedError);
    await client.stop();
    await ready;
    server.refuseConnections(false);
    await using early = new KazooClient(server.connectString);
    const watch = new DataWatch(early, '/node', () => undefined);
    await early.start();
    await watch.ready;
  });

  test('that cannot be read later tells the listeners of "error", and goes on', async () => {
    const { server, client } = await workbench();
    const errors: Error[] = [];
    client.on('error', (error) => void errors.push(error));
    await client.create('/node', 'one');
    const seen: string[] = [];
    const watch = new DataWatch(client, '/node', (data) => void seen.push(String(data)));
    await watch.ready;
    server.faults.fail('getData', NO_AUTH);
    await client.set('/node', 'two');
    await eventually(() => errors.length === 1);
    expect(errors[0]).toBeInstanceOf(NoAuthError);
    const suspended = stateOf(client, 'SUSPENDED');
    server.dropConnections();
    await suspended;
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['one', 'two']);
    watch.stop();
  });

  test('stopped while its call waits in the queue is not called', async () => {
    const { client } = await workbench();
    await client.create('/node', 'one');
    const queue: (() => unknown)[] = [];
    const seen: string[] = [];
    const queued = altered(client, { dispatch: (callback: () => unknown) => void queue.push(callback) });
    const watch = new DataWatch(queued, '/node', (data) => void seen.push(String(data)));
    await watch.ready;
    await client.set('/node', 'two');
    await eventually(() => queue.length === 1);
    watch.stop();
    await queue[0]!();
    expect(seen).toEqual(['one']);
  });
});

describe('a children watch', () => {
  test('stopped while it reads tells nothing', async () => {
    const { client } = await workbench();
    await client.create('/parent');
    const seen: unknown[] = [];
    const watch = new ChildrenWatch(client, '/parent', (children) => void seen.push(children));
    watch.stop();
    await watch.ready;
    await client.create('/parent/a');
    await client.sync('/parent');
    await new Promise<void>((resolve) => client.dispatch(resolve));
    expect(seen).toEqual([]);
  });
});

test.each(['data', 'children'] as const)('a watch of %s whose session is lost during its first call goes on', async (kind) => {
  const { server, client } = await workbench();
  await client.create('/node');
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let calls = 0;
  const fn = (): unknown => (++calls === 1 ? gate : undefined);
  const watch = kind === 'data' ? new DataWatch(client, '/node', fn) : new ChildrenWatch(client, '/node', fn);
  await eventually(() => calls === 1);
  await expire(server, client);
  open();
  await watch.ready;
  await (kind === 'data' ? client.set('/node', 'new') : client.create('/node/new'));
  await eventually(() => calls === 2);
  watch.stop();
});

test.each(['data', 'children'] as const)(
  'what a watch of %s fails with before anybody looks at it reaches the error event',
  async (kind) => {
    const { server, client } = await workbench();
    await client.create('/node');
    const errors: unknown[] = [];
    client.on('error', (error) => void errors.push(error));
    const mine = new Error('mine');
    const fn = (): never => {
      throw mine;
    };
    const watches = [0, 1].map(() =>
      kind === 'data' ? new DataWatch(client, '/node', fn) : new ChildrenWatch(client, '/node', fn),
    );
    await expect(watches[1]!.ready).rejects.toBe(mine);
    await eventually(() => errors.length > 0);
    expect(errors).toEqual([mine]);
    server.faults.fail(kind === 'data' ? 'getData' : 'getChildren', NO_AUTH);
    watches.push(kind === 'data' ? new DataWatch(client, '/node', fn) : new ChildrenWatch(client, '/node', fn));
    await eventually(() => errors.length > 1);
    expect(errors[1]).toBeInstanceOf(NoAuthError);
    await expect(watches[2]!.ready).rejects.toBe(errors[1]);
    for (const watch of watches) watch.stop();
  },
);

describe('iterating over data', () => {
  test('ends with what keeps it from being read', async () => {
    const { server, client } = await workbench();
    server.faults.fail('getData', NO_AUTH);
    const iterator = watchData(client, '/')[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toBeInstanceOf(NoAuthError);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('ends with AuthFailedError when a credential is refused', async () => {
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op === Op.auth) peer.reply(-4, { err: -115, zxid: 0n });
        else peer.reply(xid, { err: NO_NODE });
      },
    });
    await using client = await new KazooClient(server.connectString).start();
    const iterator = watchData(client, '/node')[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ data: null });
    const next = iterator.next().catch((error: unknown) => error);
    await expect(client.addAuth('digest', 'u:p')).rejects.toBeInstanceOf(AuthFailedError);
    expect(await next).toBeInstanceOf(AuthFailedError);
  });
});
