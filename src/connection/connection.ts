import type { Clock } from '../base/clock.ts';
import { ConnectionDropped, errorForCode, MarshallingError } from '../base/errors.ts';
import { Ring } from '../base/ring.ts';
import { TURN } from '../base/turn.ts';
import type { AnyField, ValueOf } from '../codec/fields.ts';
import { FrameSplitter, type FrameSink } from '../codec/frame.ts';
import { OPS, type RequestOf } from '../codec/ops.ts';
import { DecodeError, Reader } from '../codec/reader.ts';
import { connectRequest, connectResponse, watcherEvent } from '../codec/records.ts';
import { Writer } from '../codec/writer.ts';
import { nextXid, Xid } from '../codec/xid.ts';
import { FrameWatch } from './frame-watch.ts';
import { Heartbeat, stalled } from './heartbeat.ts';
import { ReadPace } from './read-pace.ts';
import type { Transport } from './transport.ts';

/** A request in flight: the connection calls exactly one of `reply` and `fail`. */
export interface Exchange {
  readonly row: { readonly code: number; readonly request: AnyField };
  /** Reads the body in the same tick. A DecodeError from it fails only this request. The zxid of the reply's header comes in two halves. */
  reply(err: number, reader: Reader, zxidHigh: number, zxidLow: number): void;
  fail(error: Error): void;
}

export interface ConnectionSink {
  /** @param hasZxid whether the header names the event's transaction: since 3.9, except for events that make up for missed ones */
  event(type: number, path: string, hasZxid: boolean): void;
  /** The connection has ended; `takeInFlight` returns everything in flight. Called once. */
  ended(error: Error): void;
}

export type ConnectReply = ValueOf<typeof connectResponse> & {
  readonly readOnly: boolean;
  /** The reply ends before `readOnly`, as those of servers before 3.4 do. */
  readonly isShort: boolean;
};
export type ConnectQuestion = ValueOf<typeof connectRequest>;

/**
 * One socket, from its first byte to its last: handshake, xids, order of replies, heartbeats (docs/protocol.md, "Handshake", "Requests and replies").
 *
 *   send ──> [ writer: all of this tick ] ──> a write        in flight:  oldest unanswered … newest ← push
 *
 * Requests with a reserved xid (ping, auth, setWatches) are answered out of that order.
 */
export class Connection implements FrameSink {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #sink: ConnectionSink;
  readonly #splitter: FrameSplitter;
  readonly #writer = new Writer();
  readonly #reader = new Reader(Buffer.alloc(0));
  readonly #maxResponseBytes: number;
  readonly #maxRequestBytes: number;
  readonly #side: { readonly xid: number; readonly exchange: Exchange }[] = [];
  readonly #inFlight = new Ring<Exchange>();
  readonly #pace = new ReadPace();
  /** Replies in the current chunk. */
  #replies = 0;
  #xid: number;
  /** The last xid written to the transport, not merely appended. */
  #written = 0;
  /** The last request that is longer than many servers allow. */
  #long: { readonly xid: number; readonly bytes: number } | undefined;
  /** The xid of the oldest request in flight: xids are consecutive. */
  #nextAnswered: number;
  #zxidHigh = 0;
  #zxidLow = 0;
  #heartbeat: Heartbeat | undefined;
  #frameWatch: FrameWatch | undefined;
  #handshake: ((reply: ConnectReply | Error) => void) | undefined;
  #flushing = false;
  /** Once so many bytes are appended, they are written without waiting for the end of the tick. */
  #enough = FIRST_WRITE;
  #ended = false;
  #lastReceived: number;
  /** The session timeout, once there is a session. */
  #lifetime = Infinity;

  constructor(
    transport: Transport,
    clock: Clock,
    sink: ConnectionSink,
    options: { maxRequestBytes: number; maxResponseBytes: number; firstXid?: number | undefined },
  ) {
    this.#transport = transport;
    this.#clock = clock;
    this.#sink = sink;
    this.#maxResponseBytes = options.maxResponseBytes;
    this.#maxRequestBytes = options.maxRequestBytes;
    this.#xid = (options.firstXid ?? 1) - 1;
    this.#nextAnswered = nextXid(this.#xid);
    this.#lastReceived = clock.now();
    this.#splitter = new FrameSplitter(this, Math.max(options.maxResponseBytes, LONGEST_EVENT));
    transport.onData = (chunk) => this.#receive(chunk);
    transport.onClose = (cause) =>
      this.end(
        new ConnectionDropped(
          (cause?.message ?? 'the server closed the connection') + this.#supposition(),
          cause === null ? undefined : { cause },
        ),
      );
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** When the last byte arrived, by the clock. */
  get lastReceived(): number {
    return this.#ended
      ? this.#lastReceived
      : (this.#heartbeat?.lastReceived ?? this.#receivedBy(this.#transport) ?? this.#lastReceived);
  }

  /** The highest zxid of a reply; notifications do not count, because several may share one (ZOOKEEPER-4655). */
  get lastZxid(): bigint {
    return (BigInt(this.#zxidHigh) << 32n) | BigInt(this.#zxidLow);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Presents the session, and resolves with the server's answer. Rejects if the connection ends first. */
  handshake(question: ConnectQuestion): Promise<ConnectReply> {
    return new Promise((resolve, reject) => {
      this.#handshake = (reply) => (reply instanceof Error ? reject(reply) : resolve(reply));
      const frame = new Writer();
      frame.int(0);
      connectRequest.write(frame, question);
      frame.intAt(0, frame.length - 4);
      this.#transport.write(frame.take());
    });
  }

  /** The session is confirmed: from here on the heartbeat monitors it. */
  confirm(sessionTimeout: number): void {
    if (this.#ended) return;
    this.#lifetime = sessionTimeout;
    this.#frameWatch = new FrameWatch(this.#clock, sessionTimeout, this.#splitter, (error) => this.end(error));
    if (this.#transport.keepAlive !== undefined) return this.#transport.keepAlive({ sessionTimeout, ping: pingFrame() });
    this.#heartbeat = new Heartbeat(this.#clock, sessionTimeout, {
      ping: () => this.#write(Xid.PING, OPS.ping, undefined),
      dead: (error) => this.end(error),
    });
  }

  /** For callers that run right after an event-loop stall, before any timer: ends the connection if its session may be over. */
  look(): void {
    this.#heartbeat?.look();
    // A transport that pings in another thread may have stalled with the whole process, without having reported it yet.
    const silence = this.#transport.silence?.() ?? 0;
    if (silence >= this.#lifetime) this.end(stalled(silence));
  }

  /** Sends a request; its reply comes in the order of sending. */
  send(exchange: Exchange, request: unknown): void {
    if (this.#ended) return exchange.fail(new ConnectionDropped('the connection has ended'));
    const xid = nextXid(this.#xid);
    let bytes: number;
    try {
      bytes = this.#write(xid, exchange.row, request);
    } catch (error) {
      return exchange.fail(error as Error);
    }
    if (bytes > this.#maxRequestBytes) return exchange.fail(tooLarge(bytes, this.#maxRequestBytes));
    if (bytes > USUAL_MAX_BUFFER) this.#long = { xid, bytes };
    this.#xid = xid;
    this.#inFlight.push(exchange);
  }

  /** Sends a credential or watches to restore; their replies have reserved xids. */
  sendSide(
    xid: typeof Xid.AUTH | typeof Xid.SET_WATCHES,
    exchange: Exchange,
    request: RequestOf<'auth' | 'setWatches' | 'setWatches2'>,
  ): void {
    if (this.#ended) return exchange.fail(new ConnectionDropped('the connection has ended'));
    this.#side.push({ xid, exchange });
    this.#write(xid, exchange.row, request);
  }

  /** Everything unanswered, oldest first; the caller settles it. */
  takeInFlight(): Exchange[] {
    return [...this.#side.splice(0).map(({ exchange }) => exchange), ...this.#inFlight.takeAll()];
  }

  end(error: Error): void {
    if (this.#ended) return;
    this.#lastReceived = this.lastReceived;
    this.#ended = true;
    this.#heartbeat?.stop();
    this.#frameWatch?.stop();
    this.#splitter.stop();
    this.#transport.onData = () => undefined;
    this.#transport.onClose = () => undefined;
    this.#transport.destroy();
    const handshake = this.#handshake;
    this.#handshake = undefined;
    handshake?.(error);
    this.#sink.ended(error);
  }

  frame(buffer: Buffer, start: number, end: number, whole: boolean): void {
    try {
      const reader = this.#reader.reset(buffer, start, end, whole);
      const greets = this.#handshake !== undefined;
      if (end - start > this.#maxResponseBytes && (greets || buffer.readInt32BE(start) > 0))
        this.oversized(buffer.subarray(start, end), end - start);
      else if (greets) this.#finishHandshake(reader);
      else this.#dispatch(reader);
    } catch (cause) {
      this.end(new ConnectionDropped(`the server violated the protocol: ${(cause as Error).message}`, { cause }));
    }
  }

  oversized(head: Buffer, length: number): void {
    if (this.#handshake !== undefined || head.length < 16) return this.broken(length);
    const reader = this.#reader.reset(head, 0, head.length);
    const xid = reader.int();
    this.#noteZxid(reader.int(), reader.int());
    if (xid < 0) return;
    const error = new MarshallingError(undefined, {
      cause: new RangeError(
        `the reply has ${length} bytes, more than maxResponseBytes (${this.#maxResponseBytes}); raise that option to read it`,
      ),
    });
    this.#take(xid)?.fail(error);
  }

  broken(length: number): void {
    this.end(new ConnectionDropped(`the server sent a frame of ${length} bytes, which the protocol does not allow`));
  }

  /** A server that hangs up does not say why: the likely reason. */
  #supposition(): string {
    if (this.#handshake !== undefined)
      return ' before it answered the handshake: it may not be serving yet, allow no more connections from this address (maxClientCnxns), or expect TLS';
    return this.#long !== undefined && this.#long.xid >= this.#nextAnswered
      ? `, perhaps because of a request of ${this.#long.bytes} bytes, which its jute.maxbuffer must allow`
      : '';
  }

  /** When the last byte arrived, by our clock, if the transport knows that better than this thread. */
  #receivedBy({ silence }: Transport): number | undefined {
    return silence === undefined ? undefined : this.#clock.now() - silence();
  }

  #receive(chunk: Buffer): void {
    const heartbeat = this.#heartbeat;
    if (heartbeat === undefined) this.#lastReceived = this.#clock.now();
    else if (!heartbeat.received()) return;
    this.#replies = 0;
    this.#splitter.push(chunk);
    if (heartbeat === undefined || this.#ended) return;
    const { lastReceived } = heartbeat;
    if (this.#pace.received(lastReceived, chunk.length, this.#replies, this.#inFlight.size)) this.#transport.rest?.();
  }

  #finishHandshake(reader: Reader): void {
    if (reader.remaining === REPLY_HEADER) return this.#refused(reader);
    const reply = connectResponse.read(reader);
    const finish = this.#handshake!;
    this.#handshake = undefined;
    const isShort = reader.remaining === 0;
    finish({ ...reply, isShort, readOnly: !isShort && reader.boolean() });
  }

  /** Some servers refuse a session by a reply with an error, for example read-only ones that may not open one (seen on 3.9.5). */
  #refused(reader: Reader): void {
    for (let skipped = 4; skipped < REPLY_HEADER; skipped += 4) reader.int();
    const cause = errorForCode(reader.int());
    this.end(new ConnectionDropped(`the server refused the session: ${cause.message}`, { cause }));
  }

  #dispatch(reader: Reader): void {
    const xid = reader.int();
    const high = reader.int();
    const low = reader.int();
    const err = reader.int();
    if (xid > 0) {
      this.#noteZxid(high, low);
      const exchange = this.#take(xid);
      if (exchange !== undefined) answer(exchange, err, reader, high, low);
    } else if (xid === Xid.NOTIFICATION) {
      const { type, path } = watcherEvent.read(reader);
      this.#sink.event(type, path, high >= 0);
    } else if (xid !== Xid.PING) {
      this.#sideReply(xid, err, reader);
    }
  }

  #sideReply(xid: number, err: number, reader: Reader): void {
    const index = this.#side.findIndex((envelope) => envelope.xid === xid);
    if (index < 0) throw new DecodeError(`a reply with xid ${xid}, for which no request is waiting`);
    const [envelope] = this.#side.splice(index, 1);
    answer(envelope!.exchange, err, reader, 0, 0);
  }

  /** The oldest request in flight, which the reply must match (Kazoo RQ-2); a mismatch ends the connection, not the client (D-3). */
  #take(xid: number): Exchange | undefined {
    const exchange = this.#inFlight.oldest;
    if (exchange === undefined || xid !== this.#nextAnswered) {
      const expected = exchange === undefined ? 'none' : this.#nextAnswered;
      this.end(new ConnectionDropped(`received a reply with xid ${xid}, but expected ${expected}`));
      return undefined;
    }
    this.#nextAnswered = nextXid(xid);
    this.#inFlight.shift();
    this.#replies++;
    return exchange;
  }

  #noteZxid(high: number, low: number): void {
    const unsigned = low >>> 0;
    if (high < this.#zxidHigh || (high === this.#zxidHigh && unsigned < this.#zxidLow)) return;
    this.#zxidHigh = high;
    this.#zxidLow = unsigned;
  }

  /** Appends a request, unless it exceeds the limit. Returns its size. */
  #write(xid: number, row: { readonly code: number; readonly request: AnyField }, request: unknown): number {
    const writer = this.#writer;
    const start = writer.length;
    writer.int(0);
    writer.int(xid);
    writer.int(row.code);
    try {
      row.request.write(writer, request as never);
    } catch (error) {
      // Half a frame must not be sent.
      writer.truncate(start);
      throw error;
    }
    const bytes = writer.length - start - 4;
    if (bytes > this.#maxRequestBytes && xid > 0) {
      writer.truncate(start);
      return bytes;
    }
    writer.intAt(start, bytes);
    if (!this.#flushing) {
      this.#flushing = true;
      if (this.#inFlight.size === 0) void TURN.then(this.#flushIfAlone);
      else process.nextTick(this.#flush);
    } else if (writer.length >= this.#enough) {
      this.#enough *= 2;
      this.#transport.write(writer.take());
    }
    return bytes;
  }

  /** A single request is sent as soon as its caller yields: a tick costs as much as everything else done for it. */
  readonly #flushIfAlone = (): void => {
    if (this.#inFlight.size > 1) process.nextTick(this.#flush);
    else this.#flush();
  };

  /** After the microtasks of a tick, so that their requests are sent in few writes, which is cheaper for both sides. */
  readonly #flush = (): void => {
    this.#flushing = false;
    this.#enough = FIRST_WRITE;
    if (this.#ended) return;
    if (this.#writer.length > 0) this.#transport.write(this.#writer.take());
    if (this.#heartbeat === undefined) return;
    const now = this.#heartbeat.sent();
    // A ping alone is not a request.
    if (this.#written !== this.#xid) this.#pace.sent(now, this.#inFlight.size);
    this.#written = this.#xid;
  };
}

/** Bytes. If a tick has more, this much is sent while the rest is being encoded; each further part of the same tick is twice as long. */
const FIRST_WRITE = 4096;

/** Bytes. No limit on replies may lose an event: its path came in a request, which servers limit to a mebibyte. */
const LONGEST_EVENT = 2 ** 20;

/** Bytes: a server's default limit for a request. */
const USUAL_MAX_BUFFER = 0xf_ffff;

/** Bytes: xid, zxid and error code. The reply to a handshake is longer. */
const REPLY_HEADER = 16;

function pingFrame(): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  for (const value of [8, Xid.PING, OPS.ping.code]) writer.int(value);
  return Uint8Array.from(writer.take());
}

/** The error for a request on which the server would hang up. */
export function tooLarge(bytes: number, limit: number): RangeError {
  return new RangeError(
    `the request has ${bytes} bytes, more than maxRequestBytes (${limit}); before you raise that option, the server's jute.maxbuffer must allow it`,
  );
}

function answer(exchange: Exchange, err: number, reader: Reader, zxidHigh: number, zxidLow: number): void {
  try {
    exchange.reply(err, reader, zxidHigh, zxidLow);
  } catch (cause) {
    exchange.fail(new MarshallingError(undefined, { cause }));
  }
}
