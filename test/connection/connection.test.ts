import { describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { ConnectionDropped } from '../../src/base/errors.ts';
import { OPS } from '../../src/codec/ops.ts';
import { DecodeError } from '../../src/codec/reader.ts';
import { Xid } from '../../src/codec/xid.ts';
import { Connection, type Exchange } from '../../src/connection/connection.ts';
import type { Transport } from '../../src/connection/transport.ts';
import { framed, replyFrame } from '../support/fake-server.ts';

const LIMIT = 1_024;

/** A connection over no network, what left on it, how often it rested, and how it ended. */
function open(maxRequestBytes = LIMIT, own: Partial<Transport> = {}) {
  const written: Buffer[] = [];
  const ended: Error[] = [];
  const clock = new ManualClock();
  const rest = vi.fn<() => void>();
  const destroy = vi.fn<() => void>();
  const transport: Transport = {
    onData: () => undefined,
    onClose: () => undefined,
    write: (bytes) => void written.push(Buffer.from(bytes)),
    rest,
    destroy,
    ...own,
  };
  const limits = { maxRequestBytes, maxResponseBytes: LIMIT };
  const events: [path: string, hasZxid: boolean][] = [];
  const sink = {
    event: (_type: number, path: string, hasZxid: boolean) => void events.push([path, hasZxid]),
    ended: (error: Error) => void ended.push(error),
  };
  const connection = new Connection(transport, clock, sink, limits);
  const hangUp = (error: Error | null): void => transport.onClose(error);
  return {
    connection,
    clock,
    written,
    rest,
    ended,
    events,
    destroy,
    hangUp,
    deliver: (...frames: Buffer[]) => transport.onData(Buffer.concat(frames)),
  };
}

/** A request that asks whether a path exists, and what became of it: error codes, or errors. */
function asking(outcomes: unknown[], row: Exchange['row'] = OPS.exists): Exchange {
  return { row, reply: (err) => void outcomes.push(err), fail: (error) => void outcomes.push(error) };
}
const REQUEST = { path: '/', watch: false };
const QUESTION = { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 1, sessionId: 0n, passwd: Buffer.alloc(16), readOnly: false };
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The announcement of a frame that is too long to be kept, and the first bytes of it. */
function oversized(xid: number, zxid: bigint, length = LIMIT + 1): Buffer {
  const head = replyFrame(xid, { zxid });
  return framed(Buffer.concat([head, Buffer.alloc(length - head.length)]));
}

function event(path: string, zxid: bigint): Buffer {
  const body = Buffer.alloc(12);
  body.writeInt32BE(path.length, 8);
  return framed(replyFrame(Xid.NOTIFICATION, { zxid, body: Buffer.concat([body, Buffer.from(path)]) }));
}

/** The answer to a handshake; that of a server before 3.4 does not say whether it is read-only. */
function confirmation(readOnly?: boolean): Buffer {
  const body = Buffer.alloc(36);
  body.writeInt32BE(9_000, 4);
  body.writeInt32BE(16, 16);
  return framed(readOnly === undefined ? body : Buffer.concat([body, Buffer.from([readOnly ? 1 : 0])]));
}

describe('a connection that has ended', () => {
  test('fails what is sent on it, writes nothing more, and tells of its first end only', async () => {
    const { connection, written, ended, destroy } = open();
    const outcomes: unknown[] = [];
    connection.send(asking(outcomes), REQUEST);
    const reason = new Error('enough');
    connection.end(reason);
    connection.end(new Error('again'));
    connection.send(asking(outcomes), REQUEST);
    connection.sendSide(Xid.AUTH, asking(outcomes, OPS.auth), { type: 0, scheme: 'digest', auth: Buffer.alloc(0) });
    connection.confirm(1_000);
    await tick();
    expect(outcomes).toEqual([expect.any(ConnectionDropped), expect.any(ConnectionDropped)]);
    expect(written).toEqual([]);
    expect(ended).toEqual([reason]);
    expect(destroy).toHaveBeenCalledOnce();
    expect(connection.takeInFlight()).toHaveLength(1);
  });

  test('before its handshake was answered rejects that', async () => {
    const { connection } = open();
    const greeting = connection.handshake(QUESTION);
    const reason = new Error('enough');
    connection.end(reason);
    await expect(greeting).rejects.toBe(reason);
  });
});

describe('a server that hangs up', () => {
  const reset = new Error('read ECONNRESET');

  test('on who has not been let in yet is said to have one of three reasons', async () => {
    const { connection, hangUp } = open();
    const greeting = connection.handshake(QUESTION);
    hangUp(null);
    await expect(greeting).rejects.toThrow(
      /^the server closed the connection before it answered the handshake: .*not be serving yet.*maxClientCnxns.*TLS/,
    );
  });

  test('on an unanswered request that is longer than servers usually allow is said to mind its length', () => {
    const { connection, ended, hangUp } = open(2 ** 21);
    connection.send(asking([], OPS.setData), { path: '/', data: Buffer.alloc(2 ** 20), version: -1 });
    connection.send(asking([]), REQUEST);
    hangUp(reset);
    expect(ended[0]?.message).toBe(
      'read ECONNRESET, perhaps because of a request of 1048597 bytes, which its jute.maxbuffer must allow',
    );
    expect(ended[0]?.cause).toBe(reset);
  });

  test('is not said to mind a length that it has answered, or that it is sure to allow', () => {
    const { connection, ended, deliver, hangUp } = open(2 ** 21);
    connection.send(asking([], OPS.setData), { path: '/', data: Buffer.alloc(2 ** 20), version: -1 });
    connection.send(asking([], OPS.setData), { path: '/', data: Buffer.alloc(2 ** 20 - 100), version: -1 });
    deliver(framed(replyFrame(1)));
    hangUp(reset);
    expect(ended[0]?.message).toBe('read ECONNRESET');
  });
});

describe('what a server says', () => {
  test.each([undefined, false, true])('in answer to the handshake, of being read-only: %s', async (readOnly) => {
    const { connection, deliver } = open();
    const greeting = connection.handshake(QUESTION);
    deliver(confirmation(readOnly));
    expect(await greeting).toMatchObject({ timeOut: 9_000, readOnly: readOnly ?? false, isShort: readOnly === undefined });
  });

  test('of a change tells whether it comes with the number of its transaction', () => {
    const { events, deliver } = open();
    deliver(event('/a', 5n), event('/b', -1n), event('/c', 2n ** 40n));
    expect(events).toEqual([
      ['/a', true],
      ['/b', false],
      ['/c', true],
    ]);
  });

  test('in answer to a ping is an answer to nothing else', () => {
    const { connection, ended, deliver } = open();
    const outcomes: unknown[] = [];
    connection.send(asking(outcomes), REQUEST);
    deliver(framed(replyFrame(Xid.PING)));
    expect([outcomes, ended, connection.inFlight]).toEqual([[], [], 1]);
  });

  test('is known by its time: the last byte’s, by a transport that knows better than this thread, and to the end', async () => {
    const { connection, clock, deliver } = open();
    const greeting = connection.handshake(QUESTION);
    clock.advance(7);
    deliver(confirmation(false));
    await greeting;
    clock.advance(5);
    expect(connection.lastReceived).toBe(7);
    connection.confirm(9_000);
    clock.advance(3);
    deliver(event('/a', -1n));
    clock.advance(2);
    expect(connection.lastReceived).toBe(15);
    connection.end(new Error('enough'));
    clock.advance(2);
    expect(connection.lastReceived).toBe(15);
    const elsewhere = open(LIMIT, { keepAlive: () => undefined, silence: () => 4 });
    elsewhere.clock.advance(10);
    expect(elsewhere.connection.lastReceived).toBe(6);
    elsewhere.connection.end(new Error('enough'));
    elsewhere.clock.advance(10);
    expect(elsewhere.connection.lastReceived).toBe(6);
  });
});

describe('what no server should send', () => {
  test('an answer to nothing, in the order of requests or out of it, ends the connection', () => {
    const none = open();
    none.deliver(framed(replyFrame(1)));
    expect(none.ended[0]?.message).toBe('received a reply with xid 1, but expected none');
    const other = open();
    other.connection.send(asking([]), REQUEST);
    other.deliver(framed(replyFrame(2)));
    expect(other.ended[0]?.message).toBe('received a reply with xid 2, but expected 1');
    const side = open();
    side.deliver(framed(replyFrame(Xid.AUTH)));
    expect(side.ended[0]).toBeInstanceOf(ConnectionDropped);
    expect(side.ended[0]?.cause).toBeInstanceOf(DecodeError);
  });

  // Beyond any path, a frame is not even kept.
  test.each([LIMIT + 1, 2 ** 20 + 1])('a frame of %d bytes fails the call it answers, and no other', (length) => {
    const { connection, ended, deliver } = open();
    const outcomes: unknown[] = [];
    connection.send(asking(outcomes), REQUEST);
    connection.send(asking(outcomes), REQUEST);
    deliver(oversized(1, 7n, length));
    expect(outcomes).toEqual([expect.objectContaining({ code: -5 })]);
    expect(connection.lastZxid).toBe(7n);
    deliver(framed(replyFrame(2, { err: -101, zxid: 8n })));
    expect(outcomes.slice(1)).toEqual([-101]);
    expect(ended).toEqual([]);
  });

  test('one of as many bytes as there may be is read', () => {
    const { connection, deliver } = open();
    const outcomes: unknown[] = [];
    connection.send(asking(outcomes), REQUEST);
    deliver(oversized(1, 7n, LIMIT));
    expect(outcomes).toEqual([0]);
  });

  test('an event is read however long its path is; one that is longer than any path is left out', () => {
    const { ended, events, deliver } = open();
    const path = `/${'x'.repeat(LIMIT)}`;
    deliver(event(path, -1n), oversized(Xid.NOTIFICATION, 5n, 2 ** 20 + 1));
    expect([events, ended]).toEqual([[[path, false]], []]);
  });

  test.each([0, 1])('too much in the place of the handshake’s answer, beginning with %d, ends the connection', async (first) => {
    const { connection, ended, deliver } = open();
    const greeting = connection.handshake(QUESTION);
    deliver(oversized(first, 1n));
    await expect(greeting).rejects.toBeInstanceOf(ConnectionDropped);
    expect(ended[0]?.message).toContain(`a frame of ${LIMIT + 1} bytes`);
  });
});

test('the zxid goes up with either half of it, and is none of those below zero', () => {
  const { connection, deliver } = open();
  const seen = [5n, 0n, -1n, 2n ** 31n + 1n, 2n ** 33n + 1n, -(2n ** 40n), 2n ** 33n + 2n].map((zxid, index) => {
    connection.send(asking([]), REQUEST);
    deliver(framed(replyFrame(index + 1, { err: -101, zxid })));
    return connection.lastZxid;
  });
  expect(seen).toEqual([5n, 5n, 5n, 2n ** 31n + 1n, 2n ** 33n + 1n, 2n ** 33n + 1n, 2n ** 33n + 2n]);
});

test('what restores a session goes out whatever the limit on requests', async () => {
  const { connection, written } = open();
  const auth = Buffer.alloc(LIMIT);
  connection.sendSide(Xid.AUTH, asking([], OPS.auth), { type: 0, scheme: 'digest', auth });
  await tick();
  expect(Buffer.concat(written).includes(auth)).toBe(true);
});

test('a transport that keeps the session alive by itself is given the ping to send', () => {
  const keepAlive = vi.fn<NonNullable<Transport['keepAlive']>>();
  open(LIMIT, { keepAlive }).connection.confirm(9_000);
  const ping = Uint8Array.of(0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11);
  expect(keepAlive).toHaveBeenCalledExactlyOnceWith({ sessionTimeout: 9_000, ping });
});

test('a transport that keeps alive by itself, and stood still for a session timeout, is found out by who asks', () => {
  let silence = 10_000;
  const { connection, ended, destroy } = open(LIMIT, { keepAlive: () => undefined, silence: () => silence });
  connection.look();
  connection.confirm(9_000);
  silence = 8_999;
  connection.look();
  expect(ended).toEqual([]);
  silence = 9_000;
  connection.look();
  connection.look();
  expect(ended).toEqual([expect.objectContaining({ code: 'event-loop-stall' })]);
  expect(destroy).toHaveBeenCalledOnce();
});

test('the zxid never goes back', () => {
  const { connection, deliver } = open();
  for (let request = 1; request <= 4; request++) connection.send(asking([]), REQUEST);
  const zxids = [2n ** 40n + 5n, 2n ** 40n + 4n, 2n ** 39n, 0n];
  zxids.forEach((zxid, index) => deliver(framed(replyFrame(index + 1, { err: -101, zxid }))));
  expect(connection.lastZxid).toBe(2n ** 40n + 5n);
});

test('a request that cannot be written fails by itself: those beside it leave whole', async () => {
  const { connection, written, ended } = open();
  const outcomes: unknown[] = [];
  connection.send(asking(outcomes), REQUEST);
  connection.send(asking(outcomes), { path: Symbol('none'), watch: false });
  connection.send(asking(outcomes), { path: `/${'x'.repeat(LIMIT)}`, watch: false });
  connection.send(asking(outcomes), REQUEST);
  await tick();
  const frame = 4 + 4 + 4 + 4 + 1 + 1;
  expect(Buffer.concat(written)).toHaveLength(2 * frame);
  expect(outcomes).toHaveLength(2);
  expect(connection.inFlight).toBe(2);
  expect(ended).toEqual([]);
});

describe('when requests go out', () => {
  test('one by itself as soon as its caller lets go; several in one write, behind what the microtasks of this tick send', async () => {
    const { connection, written, deliver } = open();
    const outcomes: unknown[] = [];
    connection.send(asking(outcomes), REQUEST);
    expect(written).toHaveLength(0);
    await Promise.resolve();
    expect(written).toHaveLength(1);
    deliver(framed(replyFrame(1, { err: -101 })));
    connection.send(asking(outcomes), REQUEST);
    connection.send(asking(outcomes), REQUEST);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    connection.send(asking(outcomes), REQUEST);
    expect(written).toHaveLength(1);
    await tick();
    expect(written.map(({ length }) => length)).toEqual([written[0]!.length, 3 * written[0]!.length]);
    expect(outcomes).toEqual([-101]);
  });

  test('much of it in a few writes, the first of which does not wait for the rest', async () => {
    const { connection, written } = open();
    const frame = 4 + 4 + 4 + 4 + 1 + 1;
    for (let i = 0; i < 1_000; i++) connection.send(asking([]), REQUEST);
    expect(written.map(({ length }) => length)).toEqual([228 * frame, 456 * frame]);
    await tick();
    expect(written.map(({ length }) => length / frame)).toEqual([228, 456, 316]);
    const all = Buffer.concat(written);
    for (let i = 0; i < 1_000; i++) expect(all.readInt32BE(i * frame + 4)).toBe(i + 1);
    // And from the beginning in the next tick; nothing is left to write at the end of one that just came out even.
    for (let i = 0; i < 228; i++) connection.send(asking([]), REQUEST);
    expect(written).toHaveLength(4);
    await tick();
    expect(written).toHaveLength(4);
  });
});

describe('when nothing is read for a moment', () => {
  /** Confirmed; `answer` brings the replies to the next requests, a chunk each. */
  function confirmed() {
    const opened = open();
    const { connection, deliver } = opened;
    let xid = 1;
    const answer = (count: number): void => {
      for (let i = 0; i < count; i++) deliver(framed(replyFrame(xid++, { err: -101 })));
    };
    const ask = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) connection.send(asking([]), REQUEST);
      await tick();
    };
    connection.confirm(60_000);
    return { ...opened, answer, ask };
  }

  /** One was answered at once; the next hundred have waited 10 ms, and others are behind them. */
  async function busy() {
    const opened = confirmed();
    await opened.ask(1);
    opened.answer(1);
    await opened.ask(100);
    await opened.ask(200);
    opened.clock.advance(10);
    return opened;
  }

  test('it is where many requests have waited long, and are answered one at a time', async () => {
    const { connection, rest, answer } = await busy();
    answer(99);
    expect(rest).not.toHaveBeenCalled();
    answer(1);
    expect(rest).toHaveBeenCalledTimes(1);
    answer(3);
    expect(rest).toHaveBeenCalledTimes(1);
    answer(1);
    expect(rest).toHaveBeenCalledTimes(2);
    connection.end(new Error('enough'));
  });

  test('a ping is not timed as if it were the request before it', async () => {
    const { connection, clock, rest, answer, ask } = confirmed();
    await ask(1);
    await ask(1);
    clock.advance(1);
    answer(1);
    clock.advance(20_000);
    await tick();
    answer(1);
    await ask(100);
    await ask(200);
    // Beside the 1 ms that the first took, no time in a queue.
    clock.advance(3.5);
    answer(300);
    expect(rest).not.toHaveBeenCalled();
    connection.end(new Error('enough'));
  });

  test('nor on a connection that ends by what was read', async () => {
    const { rest, answer, deliver, ended } = await busy();
    answer(99);
    deliver(framed(replyFrame(101, { err: -101 })), framed(replyFrame(4_711)));
    expect(ended).toHaveLength(1);
    expect(rest).not.toHaveBeenCalled();
  });
});

test('a clock that is moved by hand past a ping sends one, and goes on', async () => {
  const { connection, clock, written } = open();
  connection.confirm(6_000);
  clock.advance(2_400);
  await tick();
  expect(written).toHaveLength(1);
  connection.end(new Error('enough'));
});
