import { expect, test } from 'vitest';
import { UnimplementedError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op, type Script } from '../support/fake-server.ts';
import { rejection, told } from '../support/waiting.ts';

const MULTI = 14;

/** Servers before 3.4 end their greeting before the byte that tells of read-only mode. Every second connection asks a question. */
function antique(answer: (peer: Parameters<NonNullable<Script['accept']>>[0]) => void): Script {
  let connections = 0;
  return {
    accept: (peer) => {
      if (++connections % 2 === 1) return false;
      answer(peer);
      return true;
    },
    greet: (peer, { timeOut }) => {
      const body = Buffer.alloc(36);
      body.writeInt32BE(timeOut, 4);
      body.writeBigInt64BE(1n, 8);
      body.writeInt32BE(16, 16);
      peer.send(body);
    },
    request: (peer, { xid, op }) => {
      if (op !== MULTI) peer.reply(xid, { err: op === Op.exists ? -101 : 0 });
    },
  };
}

test('what a server before 3.4 would never answer is not sent, and the error names the version', async () => {
  await using server = await FakeServer.start(
    antique(({ socket }) => socket.end('Zookeeper version: 3.3.6-1366786, built on …\n')),
  );
  await using client = await new KazooClient({ hosts: server.connectString }).start();
  const error = await rejection(client.transaction().check('/a', -1).commit());
  expect(error).toBeInstanceOf(UnimplementedError);
  expect(error.message).toContain('multi needs ZooKeeper 3.4.0 or later');
  expect(await client.exists('/a')).toBeNull();
  expect(server.requests.map(({ op }) => op)).toEqual([Op.exists]);
});

test.each([
  ['another kind of server', (end: (text: string) => void) => end('Some Keeper version: v23.8\n')],
  ['a hang-up', (end: (text: string) => void) => end('')],
])('a server that does not tell its version is asked everything: %s', async (_, reply) => {
  await using server = await FakeServer.start(antique(({ socket }) => reply((text) => void socket.end(text))));
  await using client = await new KazooClient({ hosts: server.connectString, timeout: 600 }).start();
  const commit = client.transaction().check('/a', -1).commit({ timeout: 200 });
  expect(await rejection(commit)).toMatchObject({ code: -7 });
  expect(server.requests.map(({ op }) => op)).toEqual([MULTI]);
});

test('a version that is not told in time holds nothing up for long', async () => {
  await using server = await FakeServer.start(antique(() => undefined));
  await using client = new KazooClient({ hosts: server.connectString, timeout: 600 });
  await client.start();
  expect(await client.exists('/a')).toBeNull();
});

test('a server hangs up on what it does not know, once; what is asked later is refused here', async () => {
  await using server = await EmbeddedZooKeeper.start({ version: '3.4' });
  await using client = await new KazooClient(server.connectString).start();
  const suspended = told(client, 'SUSPENDED');
  const session = client.clientId!.sessionId;
  expect(await rejection(client.getAllChildrenNumber('/'))).toBeInstanceOf(UnimplementedError);
  await suspended;
  await client.create('/a');
  const states: string[] = [];
  client.on('state', (state) => void states.push(state));
  for (const call of [client.whoAmI(), client.addWatch('/a', () => undefined), client.create('/b', '', { includeData: true })]) {
    const error = await rejection(call);
    expect(error).toBeInstanceOf(UnimplementedError);
    expect(error.message).toMatch(/needs ZooKeeper 3\.[567]\.0 or later/);
  }
  expect(await client.getChildren('/')).toContain('a');
  expect(states).toEqual([]);
  expect(client.clientId!.sessionId).toBe(session);
});
