import { expect, test } from 'vitest';
import { ACL, ANYONE_ID_UNSAFE, storedAcl } from '../../src/base/security.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op } from '../support/fake-server.ts';

const GET_ACL = 6;
const SYNC = 9;
const NULL = Buffer.from([0xff, 0xff, 0xff, 0xff]);
const STAT = Buffer.alloc(68);

/** A client of a server that answers one kind of request with these bytes. */
async function answering(op: number, body: Buffer): Promise<{ client: KazooClient } & AsyncDisposable> {
  const server = await FakeServer.start({
    request: (peer, request) => peer.reply(request.xid, request.op === op ? { body } : {}),
  });
  const client = await new KazooClient(server.connectString).start();
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.stop();
      await server.close();
    },
  };
}

// The wire allows null wherever there is a string, a buffer or a vector; ZooKeeper's own servers do not use it here.
test('an ACL that is null is empty, and so are the parts of an id', async () => {
  await using none = await answering(GET_ACL, Buffer.concat([NULL, STAT]));
  expect((await none.client.getAcls('/'))[0]).toEqual([]);
  await using blank = await answering(GET_ACL, Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 31]), NULL, NULL, STAT]));
  const [[acl]] = await blank.client.getAcls('/');
  expect(acl).toMatchObject({ perms: 31, id: { scheme: '', id: '' } });
});

test('a sync that does not name its path is of the one that was asked for', async () => {
  await using odd = await answering(SYNC, NULL);
  expect(await odd.client.sync('/a')).toBe('/a');
});

test('a configuration without data is empty', async () => {
  await using odd = await answering(Op.getData, Buffer.concat([NULL, STAT]));
  expect((await odd.client.getConfig())[0]).toEqual(Buffer.alloc(0));
  await using changed = await answering(16, Buffer.concat([NULL, STAT]));
  expect((await changed.client.reconfig({ leaving: '3' }))[0]).toEqual(Buffer.alloc(0));
});

test.each([-1, 95])('an ACL of the bits %i is read as the server has it, and can be given to another node', async (perms) => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  const odd = storedAcl(perms, ANYONE_ID_UNSAFE);
  await client.create('/a', '', { acl: [odd] });
  const [acls] = await client.getAcls('/a');
  expect(acls).toEqual([odd]);
  expect(acls[0]).toBeInstanceOf(ACL);
  expect(acls[0]!.aclList).toEqual(['ALL']);
  await client.setAcls('/', acls);
  expect((await client.getAcls('/'))[0]).toEqual(acls);
});
