import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FrameSplitter, type FrameSink } from '../../src/codec/frame.ts';

/** What came from a client after its handshake. */
export interface FakeRequest {
  readonly xid: number;
  readonly op: number;
  readonly body: Buffer;
}

/** What a fake server does; whatever is left out, it does as a server with no nodes would: confirm the session, answer pings, and nothing else. */
export interface Script {
  /** A connection was accepted. Return true to take no further notice of it. */
  accept?: (peer: FakePeer) => boolean | void;
  greet?: (peer: FakePeer, question: ConnectQuestion) => void;
  request?: (peer: FakePeer, request: FakeRequest) => void;
}

export interface ConnectQuestion {
  readonly lastZxidSeen: bigint;
  readonly timeOut: number;
  readonly sessionId: bigint;
  readonly readOnly: boolean;
}

/** A server that misbehaves to order, byte by byte. */
export class FakeServer {
  readonly peers: FakePeer[] = [];
  readonly requests: FakeRequest[] = [];
  readonly questions: ConnectQuestion[] = [];
  readonly #server: Server;
  readonly #script: Script;
  #sessions = 0n;

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((socket) => {
      const peer = new FakePeer(socket, (frame) => this.#frame(peer, frame));
      this.peers.push(peer);
      if (script.accept?.(peer) === true) peer.deaf = true;
    });
  }

  static async start(script: Script = {}, host = '127.0.0.1'): Promise<FakeServer> {
    const server = new FakeServer(script);
    server.#server.listen(0, host);
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #frame(peer: FakePeer, frame: Buffer): void {
    if (peer.deaf) return;
    if (!peer.greeted) {
      const question = readQuestion(frame);
      peer.greeted = true;
      this.questions.push(question);
      if (this.#script.greet !== undefined) return this.#script.greet(peer, question);
      return peer.confirm(question.timeOut, question.sessionId === 0n ? ++this.#sessions : question.sessionId);
    }
    const request = { xid: frame.readInt32BE(0), op: frame.readInt32BE(4), body: frame.subarray(8) };
    if (request.op === Op.ping) return peer.reply(-2);
    this.requests.push(request);
    if (this.#script.request !== undefined) return this.#script.request(peer, request);
    if (request.op === Op.closeSession) peer.reply(request.xid);
  }
}

/** Opcodes that the scripts speak of. */
export const Op = {
  create: 1,
  exists: 3,
  getData: 4,
  ping: 11,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  setWatches2: 105,
  removeWatches: 18,
  closeSession: -11,
} as const;

/** One connection of a fake server. */
export class FakePeer implements FrameSink {
  greeted = false;
  /** Nothing that comes is looked at any more. */
  deaf = false;
  readonly socket: Socket;
  readonly #onFrame: (frame: Buffer) => void;

  constructor(socket: Socket, onFrame: (frame: Buffer) => void) {
    this.socket = socket;
    this.#onFrame = onFrame;
    const splitter = new FrameSplitter(this, 64 * 1024 * 1024);
    socket.on('data', (chunk) => splitter.push(chunk));
    socket.on('error', () => undefined);
  }

  frame(buffer: Buffer, start: number, end: number): void {
    this.#onFrame(buffer.subarray(start, end));
  }

  oversized(): void {
    this.socket.destroy();
  }

  broken(): void {
    this.socket.destroy();
  }

  confirm(timeOut: number, sessionId: bigint, readOnly = false): void {
    const body = Buffer.alloc(37);
    body.writeInt32BE(timeOut, 4);
    body.writeBigInt64BE(sessionId, 8);
    body.writeInt32BE(16, 16);
    body[36] = readOnly ? 1 : 0;
    this.send(body);
  }

  reply(xid: number, options: { err?: number; zxid?: bigint; body?: Buffer } = {}): void {
    this.send(replyFrame(xid, options));
  }

  event(type: number, path: string, zxid = -1n): void {
    const name = Buffer.from(path);
    const body = Buffer.alloc(12);
    body.writeInt32BE(type, 0);
    body.writeInt32BE(3, 4);
    body.writeInt32BE(name.length, 8);
    this.reply(-1, { zxid, body: Buffer.concat([body, name]) });
  }

  send(body: Buffer): void {
    this.socket.write(framed(body));
  }
}

export function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

export function replyFrame(
  xid: number,
  { err = 0, zxid = 1n, body = Buffer.alloc(0) }: { err?: number; zxid?: bigint; body?: Buffer } = {},
): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32BE(xid, 0);
  header.writeBigInt64BE(zxid, 4);
  header.writeInt32BE(err, 12);
  return Buffer.concat([header, body]);
}

/** The body of a getData reply. */
export function dataBody(data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(data.length);
  return Buffer.concat([length, data, Buffer.alloc(68)]);
}

function readQuestion(frame: Buffer): ConnectQuestion {
  const password = frame.readInt32BE(24);
  return {
    lastZxidSeen: frame.readBigInt64BE(4),
    timeOut: frame.readInt32BE(12),
    sessionId: frame.readBigInt64BE(16),
    readOnly: frame[28 + Math.max(0, password)] === 1,
  };
}
