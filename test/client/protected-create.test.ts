import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { NoNodeError, OperationTimeoutError } from '../../src/base/errors.ts';
import { RetryFailedError } from '../../src/base/retry.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import type { RequestDiagnostics } from '../../src/session/diagnostics.ts';
import { FakeServer, Op, type FakePeer, type FakeRequest } from '../support/fake-server.ts';
import { rejection } from '../support/waiting.ts';

const CONNECTION_LOSS = -4;
const NO_NODE = -101;
const WAIT = { timeout: 20_000, interval: 10 };

async function setUp(): Promise<{ server: EmbeddedZooKeeper; client: KazooClient }> {
  const server = await EmbeddedZooKeeper.start();
  onTestFinished(() => server.close());
  const client = new KazooClient({
    hosts: server.connectString,
    connectionRetry: { delay: 10 },
    commandRetry: { maxTries: -1, delay: 10 },
  });
  onTestFinished(() => client.stop());
  return { server, client: await client.start() };
}

describe('a protected create', () => {
  test('that has done nothing is made again', async () => {
    const { server, client } = await setUp();
    server.faults.fail('create', CONNECTION_LOSS);
    const path = await client.create('/p-', 'x', { protected: true, sequence: true });
    expect(await client.getChildren('/')).toEqual(expect.arrayContaining([path.slice(1)]));
    expect((await client.getChildren('/')).filter((name) => name.startsWith('_c_'))).toHaveLength(1);
  });

  test('whose parent has gone with the node makes both again', async () => {
    const { server, client } = await setUp();
    await client.create('/parent');
    server.faults.fail('create', CONNECTION_LOSS);
    server.faults.fail('getChildren', NO_NODE);
    expect(await client.create('/parent/p', 'x', { protected: true, makepath: true })).toMatch(/^\/parent\/_c_[0-9a-f-]{36}-p$/);
  });

  test('is not found by a search that fails: that is told', async () => {
    const { server, client } = await setUp();
    server.faults.fail('create', CONNECTION_LOSS);
    server.faults.fail('getChildren', -102);
    expect(await rejection(client.create('/p', 'x', { protected: true }))).toMatchObject({ name: 'NoAuthError' });
  });

  test('has the stat of the node that is found, too', async () => {
    const { server, client } = await setUp();
    server.faults.cutAfterCommit('create2');
    const [path, stat] = await client.create('/p', 'four', { protected: true, includeData: true });
    expect(stat.dataLength).toBe(4);
    expect(stat).toEqual(await client.exists(path));
    server.faults.cutAfterCommit('create2');
    server.faults.fail('exists', NO_NODE);
    expect(await rejection(client.create('/gone', '', { protected: true, includeData: true }))).toBeInstanceOf(NoNodeError);
  });

  test('of a session that is over is not taken for one of the next: it is removed, and another made', async () => {
    const created: string[] = [];
    const deleted: string[] = [];
    const answer: Record<number, (peer: FakePeer, request: FakeRequest) => void> = {
      [Op.create]: (peer, { xid, body }) => {
        created.push(body.subarray(4, 4 + body.readInt32BE(0)).toString());
        if (created.length === 1) peer.socket.destroy();
        else peer.reply(xid, { body: strings(created.at(-1)!) });
      },
      [SYNC]: (peer, { xid }) => peer.reply(xid, { body: strings('/') }),
      [GET_CHILDREN]: (peer, { xid }) => peer.reply(xid, { body: Buffer.concat([count(1), strings(created[0]!.slice(1))]) }),
      [DELETE]: (peer, { xid, body }) => {
        deleted.push(body.subarray(4, 4 + body.readInt32BE(0)).toString());
        peer.reply(xid);
      },
      [Op.closeSession]: (peer, { xid }) => peer.reply(xid),
    };
    await using server = await FakeServer.start({
      // The second connection brings the first session along, which is over.
      greet: (peer, { timeOut, sessionId }) =>
        peer.confirm(sessionId === 0n ? timeOut : 0, sessionId === 0n ? nextSession++ : 0n),
      request: (peer, request) => answer[request.op]!(peer, request),
    });
    let nextSession = 7n;
    await using client = new KazooClient({
      hosts: server.connectString,
      connectionRetry: { delay: 10 },
      commandRetry: { maxTries: -1, delay: 10 },
    });
    await client.start();
    const path = await client.create('/mine', '', { protected: true, ephemeral: true });
    expect(client.clientId!.sessionId).toBe(8n);
    expect(created).toHaveLength(2);
    expect(path).toBe(created[1]);
    expect(deleted).toEqual([created[0]]);
  });
});

describe('a protected create that is given up is removed', () => {
  const strays = async (client: KazooClient): Promise<string[]> =>
    (await client.getChildren('/')).filter((name) => name.startsWith('_c_'));
  const options = { protected: true, sequence: true } as const;

  test('where its reply is late', async () => {
    const { server, client } = await setUp();
    const other = await new KazooClient(server.connectString).start();
    onTestFinished(() => other.stop());
    const { cversion } = (await other.exists('/'))!;
    const giveUp = new AbortController();
    server.freeze();
    const creating = client.create('/p-', '', { ...options, signal: giveUp.signal });
    await vi.waitFor(() => expect(client.inFlightRequests).toBe(1), WAIT);
    giveUp.abort(new Error('enough'));
    expect(await rejection(creating)).toMatchObject({ message: 'enough' });
    server.thaw();
    // It has come and gone.
    await vi.waitFor(async () => expect((await other.exists('/'))!.cversion).toBe(cversion + 2), WAIT);
    expect(await strays(other)).toEqual([]);
  });

  test('where its reply is lost and the server away for longer than the call may take', async () => {
    const { server, client } = await setUp();
    server.faults.cutAfterCommit('create');
    client.once('suspended', () => server.refuseConnections(true));
    expect(await rejection(client.create('/p-', '', { ...options, timeout: 100 }))).toBeInstanceOf(OperationTimeoutError);
    server.refuseConnections(false);
    await vi.waitFor(async () => expect(await strays(client)).toEqual([]), WAIT);
  });

  test('where the policy gives up', async () => {
    const { server } = await setUp();
    const client = new KazooClient({
      hosts: server.connectString,
      connectionRetry: { delay: 10 },
      commandRetry: { maxTries: 1 },
    });
    onTestFinished(() => client.stop());
    await client.start();
    server.faults.cutAfterCommit('create');
    server.faults.fail('getChildren', CONNECTION_LOSS);
    expect(await rejection(client.create('/p-', '', options))).toBeInstanceOf(RetryFailedError);
    await vi.waitFor(async () => expect(await strays(client)).toEqual([]), WAIT);
  });

  test('also where the server reads the lost connection later still', async () => {
    await using server = await EmbeddedZooKeeper.start({ tickTime: 200 });
    await using client = new KazooClient({ hosts: server.connectString, timeout: 800, connectionRetry: { delay: 10 } });
    await client.start();
    await using other = await new KazooClient(server.connectString).start();
    const answered = answersTo('getChildren');
    server.faults.cutAfterCommit('create');
    client.once('suspended', () => server.refuseConnections(true));
    expect(await rejection(client.create('/p-', '', { ...options, timeout: 100 }))).toBeInstanceOf(OperationTimeoutError);
    // As if the create had not been read yet.
    const [name] = await strays(other);
    await other.delete(`/${name}`);
    server.refuseConnections(false);
    // Ours, and a look for the node in vain.
    await vi.waitFor(() => expect(answered.length).toBeGreaterThanOrEqual(2), WAIT);
    await other.create(`/${name}`);
    await vi.waitFor(async () => expect(await strays(other)).toEqual([]), WAIT);
  });
});

/** The requests of an operation that have had an answer, or been given up, of any client of this process. */
function answersTo(operation: string): unknown[] {
  const answers: unknown[] = [];
  const note = (message: unknown): void => {
    if ((message as RequestDiagnostics).operation === operation) answers.push(message);
  };
  subscribe('kazoo:request', note);
  onTestFinished(() => void unsubscribe('kazoo:request', note));
  return answers;
}

test('ensurePath begins again when a parent goes away under it', async () => {
  const { server, client } = await setUp();
  server.faults.fail('create', NO_NODE);
  expect(await client.ensurePath('/a/b/c')).toBe('/a/b/c');
  expect(await client.exists('/a/b/c')).not.toBeNull();
});

const SYNC = 9;
const GET_CHILDREN = 8;
const DELETE = 2;

function count(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function strings(...values: string[]): Buffer {
  return Buffer.concat(values.flatMap((value) => [count(Buffer.byteLength(value)), Buffer.from(value)]));
}
