import type { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';

/** The address to dial, and the configured host name (which TLS and SASL use). */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

/** What is needed to keep a session alive. */
export interface KeepAlive {
  /** The negotiated timeout, milliseconds. */
  readonly sessionTimeout: number;
  /** The ping to send: a whole frame. */
  readonly ping: Uint8Array;
}

/** A byte stream to one server. `onClose` is called once, whichever side closes it; nothing is called after it. */
export interface Transport {
  /** The chunk is not used after the call: its memory may be reused. */
  onData: (chunk: Buffer) => void;
  onClose: (error: Error | null) => void;
  write(bytes: Buffer): void;
  /** Reads nothing for about a millisecond; data that arrives meanwhile is delivered together. */
  rest?(): void;
  destroy(): void;
  /** Present if the transport itself pings and detects silence, in another thread; it may ping between two writes, never within one. */
  keepAlive?(settings: KeepAlive): void;
  /** Present together with `keepAlive`: milliseconds since the last byte arrived from the server. */
  silence?: () => number;
}

/** Bytes read at a time. */
const CHUNK = 64 * 1024;
/** Milliseconds: the shortest possible timer. In real time, because bytes arrive in real time. */
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

/** The buffer of a plain socket, reused for every read, bypassing Node's streams. TLS sockets do not support that. */
export class Reads {
  readonly buffer = Buffer.allocUnsafeSlow(CHUNK);
  onData: (chunk: Buffer) => void = () => undefined;
  /** The last chunk; the next often has the same length. */
  #chunk = this.buffer.subarray(0, 0);

  readonly callback = (bytes: number): boolean => {
    if (bytes !== this.#chunk.length) this.#chunk = this.buffer.subarray(0, bytes);
    this.onData(this.#chunk);
    return true;
  };
}
