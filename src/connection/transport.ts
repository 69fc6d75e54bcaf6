import type { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';

/** Where to dial: the address, and the name it was configured under (which TLS and SASL are told). */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

/** Who keeps a session alive that the main thread cannot: pings every `interval` ms, gives up after `silence` ms without a byte. */
export interface KeepAlive {
  readonly interval: number;
  readonly silence: number;
}

/** A byte stream to one server. `onClose` is called once, whoever closes it; nothing is called after it. */
export interface Transport {
  onData: (chunk: Buffer) => void;
  onClose: (error: Error | null) => void;
  write(bytes: Buffer): void;
  destroy(): void;
  /** Present where the transport itself pings and notices silence, away from this thread. */
  keepAlive?(settings: KeepAlive): void;
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
