import { describe, expect, test } from 'vitest';
import { ConnectionClosedError, ConnectionLoss, MarshallingError, UnimplementedError } from '../../src/base/errors.ts';
import { TransactionRequest } from '../../src/client/transaction.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { rejection, until } from '../support/waiting.ts';

test('a transaction that an old server cannot read names the part that is too new for it', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  server.faults.fail('multi', MarshallingError.code, 2);
  const commit = client.transaction().create('/a').create('/b', '', { container: true }).commit();
  await expect(commit).rejects.toBeInstanceOf(UnimplementedError);
  await expect(commit).rejects.toMatchObject({ path: '/b', cause: expect.any(MarshallingError) as Error });
  // One without such parts has been misread for another reason.
  await expect(client.transaction().create('/a').commit()).rejects.toBeInstanceOf(MarshallingError);
});

test('a check needs a version', () => {
  const transaction = new KazooClient().transaction();
  expect(() => transaction.check('/a', undefined as never)).toThrow(TypeError);
  expect(transaction.operations).toEqual([]);
});

test('what the operations are cannot be changed from outside', () => {
  const transaction = new KazooClient().transaction().create('/a');
  (transaction.operations as unknown[]).push('x');
  expect(transaction.operations).toEqual([{ type: 'create', path: '/a' }]);
});

describe('a transaction of which nothing was sent may be committed again (pain-points 66):', () => {
  test('its signal had aborted', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(server.connectString).start();
    const transaction = client.transaction().create('/a');
    const reason = new Error('enough');
    expect(await rejection(transaction.commit({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(transaction.committed).toBe(false);
    expect(await transaction.create('/b').commitOrThrow()).toEqual(['/a', '/b']);
    expect(transaction.committed).toBe(true);
    await expect(transaction.commit()).rejects.toThrow('the transaction has already been committed');
  });

  test('it was too large', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient({ hosts: server.connectString, maxRequestBytes: 2000 }).start();
    const transaction = client.transaction().create('/a', Buffer.alloc(2000));
    expect(await rejection(transaction.commit())).toBeInstanceOf(RangeError);
    expect(transaction.committed).toBe(false);
    expect(await rejection(transaction.commit())).toBeInstanceOf(RangeError);
  });

  test('the client was not running', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = new KazooClient(server.connectString);
    const transaction = client.transaction().create('/a');
    expect(await rejection(transaction.commit())).toBeInstanceOf(ConnectionClosedError);
    expect(transaction.committed).toBe(false);
    await client.start();
    expect(await transaction.commit()).toEqual(['/a']);
  });

  test('it waited for a connection, and was given up', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(server.connectString).start();
    server.refuseConnections(true);
    server.dropConnections();
    await until(() => client.state === 'SUSPENDED', 'the loss of the connection');
    const transaction = client.transaction().create('/a');
    const late = rejection(transaction.commit({ timeout: 50 }));
    await expect(transaction.commit()).rejects.toThrow('the transaction has already been committed');
    await late;
    expect(transaction.committed).toBe(false);
    const queued = transaction.commit();
    server.refuseConnections(false);
    expect(await queued).toEqual(['/a']);
  });
});

test('a transaction that was sent is not to be sent again, whatever became of it', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  server.faults.cutAfterCommit('multi');
  const transaction = client.transaction().create('/a');
  expect(await rejection(transaction.commit())).toBeInstanceOf(ConnectionLoss);
  expect(transaction.committed).toBe(true);
  const late = client.transaction().create('/b');
  server.faults.dropReply('multi');
  await rejection(late.commit({ timeout: 50 }));
  expect(late.committed).toBe(true);
});

test('a derived class is made of the client, also by a client that makes no others', async () => {
  class Json extends TransactionRequest {
    override create(path: string, value?: unknown): this {
      return super.create(path, JSON.stringify(value));
    }
  }
  class JsonClient extends KazooClient {
    override transaction(): Json {
      return new Json(this);
    }
  }
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new JsonClient(server.connectString).start();
  expect(await client.transaction().create('/a', { ok: true }).commitOrThrow()).toEqual(['/a']);
  expect((await client.get('/a'))[0]?.toString()).toBe('{"ok":true}');
  expect(() => new TransactionRequest(undefined as never)).toThrow(TypeError);
});
