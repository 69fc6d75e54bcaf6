import { describe, expect, onTestFinished, test } from 'vitest';
import { makeAcl, OPEN_ACL_UNSAFE, type ACL } from '../../src/base/security.ts';
import type { CreateOptions } from '../../src/client/call-options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { suspend } from '../support/waiting.ts';

const CONNECTION_LOSS = -4;

async function setUp(): Promise<{ server: EmbeddedZooKeeper; client: KazooClient }> {
  const server = await EmbeddedZooKeeper.start();
  onTestFinished(() => server.close());
  const client = new KazooClient({ hosts: server.connectString, commandRetry: { maxTries: -1, delay: 10 } });
  onTestFinished(() => client.stop());
  return { server, client: await client.start() };
}

test('a create that is sent again, once its parents are made, has what it was given at the call', async () => {
  const { client } = await setUp();
  const data = Buffer.from('before');
  const acl = [...OPEN_ACL_UNSAFE];
  const options: CreateOptions = { makepath: true, includeData: true, acl };
  const creating = client.create('/a/b/c', data, options);
  data.write('after!');
  acl[0] = makeAcl('world', 'anyone', { read: true });
  Object.assign(options, { makepath: false, includeData: false });
  expect(await creating).toEqual(['/a/b/c', expect.objectContaining({ dataLength: 6 })]);
  expect(String((await client.get('/a/b/c'))[0])).toBe('before');
  expect((await client.getAcls('/a/b/c'))[0]).toEqual(OPEN_ACL_UNSAFE);
});

test('so has a protected one that is made again', async () => {
  const { server, client } = await setUp();
  server.faults.fail('create', CONNECTION_LOSS);
  const data = new Uint8Array([1, 2, 3]);
  const creating = client.create('/p', data, { protected: true });
  data.fill(9);
  expect((await client.get(await creating))[0]).toEqual(Buffer.from([1, 2, 3]));
});

test('a transaction has what was added to it, whatever becomes of the buffer before the commit', async () => {
  const { client } = await setUp();
  await client.create('/set');
  const data = Buffer.from('before');
  const transaction = client.transaction().create('/made', data).setData('/set', data);
  data.write('after!');
  await transaction.commitOrThrow();
  for (const path of ['/made', '/set']) expect(String((await client.get(path))[0])).toBe('before');
});

describe('an ACL is what it was at the call, whatever becomes of the list and of what is in it', () => {
  const theirs = (): ACL[] => [makeAcl('world', 'anyone', { all: true }), makeAcl('ip', '127.0.0.1', { read: true })];
  const calls: Record<string, (client: KazooClient, acl: ACL[]) => Promise<unknown>> = {
    create: (client, acl) => client.create('/a', '', { acl }),
    'create with its parents': (client, acl) => client.create('/a/b', '', { acl, makepath: true }),
    ensurePath: (client, acl) => client.ensurePath('/a/b', { acl }),
    'a transaction': (client, acl) => {
      const transaction = client.transaction().create('/a', '', { acl });
      return Promise.resolve().then(() => transaction.commitOrThrow());
    },
    setAcls: (client, acl) => Promise.all([client.create('/a'), client.setAcls('/a', acl)]),
    'setAcls, recursive': (client, acl) => Promise.all([client.create('/a'), client.setAcls('/a', acl, { recursive: true })]),
  };
  test.each(Object.entries(calls))('%s', async (_, call) => {
    const { server, client } = await setUp();
    await suspend(server, client);
    const acl = theirs();
    const done = call(client, acl);
    Object.assign(acl[0]!, { perms: 1 });
    Object.assign(acl[1]!.id, { id: '10.0.0.1' });
    acl.push(null as unknown as ACL);
    server.refuseConnections(false);
    await done;
    expect((await client.getAcls('/a'))[0]).toEqual(theirs());
  });
});
