import { describe, expect, test } from 'vitest';
import { ConnectionLoss, NoAuthError, OperationTimeoutError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, framed, Op, replyFrame, type FakePeer, type FakeRequest } from '../support/fake-server.ts';
import { rejection, told, until } from '../support/waiting.ts';

const ADD_WATCH = 106;
const [CREATED, CHANGED] = [1, 3];
/** What an addWatch is answered with: a code again, zero. */
const ADDED = { body: Buffer.alloc(4) };

/** A server of which each addWatch is answered as the test says, and everything else as if there were no nodes. */
function server(addWatch: (peer: FakePeer, request: FakeRequest) => void): Promise<FakeServer> {
  return FakeServer.start({
    request: (peer, request) => {
      if (request.op === ADD_WATCH) addWatch(peer, request);
      else if (request.op === Op.setWatches || request.op === Op.setWatches2) peer.reply(-8);
      else peer.reply(request.xid, { err: request.op === Op.exists ? -101 : 0 });
    },
  });
}

describe.each([false, true])('a persistent watch, recursive: %s', (recursive) => {
  test('that is refused leaves nothing: no listener, no request, nothing to restore', async () => {
    await using fake = await server((peer, { xid }) => peer.reply(xid, { err: -102 }));
    await using client = new KazooClient(fake.connectString);
    await client.start();
    const events: string[] = [];
    const refused = await rejection(client.addWatch('/a', ({ type }) => void events.push(type), { recursive }));
    expect(refused).toBeInstanceOf(NoAuthError);
    fake.peers[0]!.event(CREATED, '/a');
    await client.exists('/other');
    expect(fake.requests.map(({ op }) => op)).toEqual([ADD_WATCH, Op.exists]);
    const suspended = told(client, 'SUSPENDED');
    fake.peers[0]!.socket.destroy();
    await suspended;
    await client.exists('/other');
    expect(events).toEqual([]);
    expect(fake.requests.map(({ op }) => op).filter((op) => op === Op.setWatches || op === Op.setWatches2)).toEqual([]);
  });

  test('whose reply does not come in time leaves nothing, here or at the server', async () => {
    await using embedded = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(embedded.connectString).start();
    await using other = await new KazooClient(embedded.connectString).start();
    const events: string[] = [];
    embedded.freeze();
    const late = await rejection(client.addWatch('/a', ({ type }) => void events.push(type), { recursive, timeout: 50 }));
    embedded.thaw();
    expect(late).toBeInstanceOf(OperationTimeoutError);
    await client.sync('/');
    let left = '';
    await until(() => {
      void client.command('mntr').then((answer) => (left = answer));
      return left.includes('zk_watch_count\t0\n');
    }, 'the removal at the server');
    await other.create('/a');
    await client.sync('/');
    expect(events).toEqual([]);
  });

  test('whose reply is lost leaves nothing', async () => {
    await using fake = await server((peer) => void peer.socket.destroy());
    await using client = new KazooClient(fake.connectString);
    await client.start();
    const events: string[] = [];
    const failed = rejection(client.addWatch('/a', ({ type }) => void events.push(type), { recursive }));
    expect(await failed).toBeInstanceOf(ConnectionLoss);
    await client.exists('/other');
    fake.peers[1]!.event(CREATED, '/a');
    await client.exists('/other');
    expect(events).toEqual([]);
    expect(fake.requests.some(({ op }) => op === Op.setWatches2)).toBe(false);
  });

  test('hears every event behind its reply, those in the same packet too, and none before it', async () => {
    await using fake = await server((peer, { xid }) => {
      peer.event(CREATED, '/a');
      const event = (type: number): Buffer => {
        const body = Buffer.alloc(14);
        body.writeInt32BE(type, 0);
        body.writeInt32BE(3, 4);
        body.writeInt32BE(2, 8);
        body.write('/a', 12);
        return framed(replyFrame(-1, { body, zxid: -1n }));
      };
      peer.socket.write(Buffer.concat([framed(replyFrame(xid, ADDED)), event(CHANGED), event(CHANGED)]));
    });
    await using client = new KazooClient(fake.connectString);
    await client.start();
    const events: string[] = [];
    // Somebody else's watch on the path, which the first event is for.
    await client.exists('/a', { watch: ({ type }) => void events.push(`one-shot ${type}`) });
    await client.addWatch('/a', ({ type }) => void events.push(type), { recursive });
    fake.peers[0]!.event(CHANGED, '/a');
    await until(() => events.length === 4, 'the events');
    expect(events).toEqual(['one-shot CREATED', 'CHANGED', 'CHANGED', 'CHANGED']);
  });

  test('given up while it is under way is taken back at the server, once it is there', async () => {
    let answer = (): void => undefined;
    await using fake = await server((peer, { xid }) => (answer = () => peer.reply(xid, ADDED)));
    await using client = new KazooClient(fake.connectString);
    await client.start();
    const abort = new AbortController();
    const events: string[] = [];
    const adding = rejection(client.addWatch('/a', ({ type }) => void events.push(type), { recursive, signal: abort.signal }));
    await until(() => fake.requests.length === 1, 'the request');
    abort.abort(new Error('enough'));
    expect((await adding).message).toBe('enough');
    answer();
    fake.peers[0]!.event(CREATED, '/a');
    await until(() => fake.requests.length === 2, 'the removal');
    expect(fake.requests[1]!.op).toBe(Op.removeWatches);
    expect(events).toEqual([]);
  });

  test('given up in the very turn of its reply is taken back, too', async () => {
    let held = -1;
    await using fake = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op === Op.exists) held = xid;
        else if (op !== ADD_WATCH) peer.reply(xid);
        else peer.socket.write(Buffer.concat([framed(replyFrame(held, { err: -101 })), framed(replyFrame(xid, ADDED))]));
      },
    });
    await using client = new KazooClient(fake.connectString);
    await client.start();
    const abort = new AbortController();
    const events: string[] = [];
    void client.exists('/b').then(() => abort.abort(new Error('enough')));
    const adding = client.addWatch('/a', ({ type }) => void events.push(type), { recursive, signal: abort.signal });
    expect((await rejection(adding)).message).toBe('enough');
    await until(() => fake.requests.at(-1)!.op === Op.removeWatches, 'the removal');
    fake.peers[0]!.event(CREATED, '/a');
    await client.removeWatches('/c', 'data');
    expect(events).toEqual([]);
  });
});
