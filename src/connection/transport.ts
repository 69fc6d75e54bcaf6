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
  readonly ping: Uint8Array<ArrayBuffer>;
}

/** A byte stream to one server. `onClose` is called once, whoever closes it; nothing is called after it. */
export interface Transport {
  onData: (chunk: Buffer) => void;
  onClose: (error: Error | null) => void;
  write(bytes: Buffer): void;
  destroy(): void;
  /** Present where the transport itself pings and notices silence, away from this thread; it may ping between two writes, never within one. */
  keepAlive?(settings: KeepAlive): void;
  /** Present beside `keepAlive`: milliseconds since the last byte came from the server. */
  silence?: () => number;
}

/** A transport over a socket of this thread. */
export class SocketTransport implements Transport {
  onData: (chunk: Buffer) => void = () => undefined;
  onClose: (error: Error | null) => void = () => undefined;
  readonly #socket: Socket | TLSSocket;
  #error: Error | null = null;

  constructor(socket: Socket | TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('error', (error: Error) => (this.#error = error));
    socket.on('close', () => this.onClose(this.#error));
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
