import type { Socket } from 'node:net';
// Node's own: a test runner's replacement may never run the callback.
import { setImmediate } from 'node:timers';
import type { Timer } from '../base/clock.ts';
import { FrameSplitter, type FrameSink } from '../codec/frame.ts';
import { Reader } from '../codec/reader.ts';
import { Xid } from '../codec/xid.ts';
import type { Identity } from './acl.ts';
import type { Caller, ConnectionStatistics } from './caller.ts';
import type { Dispatcher } from './dispatcher.ts';
import { isWord, wordLength } from './four-letter-words.ts';
import { shakeHands } from './handshake.ts';
import { javaAddress } from './ip-address.ts';
import { JavaWriter } from './java-writer.ts';
import type { SaslExchange } from './sasl-server.ts';
import type { Session } from './server-sessions.ts';
import type { ServerState } from './server-state.ts';

/** The parts of its server that a connection uses. */
export interface PeerHost {
  readonly state: ServerState;
  readonly dispatcher: Dispatcher;
  /** While true, nothing is processed. */
  readonly frozen: boolean;
  /** The answer to a four-letter word. */
  answer(word: string, argument: Buffer): string;
  /** The connection has a session. */
  greeted(peer: Peer): void;
  /** The connection has ended. */
  ended(peer: Peer): void;
}

const NOTHING = Buffer.alloc(0);
/** Bytes; longer batches of replies are sent early. */
const BATCH = 256 * 1024;
/** Bytes of waiting requests after which the socket is no longer read. */
const HELD = 1024 * 1024;
const HEADER = 8;

interface Held {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * One connection, from its first byte to its last.
 *
 * Everything written in one turn of the event loop, replies and events, goes into one socket write. While the client does not read, a fault
 * delays or the server is frozen, requests are held; beyond a megabyte of them the socket is no longer read.
 */
export class Peer implements Caller, FrameSink {
  session: Session | null = null;
  sasl: SaslExchange | null = null;
  readonly address: string;
  readonly port: number;
  readonly statistics: ConnectionStatistics;
  readonly #host: PeerHost;
  readonly #socket: Socket;
  readonly #identities: Identity[];
  readonly #writer = new JavaWriter();
  readonly #reader = new Reader(NOTHING);
  readonly #splitter: FrameSplitter;
  /** The first bytes, until they are recognised as a word or a length. */
  #greeting: Buffer | null = NOTHING;
  #held: Held[] = [];
  #heldBytes = 0;
  #draining = false;
  #delay: Timer | null = null;
  #flushing = false;
  #open = true;
  /** The number of bytes that a fault still allows to be sent. */
  #allowance = Infinity;

  constructor(host: PeerHost, socket: Socket) {
    const { state } = host;
    this.#host = host;
    this.#socket = socket;
    this.address = javaAddress(socket.remoteAddress ?? '');
    this.port = socket.remotePort ?? 0;
    this.#identities = [{ scheme: 'ip', id: this.address }];
    this.#splitter = new FrameSplitter(this, state.options.juteMaxbuffer, 0);
    this.statistics = {
      received: 0,
      sent: 0,
      lastXid: 0,
      lastZxid: 0,
      lastOp: null,
      established: state.options.clock.wallTime(),
    };
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.#end());
  }

  get identities(): readonly Identity[] {
    return this.#identities;
  }

  addIdentity({ scheme, id }: Identity): void {
    if (!this.#identities.some((known) => known.scheme === scheme && known.id === id)) this.#identities.push({ scheme, id });
  }

  deliver(type: number, path: string, zxid: number): void {
    if (!this.#open) return;
    const writer = this.#writer;
    const start = writer.length;
    writer.int(0);
    writer.int(Xid.NOTIFICATION);
    writer.longNumber(this.#host.state.version.features.eventZxid ? zxid : -1);
    writer.int(0);
    writer.int(type);
    writer.int(SYNC_CONNECTED);
    writer.string(path);
    writer.intAt(start, writer.length - start - 4);
    this.statistics.sent++;
    this.#host.state.statistics.sent++;
    this.#scheduleFlush();
  }

  /** Sends what was written, but reads nothing more. */
  close(): void {
    if (!this.#open) return;
    this.#flush();
    this.#end();
    this.#socket.destroySoon();
  }

  /** Closes at once, dropping anything not sent yet. */
  destroy(): void {
    this.#end();
    this.#socket.destroy();
  }

  /** Processes held requests, if there is no reason left to hold them. */
  resume(): void {
    if (!this.#host.frozen) this.#flush();
    if (this.#greeting !== null) this.#receive(NOTHING);
    while (this.#held.length > 0 && !this.#isHolding) {
      const { buffer, start, end } = this.#held.shift()!;
      this.#heldBytes -= end - start;
      this.#handle(buffer, start, end);
    }
    if (this.#open && !this.#isHolding) this.#socket.resume();
  }

  frame(buffer: Buffer, start: number, end: number): void {
    if (!this.#isHolding && this.#held.length === 0) return this.#handle(buffer, start, end);
    this.#held.push({ buffer, start, end });
    this.#heldBytes += end - start;
    if (this.#heldBytes > HELD) this.#socket.pause();
  }

  oversized(): void {
    this.close();
  }

  broken(): void {
    this.close();
  }

  get #isHolding(): boolean {
    return this.#draining || this.#delay !== null || this.#host.frozen;
  }

  #receive(chunk: Buffer): void {
    if (!this.#open) return;
    if (this.#greeting === null) return this.#splitter.push(chunk);
    const greeting = this.#greeting.length === 0 ? chunk : Buffer.concat([this.#greeting, chunk]);
    this.#greeting = greeting;
    if (greeting.length < 4) return;
    const word = greeting.toString('latin1', 0, 4);
    if (isWord(word)) return this.#answerWord(word, greeting);
    this.#greeting = null;
    this.#splitter.push(greeting);
  }

  #answerWord(word: string, greeting: Buffer): void {
    if (greeting.length < wordLength(word) || this.#host.frozen) return;
    const text = this.#host.answer(word, greeting.subarray(4));
    this.#end();
    this.#socket.end(text, () => this.#socket.destroySoon());
  }

  #handle(buffer: Buffer, start: number, end: number): void {
    const { session } = this;
    if (!this.#open) return;
    const reader = this.#reader.reset(buffer, start, end);
    if (session === null) this.#greet(reader);
    else if (end - start < HEADER) this.close();
    else this.#serve(session, reader, { buffer, start, end });
  }

  #greet(reader: Reader): void {
    this.#allowance = this.#host.state.faults.nextCut();
    const outcome = shakeHands(this.#host.state, this, reader, this.#writer);
    if (typeof outcome === 'string') return this.close();
    this.session = outcome;
    this.#host.greeted(this);
    this.#scheduleFlush();
  }

  #serve(session: Session, reader: Reader, frame: Held): void {
    const name = this.#host.dispatcher.name(frame.buffer.readInt32BE(frame.start + 4));
    const delay = name === undefined ? 0 : this.#host.state.faults.delayOf(name);
    if (delay === 0) return this.#perform(session, reader);
    this.#delay = this.#host.state.options.clock.timer(delay, () => {
      this.#delay = null;
      this.#perform(session, this.#reader.reset(frame.buffer, frame.start, frame.end));
      this.resume();
    });
  }

  #perform(session: Session, reader: Reader): void {
    const xid = reader.int();
    const opcode = reader.int();
    const { state, dispatcher } = this.#host;
    const { statistics } = this;
    statistics.received++;
    statistics.sent++;
    state.statistics.received++;
    state.statistics.sent++;
    statistics.lastXid = xid;
    statistics.lastOp = dispatcher.name(opcode) ?? null;
    const stays = dispatcher.dispatch(this, session, reader, xid, opcode, this.#writer);
    statistics.lastZxid = state.tree.zxid;
    if (!stays) return this.close();
    this.#scheduleFlush();
    if (this.#writer.length > BATCH) this.#flush();
  }

  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (!this.#host.frozen) this.#flush();
    });
  }

  #flush(): void {
    if (!this.#open || this.#writer.length === 0) return;
    const bytes = this.#writer.take();
    if (bytes.length >= this.#allowance) return this.#cut(bytes);
    this.#allowance -= bytes.length;
    if (this.#socket.write(bytes)) return;
    this.#draining = true;
    this.#socket.pause();
  }

  #cut(bytes: Buffer): void {
    this.#end();
    this.#socket.write(bytes.subarray(0, this.#allowance));
    this.#socket.destroySoon();
  }

  #drained(): void {
    this.#draining = false;
    this.resume();
  }

  /** Ends the connection for the server, even if its socket still has data to send. */
  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#splitter.stop();
    this.#held = [];
    this.#delay?.cancel();
    if (this.session?.connection === this) this.session.connection = null;
    this.#host.state.watches.forget(this);
    this.#host.ended(this);
  }
}

/** The only session state that events ever carry. */
const SYNC_CONNECTED = 3;
