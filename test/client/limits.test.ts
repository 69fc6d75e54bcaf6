import { expect, onTestFinished, test } from 'vitest';
import { MarshallingError, OperationTimeoutError, AuthFailedError, ConnectionLoss } from '../../src/base/errors.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

interface Setting extends AsyncDisposable {
  readonly server: EmbeddedZooKeeper;
  readonly proxy: TcpProxy;
  readonly client: KazooClient;
}

async function setUp(options: KazooClientOptions = {}): Promise<Setting> {
  const server = await EmbeddedZooKeeper.start();
  const proxy = await TcpProxy.open(server.connectString);
  const client = await new KazooClient({
    hosts: proxy.connectString,
    connectionRetry: { delay: 20, maxDelay: 100 },
    ...options,
  }).start();
  return {
    server,
    proxy,
    client,
    async [Symbol.asyncDispose]() {
      await client.stop();
      await proxy.close();
      await server.close();
    },
  };
}

/** Ends the connection, and lets none be made. */
async function suspend({ client, proxy }: Setting): Promise<void> {
  proxy.refuse(true);
  const suspended = new Promise<void>((resolve) => client.once('suspended', () => resolve()));
  proxy.cut();
  await suspended;
}

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('it should have failed'),
    (error: unknown) => error as Error,
  );

test('a request over maxRequestBytes is refused here, by name, and the others go on', async () => {
  await using setting = await setUp({ maxRequestBytes: 2000 });
  const { client, proxy } = setting;
  const [error, path] = await Promise.all([failure(client.create('/big', Buffer.alloc(2000))), client.create('/small', 'x')]);
  expect(error.message + String((error as { cause?: Error }).cause?.message)).toContain('maxRequestBytes (2000)');
  expect([path, proxy.accepted, client.connected]).toEqual(['/small', 1, true]);
  expect(await client.exists('/big')).toBeNull();
});

test('both limits may be small, and an event is no reply: it comes, however long its path is', async () => {
  await using setting = await setUp({ maxRequestBytes: 250, maxResponseBytes: 100 });
  const { client, server } = setting;
  await using other = await new KazooClient(server.connectString).start();
  const path = `/${'x'.repeat(120)}`;
  const changed = new Promise<string | null>((resolve) => void client.exists(path, { watch: (event) => resolve(event.path) }));
  await client.exists('/');
  await other.create(path, Buffer.alloc(200));
  expect(await changed).toBe(path);
  const errors = await Promise.all([failure(client.get(path)), failure(client.set(path, Buffer.alloc(200)))]);
  expect(String(errors[0].cause)).toContain('the reply has 288 bytes, more than maxResponseBytes (100)');
  expect(errors[1].message).toContain('maxRequestBytes (250)');
  expect([(await client.exists(path))!.dataLength, client.connected]).toEqual([200, true]);
});

test('the error for a request over maxRequestBytes begins as all do, and its stack shows the call', async () => {
  await using setting = await setUp({ maxRequestBytes: 2000 });
  const { client } = setting;
  const data = Buffer.alloc(2000);
  const errors = await Promise.all([
    failure(client.set('/big', data)),
    failure(client.create('/big', data, { makepath: true })),
    failure(client.transaction().setData('/big', data).commit()),
  ]);
  for (const error of errors) {
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toContain(': the request has 20');
  }
  expect(errors.map(({ message }) => message.split(':')[0])).toEqual(['set /big', 'create /big', 'transaction']);
  const caller = async (): Promise<unknown> => await client.set('/big', data);
  expect((await failure(caller())).stack).toMatch(/at (async )?caller/);
});

test('a request over maxRequestBytes is refused at once where it would have to wait', async () => {
  await using setting = await setUp({ maxRequestBytes: 2000, maxInFlight: 1 });
  const { client } = setting;
  const small = client.create('/small');
  const crowded = await failure(client.create('/big', Buffer.alloc(2000)));
  await small;
  await suspend(setting);
  const suspended = await failure(client.transaction().setData('/small', Buffer.alloc(2000)).commit());
  for (const error of [crowded, suspended]) expect(error).toBeInstanceOf(RangeError);
  expect([crowded.message, suspended.message].map((text) => text.replace(/ has \d+/, ''))).toEqual([
    "create /big: the request bytes, more than maxRequestBytes (2000); before you raise that option, the server's jute.maxbuffer must allow it",
    "transaction: the request bytes, more than maxRequestBytes (2000); before you raise that option, the server's jute.maxbuffer must allow it",
  ]);
  expect(client.queuedRequests).toBe(0);
});

test('a reply over maxResponseBytes fails its own call, by name, and the others go on', async () => {
  await using setting = await setUp({ maxResponseBytes: 2000 });
  const { client, proxy } = setting;
  await client.create('/big', Buffer.alloc(5000));
  const [error, stat] = await Promise.all([failure(client.get('/big')), client.exists('/big')]);
  expect(error).toBeInstanceOf(MarshallingError);
  expect((error.cause as Error).message).toContain('maxResponseBytes (2000)');
  expect([stat?.dataLength, proxy.accepted]).toEqual([5000, 1]);
});

test('with maxInFlight, calls over the limit wait their turn, in order', async () => {
  await using setting = await setUp({ maxInFlight: 3 });
  const { client, proxy } = setting;
  proxy.freeze();
  const calls = Array.from({ length: 20 }, (_, i) => client.create(`/n${i}`));
  expect([client.inFlightRequests, client.queuedRequests]).toEqual([3, 17]);
  proxy.thaw();
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, i) => `/n${i}`));
});

test('a reply that cannot be read makes room for the next call, too', { timeout: 20_000 }, async () => {
  await using setting = await setUp({ maxInFlight: 1, maxResponseBytes: 2000 });
  const { client } = setting;
  await client.create('/big', Buffer.alloc(5000));
  const [first, second] = [failure(client.get('/big')), client.exists('/big', { timeout: 5000 })];
  expect(await first).toBeInstanceOf(MarshallingError);
  expect((await second)?.dataLength).toBe(5000);
});

test('data may be changed by the caller once the call is made, waiting or not', async () => {
  await using setting = await setUp();
  const { client, proxy } = setting;
  const data = Buffer.from('before');
  const now = client.create('/now', data);
  data.write('after!');
  proxy.refuse(true);
  await now;
  const suspended = new Promise<void>((resolve) => client.once('suspended', () => resolve()));
  proxy.cut();
  await suspended;
  data.write('before');
  const later = client.create('/later', data);
  data.write('after!');
  proxy.refuse(false);
  await later;
  for (const path of ['/now', '/later']) expect((await client.get(path))[0]?.toString()).toBe('before');
});

test('addAuth while SUSPENDED is answered by the next connection, not before', async () => {
  await using setting = await setUp();
  const { client, proxy } = setting;
  await suspend(setting);
  const outcome = failure(client.addAuth('nonsense', 'x'));
  proxy.refuse(false);
  expect(await outcome).toBeInstanceOf(AuthFailedError);
});

test('addAuth has the limits of every call; given up, it is presented on the next connection all the same', async () => {
  await using setting = await setUp();
  const { client, proxy } = setting;
  await suspend(setting);
  const abort = new AbortController();
  const outcomes = [
    failure(client.addAuth('digest', 'late:secret', { timeout: 50 })),
    failure(client.addAuth('digest', 'given-up:secret', { signal: abort.signal })),
  ];
  abort.abort(new Error('no longer'));
  expect(await outcomes[0]).toBeInstanceOf(OperationTimeoutError);
  expect(await outcomes[1]).toBe(abort.signal.reason);
  expect(await failure(client.addAuth('digest', 'never:secret', { signal: abort.signal }))).toBe(abort.signal.reason);
  proxy.refuse(false);
  const ids = (await client.whoAmI()).map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['late', 'given-up']));
  expect(ids).not.toContain('never');
});

test("addAuth that is given up on the present connection is the client's once the server accepts it", async () => {
  await using setting = await setUp();
  const { client, proxy } = setting;
  proxy.freeze();
  expect(await failure(client.addAuth('digest', 'late:secret', { timeout: 50 }))).toBeInstanceOf(OperationTimeoutError);
  proxy.thaw();
  await client.sync('/');
  const suspended = new Promise<void>((resolve) => client.once('suspended', () => resolve()));
  proxy.cut();
  await suspended;
  expect((await client.whoAmI()).map(({ id }) => id)).toContain('late');
});

test('a transaction whose reply is lost fails with ConnectionLoss, and is not sent again', async () => {
  await using setting = await setUp();
  const { client, server } = setting;
  server.faults.cutAfterCommit('multi');
  const error = await failure(client.transaction().create('/a-', '', { sequence: true }).commit());
  expect(error).toBeInstanceOf(ConnectionLoss);
  await client.sync('/');
  expect((await client.getChildren('/')).filter((name) => name.startsWith('a-'))).toEqual(['a-0000000000']);
});

test('a protected create whose reply is lost finds its node', async () => {
  await using setting = await setUp();
  const { client, server } = setting;
  for (const times of [1, 2]) {
    server.faults.cutAfterCommit('create');
    const path = await client.create(`/p${times}-`, '', { protected: true, sequence: true, ephemeral: true });
    expect(await client.exists(path)).not.toBeNull();
  }
  expect((await client.getChildren('/')).filter((name) => name.startsWith('_c_'))).toHaveLength(2);
});

test('an unknown error code of the server is an error of that call alone', async () => {
  await using setting = await setUp();
  const { client, server } = setting;
  server.faults.fail('getData', -9999);
  const [error, stat] = await Promise.all([failure(client.get('/')), client.exists('/')]);
  expect(error).toMatchObject({ name: 'ZookeeperError', code: -9999, path: '/', operation: 'get' });
  expect(stat).not.toBeNull();
});

test('a reply that never comes is bounded by the timeout of the call', async () => {
  await using setting = await setUp({ timeout: 4000 });
  const { client, server } = setting;
  server.faults.dropReply('getData');
  expect(await failure(client.get('/', { timeout: 50 }))).toBeInstanceOf(OperationTimeoutError);
});

test('one signal may end any number of calls, without a warning of a leak', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  await using setting = await setUp();
  const { client, proxy } = setting;
  const calls: Record<string, (i: number, signal: AbortSignal) => Promise<unknown>> = {
    makepath: (i, signal) => client.create(`/made/${i}`, '', { makepath: true, signal }),
    protected: (i, signal) => client.create(`/p${i}`, '', { protected: true, signal }),
    ensurePath: (i, signal) => client.ensurePath(`/ensured/${i}`, { signal }),
    recursive: (i, signal) => client.delete(`/none/${i}`, { recursive: true, signal }),
    exists: (i, signal) => client.exists(`/none/${i}`, { signal }),
    addWatch: (i, signal) => client.addWatch(`/watched/${i}`, () => undefined, { signal }),
    addAuth: (i, signal) => client.addAuth('digest', `user${i}:secret`, { signal }),
    command: (_, signal) => client.command('ruok', { signal }),
    start: async (_, signal) => {
      await using another = new KazooClient(proxy.connectString);
      await another.start({ signal });
    },
  };
  for (const call of Object.values(calls)) {
    // A signal warns once.
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 20 }, (_, i) => call(i, signal)));
  }
  // A warning is told in a turn of its own.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings.map(({ message }) => message)).toEqual([]);
});
