import { expect } from 'vitest';
import { ConnectionClosedError, ConnectionLoss, KazooTimeoutError, OperationTimeoutError } from '../../../src/base/errors.ts';
import { OPEN_ACL_UNSAFE } from '../../../src/base/security.ts';
import { OP_BY_CODE } from '../../../src/codec/ops.ts';
import { KazooClient } from '../../../src/kazoo-client.ts';
import { Collected, connectedAgain, rejection, until, type Spec } from './world.ts';

/** Sessions across connections, requests on their way, time limits (Kazoo sections 1 to 3). */
export function specifySessions(spec: Spec): void {
  specifyLife(spec);
  specifyRequests(spec);
  specifyLimits(spec);
  specifyChroot(spec);
}

function specifyLife(spec: Spec): void {
  spec('a client begins LOST, is CONNECTED once started, and LOST again once stopped', async ({ ground, chroot }) => {
    const client = new KazooClient(ground.connectString + chroot);
    const states: string[] = [];
    client.on('state', (state) => void states.push(state));
    expect([client.state, client.clientState, client.connected, client.clientId]).toEqual(['LOST', 'CLOSED', false, null]);
    expect(await client.start()).toBe(client);
    expect([client.state, client.clientState, client.connected]).toEqual(['CONNECTED', 'CONNECTED', true]);
    expect(client.clientId?.password).toHaveLength(16);
    await client.stop();
    await client.stop();
    await client.close();
    expect([client.state, client.clientId, client.sessionTimeout]).toEqual(['LOST', null, null]);
    expect(states).toEqual(['CONNECTED', 'LOST']);
    expect(await rejection(client.get('/'))).toBeInstanceOf(ConnectionClosedError);
  });

  spec("the session timeout is the server's, within its limits", async ({ connect }) => {
    expect((await connect({ timeout: 3000 })).sessionTimeout).toBe(3000);
    expect((await connect({ timeout: 100 })).sessionTimeout).toBe(1000);
    expect((await connect({ timeout: 100_000 })).sessionTimeout).toBe(10_000);
  });

  spec('a session outlives its connection, with its ephemeral nodes', async ({ proxied, client: other, at }) => {
    const { client, proxy } = await proxied();
    const states: string[] = [];
    client.on('state', (state) => void states.push(state));
    const before = client.clientId;
    await client.create(at('e'), '', { ephemeral: true });
    const again = connectedAgain(client);
    proxy.cut();
    await again;
    expect(client.clientId).toEqual(before);
    expect(await other.exists(at('e'))).not.toBeNull();
    expect(states).toEqual(['SUSPENDED', 'CONNECTED']);
  });

  spec('a session that expired while away is LOST, and a new one follows by itself', async ({ proxied, client: other, at }) => {
    const { client, proxy } = await proxied({ timeout: 1000 });
    const states = new Collected<string>();
    client.on('state', states.add);
    const before = client.clientId!.sessionId;
    await client.create(at('e'), '', { ephemeral: true });
    const watched = new Collected<unknown>();
    await client.get(at('e'), { watch: watched.add });
    proxy.refuse(true);
    proxy.cut();
    await until(async () => (await other.exists(at('e'))) === null);
    proxy.refuse(false);
    expect(await states.atLeast(3)).toEqual(['SUSPENDED', 'LOST', 'CONNECTED']);
    expect(client.clientId?.sessionId).not.toBe(before);
    expect(await watched.atLeast(1)).toEqual([{ type: 'NONE', state: 'EXPIRED_SESSION', path: null }]);
  });

  spec('another client can resume a session by its id and password', async ({ proxied, connect, client: other, at }) => {
    const { client, proxy } = await proxied();
    const clientId = client.clientId!;
    await client.create(at('e'), '', { ephemeral: true });
    proxy.refuse(true);
    proxy.cut();
    const heir = await connect({ clientId });
    expect(heir.clientId?.sessionId).toBe(clientId.sessionId);
    expect((await other.exists(at('e')))?.ownerSessionId).toBe(clientId.sessionId);
    await heir.stop();
    expect(await other.exists(at('e'))).toBeNull();
  });

  spec(
    'an unknown session or a wrong password gives a new session, and only CONNECTED is told',
    async ({ connect, ground, chroot }) => {
      const owner = await connect();
      const { sessionId } = owner.clientId!;
      for (const id of [sessionId, 0x1234n]) {
        const client = new KazooClient({
          hosts: ground.connectString + chroot,
          clientId: { sessionId: id, password: Buffer.alloc(16, 9) },
        });
        const states: string[] = [];
        client.on('state', (state) => void states.push(state));
        await client.start();
        expect(client.clientId?.sessionId).not.toBe(id);
        expect(states).toEqual(['CONNECTED']);
        await client.stop();
      }
      // A server hangs up on the owner before it looks at the password; the session is the owner's all the same.
      await until(() => owner.connected);
      expect(owner.clientId?.sessionId).toBe(sessionId);
    },
  );

  spec('restart gives a new session on the same object', async ({ connect, base }) => {
    const client = await connect();
    const before = client.clientId?.sessionId;
    await client.restart();
    expect(client.clientId?.sessionId).not.toBe(before);
    expect(await client.exists(base)).not.toBeNull();
  });

  spec('stop waits for what was asked before, and is safe inside a callback', async ({ connect, at }) => {
    const client = await connect();
    const creations = Array.from({ length: 50 }, (_, i) => client.create(at(`n${i}`)));
    const stopped = new Promise<void>((resolve) => {
      void client.exists(at('n0'), { watch: async () => client.stop().then(resolve) });
    });
    await Promise.all(creations);
    void client.create(at('late'));
    await client.set(at('n0'), 'x').catch(() => undefined);
    await stopped;
    expect(client.state).toBe('LOST');
  });
}

function specifyRequests(spec: Spec): void {
  spec('calls that are not awaited reach the wire in the order they were made', async ({ proxied, client: other, at, has }) => {
    const { client, proxy } = await proxied();
    await other.create(at('a'));
    proxy.takeSent();
    await Promise.all([
      client.set(at('a'), '1'),
      client.get(at('a')),
      client.create(at('b')),
      client.exists(at('a')),
      ...(has('transactions') ? [client.transaction().setData(at('a'), '2').commit()] : []),
      client.getChildren(at('a')),
      client.sync(at('a')),
      client.getAcls(at('a')),
      client.delete(at('b')),
      ...(has('multiRead') ? [client.getAllChildrenNumber(at('a')), client.multiRead([{ get: at('a') }])] : []),
      client.set(at('a'), '3'),
    ]);
    expect(operations(proxy.takeSent())).toEqual([
      'setData',
      'getData',
      'create',
      'exists',
      ...(has('transactions') ? ['multi'] : []),
      'getChildren',
      'sync',
      'getACL',
      'delete',
      ...(has('multiRead') ? ['getAllChildrenNumber', 'multiRead'] : []),
      'setData',
    ]);
    expect((await client.get(at('a')))[0]?.toString()).toBe('3');
  });

  spec('what is on its way when the connection breaks fails with ConnectionLoss', async ({ proxied, base, has }) => {
    const { client, proxy } = await proxied();
    proxy.freeze();
    const calls = [
      client.get(base),
      client.exists(base),
      has('transactions') ? client.transaction().check(base, -1).commit() : client.getAcls(base),
      client.getChildren(base),
    ];
    const errors = Promise.all(calls.map((call) => rejection(call)));
    await until(() => client.inFlightRequests === 4);
    proxy.thaw();
    proxy.cut();
    for (const error of await errors) expect(error).toBeInstanceOf(ConnectionLoss);
  });

  spec('what is asked while SUSPENDED waits for the connection', async ({ proxied, at }) => {
    const { client, proxy } = await proxied();
    proxy.refuse(true);
    const suspended = new Promise<void>((resolve) => client.once('suspended', () => resolve()));
    proxy.cut();
    await suspended;
    const calls = Promise.all([client.create(at('a'), 'x'), client.get(at('a')), client.set(at('a'), 'y', { version: 0 })]);
    proxy.refuse(false);
    const [path, [data], stat] = await calls;
    expect([path, data?.toString(), stat.version]).toEqual([at('a'), 'x', 1]);
  });

  spec(
    'the stack of a failed call begins with the line of the caller, whatever the call and however many fail',
    async ({ client, at }) => {
      const path = at('none');
      const calls: (() => Promise<unknown>)[] = [
        () => client.get(path),
        () => client.set(path, 'x'),
        () => client.create(`${path}/a`),
        () => client.delete(path),
        () => client.getChildren(path),
        () => client.getAcls(path),
        () => client.setAcls(path, OPEN_ACL_UNSAFE),
      ];
      const errors = await Promise.all(calls.map((call) => rejection(callOfMine(call))));
      for (const { message, stack } of errors)
        expect(stack?.split('\n')[1], message).toMatch(/^ +at (async )?callOfMine .*sessions\.ts/);
    },
  );

  spec('calls settle in the order they were made in, whatever they are, and whether they fail', async ({ client, at }) => {
    await client.create(at('a'));
    const calls: (() => Promise<unknown>)[] = [
      () => client.get(at('a')),
      () => client.get(at('none')),
      () => client.set(at('a'), 'x'),
      () => client.set(at('a'), 'x', { version: 100 }),
      () => client.delete(at('none')),
      () => client.exists(at('none')),
      () => client.getChildren(at('none')),
      () => client.getChildren(at('a'), { includeData: true }),
      () => client.create(at('a')),
      () => client.create(at('b/c')),
      () => client.getAcls(at('none')),
      () => client.getAcls(at('a')),
      () => client.sync(at('a')),
      () => client.setAcls(at('none'), OPEN_ACL_UNSAFE),
    ];
    // Every call behind every other, twice over.
    const order = Array.from(
      { length: 2 * calls.length ** 2 },
      (_, i) => (i * (1 + Math.floor(i / calls.length))) % calls.length,
    );
    const settled: number[] = [];
    const note = (index: number) => () => void settled.push(index);
    await Promise.all(order.map((kind, index) => calls[kind]!().then(note(index), note(index))));
    expect(settled).toEqual(order.map((_, index) => index));
  });

  spec('a protected node whose reply was lost is found, not made twice', async ({ proxied, base }) => {
    const { client, proxy } = await proxied();
    proxy.delay(20);
    const made = client.create(`${base}/p-`, '', { protected: true, sequence: true, ephemeral: true });
    await new Promise((resolve) => setTimeout(resolve, 30));
    proxy.cut();
    const path = await made;
    proxy.delay(0);
    expect(await client.getChildren(base)).toEqual([path.slice(base.length + 1)]);
  });
}

async function callOfMine(call: () => Promise<unknown>): Promise<unknown> {
  return await call();
}

/** The names of the operations in what a client sent. */
function operations(bytes: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at))
    names.push(OP_BY_CODE.get(bytes.readInt32BE(at + 8)) ?? 'unknown');
  return names.filter((name) => name !== 'ping');
}

function specifyLimits(spec: Spec): void {
  spec("a call's timeout rejects by name and leaves nothing behind", async ({ proxied, client: other, at, base }) => {
    const { client, proxy } = await proxied();
    const told: unknown[] = [];
    proxy.freeze();
    const call = client.exists(at('a'), { timeout: 30, watch: () => void told.push('event') });
    const error = await rejection(call);
    expect(error).toBeInstanceOf(OperationTimeoutError);
    expect(error).toMatchObject({ code: -7, path: at('a'), operation: 'exists' });
    proxy.thaw();
    expect(await client.exists(base)).not.toBeNull();
    await other.create(at('a'));
    await client.sync('/');
    expect(told).toEqual([]);
    // The late reply's watch is taken back at the server.
    await until(() => client.inFlightRequests === 0 && client.queuedRequests === 0);
  });

  spec("an abort rejects with the signal's reason, before, during and never after", async ({ proxied, base, has }) => {
    const { client, proxy } = await proxied();
    const reason = new Error('enough');
    expect(await rejection(client.get(base, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    proxy.freeze();
    const calls = [
      client.get(base, { signal: controller.signal }),
      client.create(`${base}/x/y`, '', { makepath: true, signal: controller.signal }),
      client.ensurePath(`${base}/z`, { signal: controller.signal }),
      client.delete(`${base}/x`, { recursive: true, signal: controller.signal }),
      ...(has('transactions') ? [client.transaction().check(base, -1).commit({ signal: controller.signal })] : []),
      ...(has('multiRead') ? [client.multiRead([{ get: base }], { signal: controller.signal })] : []),
    ].map((call) => rejection(call));
    controller.abort(reason);
    for (const error of await Promise.all(calls)) expect(error).toBe(reason);
    proxy.thaw();
    const late = new AbortController();
    const [, stat] = await client.get(base, { signal: late.signal });
    late.abort();
    expect(stat.version).toBe(0);
    expect(client.connected).toBe(true);
  });

  spec('a call of many requests has one limit for all of them', async ({ proxied, base }) => {
    const { client, proxy } = await proxied();
    proxy.freeze();
    const calls = (wait: { timeout?: number; signal?: AbortSignal }): Promise<unknown>[] => [
      client.create(`${base}/p/q`, '', { makepath: true, ...wait }),
      client.create(`${base}/p-`, '', { protected: true, sequence: true, ...wait }),
      client.ensurePath(`${base}/x/y/z`, wait),
      client.delete(`${base}/d`, { recursive: true, ...wait }),
    ];
    for (const error of await Promise.all(calls({ timeout: 50 }).map((call) => rejection(call)))) {
      expect(error).toBeInstanceOf(OperationTimeoutError);
      expect(error.path).toContain(base);
    }
    const controller = new AbortController();
    const aborted = calls({ signal: controller.signal }).map((call) => rejection(call));
    controller.abort();
    for (const error of await Promise.all(aborted)) expect(error).toBe(controller.signal.reason);
    proxy.thaw();
    expect(await client.ensurePath(`${base}/fine`, { timeout: 10_000 })).toBe(`${base}/fine`);
    expect(await client.delete(`${base}/fine`, { recursive: true, timeout: 10_000 })).toBe(true);
  });

  spec(
    'a call that waits for a connection can be aborted and timed out, and is then not sent',
    async ({ proxied, client: other, at }) => {
      const { client, proxy } = await proxied();
      proxy.refuse(true);
      const suspended = new Promise<void>((resolve) => client.once('suspended', () => resolve()));
      proxy.cut();
      await suspended;
      const controller = new AbortController();
      const timed = rejection(client.create(at('timed'), '', { timeout: 20 }));
      const aborted = rejection(client.create(at('aborted'), '', { signal: controller.signal }));
      expect(await timed).toBeInstanceOf(OperationTimeoutError);
      controller.abort();
      expect(await aborted).toBe(controller.signal.reason);
      expect(client.queuedRequests).toBe(0);
      proxy.refuse(false);
      await client.create(at('sent'));
      expect(await other.getChildren(at('').slice(0, -1))).toEqual(['sent']);
    },
  );

  spec('start gives up in time, and says what was tried', async ({ proxied }) => {
    const { proxy } = await proxied();
    proxy.refuse(true);
    const client = new KazooClient(proxy.connectString);
    const error = await rejection(client.start({ timeout: 300 }));
    expect(error).toBeInstanceOf(KazooTimeoutError);
    expect(error.message).toContain(`127.0.0.1:${proxy.port}`);
    expect([client.state, client.clientState]).toEqual(['LOST', 'CLOSED']);
  });
}

function specifyChroot(spec: Spec): void {
  spec(
    'no path of a client leads out of its chroot, and no path that comes back shows it',
    async ({ client, outside, chroot, at }) => {
      const all = await outside();
      expect(client.chroot).toBe(chroot);
      await client.create(at('a'), 'x');
      expect((await all.get(chroot + at('a')))[0]?.toString()).toBe('x');
      expect(client.unchroot(chroot + at('a'))).toBe(at('a'));
      if (chroot === '') return;
      expect(client.unchroot(`${chroot}er/a`)).toBe(`${chroot}er/a`);
      expect(client.unchroot(chroot)).toBe('/');
      // The neighbour's name begins with ours.
      await all.create(`${chroot}er`);
      expect(await rejection(client.get(`${chroot}er`))).toMatchObject({ code: -101, path: `${chroot}er` });
    },
  );

  spec(
    'a sequential node that is all number is made in the root, which is that of the chroot',
    async ({ client, outside, chroot, has }) => {
      const made = [
        await client.create('/', 'x', { sequence: true }),
        await client.create('/', 'x', { sequence: true, protected: true }),
        ...(has('transactions') ? await client.transaction().create('/', 'x', { sequence: true }).commitOrThrow() : []),
      ] as string[];
      const all = await outside();
      for (const path of made) {
        expect(path).toMatch(/^\/(_c_[0-9a-f-]{36}-)?\d{10}$/);
        await all.delete(chroot + path);
      }
    },
  );

  spec('a chroot that does not exist is no obstacle, and ensurePath("/") makes it', async ({ connect, ground, chroot, base }) => {
    const client = await connect({ hosts: `${ground.connectString}${chroot}${base}/new/root` });
    expect(await client.exists('/')).toBeNull();
    expect(await client.ensurePath('/')).toBe('/');
    expect(await client.create('/a')).toBe('/a');
    expect(await client.delete('/', { recursive: true })).toBe(true);
    expect(await client.exists('/')).toBeNull();
    expect(await client.create('/b/c', '', { makepath: true })).toBe('/b/c');
  });
}
