import type { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';

/** Where to dial: the address, and the name it was configured under (which TLS and SASL are told). */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

/** What whoever keeps a session alive must know of it. */
export interface KeepAlive {
  /** Negotiated, milliseconds. */
  readonly sessionTimeout: number;
  /** What to send as a ping: a whole frame. */
  readonly ping: Uint8Array;
}

/** A byte stream to one server. `onClose` is called once, whoever closes it; nothing is called after it. */
export interface Transport {
  /** The chunk is not looked at after the call: its memory may be used again. */
  onData: (chunk: Buffer) => void;
  onClose: (error: Error | null) => void;
  write(bytes: Buffer): void;
  /** Reads nothing for about a millisecond; what comes meanwhile is given together. */
  rest?(): void;
  destroy(): void;
  /** Present where the transport itself pings and notices silence, away from this thread; it may ping between two writes, never within one. */
  keepAlive?(settings: KeepAlive): void;
  /** Present beside `keepAlive`: milliseconds since the last byte came from the server. */
  silence?: () => number;
}

/** Bytes read at a time. */
const CHUNK = 64 * 1024;
/** Milliseconds, the shortest that there is. Of real time: bytes come by no other. */
const REST = 1;

/** A transport over a socket of this thread. */
export class SocketTransport implements Transport {
  onData: (chunk: Buffer) => void = () => undefined;
  onClose: (error: Error | null) => void = () => undefined;
  readonly #socket: Socket | TLSSocket;
  #error: Error | null = null;
  #rest: NodeJS.Timeout | undefined;

  constructor(socket: Socket | TLSSocket, reads?: Reads) {
    this.#socket = socket;
    socket.setNoDelay(true);
    if (reads === undefined) socket.on('data', (chunk: Buffer) => this.onData(chunk));
    else reads.onData = (chunk) => this.onData(chunk);
    socket.on('error', (error: Error) => (this.#error = error));
    socket.on('close', () => this.onClose(this.#error));
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  rest(): void {
    const socket = this.#socket;
    socket.pause();
    this.#rest = setTimeout(() => socket.resume(), REST);
  }

  destroy(): void {
    clearTimeout(this.#rest);
    this.#socket.destroy();
  }
}

/** Where a socket in clear reads to: one buffer, used for every read, past the streams' machinery. TLS sockets have no such thing. */
export class Reads {
  readonly buffer = Buffer.allocUnsafeSlow(CHUNK);
  onData: (chunk: Buffer) => void = () => undefined;
  /** What was read last; often the next is as long. */
  #chunk = this.buffer.subarray(0, 0);

  readonly callback = (bytes: number): boolean => {
    if (bytes !== this.#chunk.length) this.#chunk = this.buffer.subarray(0, bytes);
    this.onData(this.#chunk);
    return true;
  };
}
