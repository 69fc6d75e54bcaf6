import { describe, expect, onTestFinished, test } from 'vitest';
import { ConnectionDropped, ConnectionLoss } from '../../src/base/errors.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { dataBody, FakeServer, framed, Op, replyFrame } from '../support/fake-server.ts';
import { record, rejection, until } from '../support/waiting.ts';
import { Rig } from './rig.ts';

const T = 9_000;
const MIB = 1024 * 1024;

async function connected(timeout = T, options: KazooClientOptions = {}): Promise<Rig> {
  const rig = new Rig(timeout, options);
  onTestFinished(async () => {
    const stopped = rig.client.stop();
    await rig.clock.advance(4_000 + timeout);
    await stopped;
  });
  await rig.start();
  return rig;
}

/** The four bytes that announce a frame, and its first ones. */
function announced(length: number, beginning: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(length);
  return Buffer.concat([head, beginning]);
}

/** Pings are answered, in the middle of a frame that never ends: bytes keep coming, and mean nothing (pain-points 1, 17). */
describe('a frame whose length is a mistake', () => {
  test.each([
    ['just below the limit', 64 * MIB - 1],
    ['over the limit, and skipped', 1_000 * MIB],
  ])('%s, costs the connection, not the calls behind it', async (_, length) => {
    const rig = await connected();
    const first = rejection(rig.client.exists('/first'));
    rig.peer.deliver(announced(length, replyFrame(1)));
    const call = rejection(rig.client.exists('/behind'));
    const begun = rig.clock.now();
    await rig.clock.advance(T);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
    expect(rig.states[1]!.at - begun).toBeGreaterThan((2 * T) / 3 - 25);
    expect(rig.states[1]!.at - begun).toBeLessThan((5 * T) / 6);
    const loss = await call;
    expect(loss).toBeInstanceOf(ConnectionLoss);
    expect(loss.cause).toBeInstanceOf(ConnectionDropped);
    expect((loss.cause as Error).message).toMatch(new RegExp(`a frame of ${length} bytes.*of which \\d+ have arrived.*9000 ms`));
    await first;
    expect(rig.happened.filter(({ what }) => what === 'ping').length).toBeGreaterThan(1);
  });

  test.each([100, 400, 4_000])('is found out with a session timeout of %i ms as well', async (timeout) => {
    const rig = await connected(timeout);
    rig.peer.deliver(announced(MIB, Buffer.alloc(3)));
    await rig.clock.advance(timeout);
    expect(rig.states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED']);
  });
});

describe('a reply over a slow link lives', () => {
  test.each([
    [100, 64 * 1024],
    [4_000, 4 * MIB],
    [30_000, 4 * MIB],
  ])('for as long as bytes flow: 10 KiB a second, a session timeout of %i ms', async (timeout, size) => {
    const rig = await connected(timeout);
    const data = Buffer.alloc(size, 7);
    const read = rig.client.get('/large');
    read.catch(() => undefined);
    rig.setAll('silent', 'a');
    const frame = framed(replyFrame(1, { body: dataBody(data) }));
    for (let at = 0; at < frame.length; at += 512) {
      rig.peer.deliver(frame.subarray(at, at + 512));
      await rig.clock.advance(50);
    }
    expect((await read)[0]!.equals(data)).toBe(true);
    expect(rig.states).toHaveLength(1);
  });

  test('beside others: many frames, each of which is unfinished when it is looked at', async () => {
    const rig = await connected();
    const event = framed(replyFrame(-1, { zxid: -1n, body: Buffer.from('0000000300000003000000022f61', 'hex') }));
    rig.setAll('silent', 'a');
    rig.peer.deliver(event.subarray(0, 10));
    for (let at = 0; at < 5 * T; at += 500) {
      rig.peer.deliver(event.subarray(10), event.subarray(0, 10));
      await rig.clock.advance(500);
    }
    expect(rig.states).toHaveLength(1);
  });
});

test('a frame that never ends, on a real socket: the client is connected again, and answers', async () => {
  await using server = await FakeServer.start({
    request: (peer, { xid, op }) => {
      if (server.peers.length === 1) return void peer.socket.write(announced(60 * MIB, replyFrame(xid)));
      peer.reply(xid, op === Op.exists ? { err: -101 } : {});
    },
  });
  await using client = new KazooClient({ hosts: server.connectString, timeout: 1_200 });
  const states = record(client);
  await client.start();
  const loss = await rejection(client.exists('/a'));
  expect(loss).toBeInstanceOf(ConnectionLoss);
  await until(() => states.length === 3, 'CONNECTED again');
  expect(await client.exists('/a')).toBeNull();
});
