import { expect } from 'vitest';
import {
  BadVersionError,
  NodeExistsError,
  NoNodeError,
  RolledBackError,
  RuntimeInconsistency,
  TransactionError,
} from '../../../src/base/errors.ts';
import { READ_ACL_UNSAFE } from '../../../src/base/security.ts';
import { ZnodeStat } from '../../../src/base/znode-stat.ts';
import { rejection, until, type Spec } from './world.ts';

/** Operations that take effect together or not at all (Kazoo section 14). */
export function specifyTransactions(specAnywhere: Spec): void {
  const spec: Spec = (name, body, needs = 'transactions') => specAnywhere(name, body, needs);

  spec('results stand in the order of the operations', async ({ client, at }) => {
    await client.create(at('old'), 'x');
    const transaction = client.transaction();
    transaction
      .create(at('a'), 'a')
      .create(at('a/s-'), null, { sequence: true, ephemeral: true })
      .setData(at('old'), 'y', { version: 0 })
      .check(at('old'), 1)
      .delete(at('old'), { version: 1 });
    expect(transaction.operations.map(({ type }) => type)).toEqual(['create', 'create', 'setData', 'check', 'delete']);
    expect(transaction.committed).toBe(false);
    const [a, s, stat, checked, deleted] = await transaction.commit();
    expect([a, s, checked, deleted]).toEqual([at('a'), at('a/s-0000000000'), true, true]);
    expect(stat).toBeInstanceOf(ZnodeStat);
    expect(stat).toMatchObject({ version: 1 });
    expect(transaction.committed).toBe(true);
    expect(await client.exists(at('old'))).toBeNull();
    expect((await client.exists(at('a/s-0000000000')))?.ownerSessionId).toBe(client.clientId!.sessionId);
  });

  spec('a failure is in the list, and nothing has happened', async ({ client, at }) => {
    const results = await client.transaction().create(at('a')).check(at('none'), -1).create(at('b')).commit();
    expect(results.map((result) => (result as Error).constructor)).toEqual([RolledBackError, NoNodeError, RuntimeInconsistency]);
    expect(results[1]).toMatchObject({ code: -101, path: at('none') });
    expect(await client.exists(at('a'))).toBeNull();
  });

  spec('commitOrThrow names the operation that failed', async ({ client, at }) => {
    await client.create(at('a'));
    const transaction = client.transaction().check(at('a'), 0).setData(at('a'), 'x', { version: 5 }).delete(at('a'));
    const error = await rejection(transaction.commitOrThrow());
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ index: 1, op: { type: 'setData', path: at('a') }, path: at('a'), code: -103 });
    expect(error.cause).toBeInstanceOf(BadVersionError);
    expect(error).toHaveProperty('results.length', 3);
    expect((await client.get(at('a')))[0]).toEqual(Buffer.alloc(0));
  });

  spec('the first operation may be the one that fails', async ({ client, at }) => {
    await client.create(at('a'));
    const error = await rejection(client.transaction().create(at('a')).delete(at('a')).commitOrThrow());
    expect(error).toMatchObject({ index: 0, code: -110 });
    expect(error.cause).toBeInstanceOf(NodeExistsError);
  });

  spec('an empty transaction gives an empty list', async ({ client }) => {
    expect(await client.transaction().commit()).toEqual([]);
    expect(await client.transaction().commitOrThrow()).toEqual([]);
  });

  spec(
    'containers and nodes with a time to live can be made in one',
    async ({ client, at }) => {
      const results = await client
        .transaction()
        .create(at('box'), 'x', { container: true })
        .create(at('ttl'), 'y', { ttl: 50 })
        .create(at('n-'), 'z', { ttl: 60_000, sequence: true })
        .commitOrThrow();
      expect(results).toEqual([at('box'), at('ttl'), expect.stringMatching(/n-\d{10}$/)]);
      await until(async () => (await client.exists(at('ttl'))) === null);
      await client.create(at('box/a'));
      await client.delete(at('box/a'));
      await until(async () => (await client.exists(at('box'))) === null);
    },
    'timeToLive',
  );

  spec('a name in a path with a trailing slash is its number alone, here too (Kazoo D-19)', async ({ client, base }) => {
    const [result] = await client.transaction().create(`${base}/`, '', { sequence: true }).commit();
    expect(result).toBe(`${base}/0000000000`);
  });

  spec('a transaction sees what it has itself done before', async ({ client, at }) => {
    const results = await client
      .transaction()
      .create(at('a'))
      .create(at('a/b'), 'x', { acl: READ_ACL_UNSAFE })
      .check(at('a/b'), 0)
      .commitOrThrow();
    expect(results).toEqual([at('a'), at('a/b'), true]);
    expect((await client.getAcls(at('a/b')))[0]).toEqual(READ_ACL_UNSAFE);
  });

  spec('a committed transaction cannot be used again', async ({ client, at }) => {
    const transaction = client.transaction().create(at('a'));
    await transaction.commit();
    expect(await rejection(transaction.commit())).toBeInstanceOf(TypeError);
    expect(await rejection(transaction.commitOrThrow())).toBeInstanceOf(TypeError);
    expect(() => transaction.create(at('b'))).toThrow(TypeError);
  });

  spec('many operations go in one', async ({ client, at }) => {
    const transaction = client.transaction();
    for (let i = 0; i < 1000; i++) transaction.create(at(`n${i}`), 'x');
    expect(await transaction.commitOrThrow()).toHaveLength(1000);
  });
}
