import type { MessagePort } from 'node:worker_threads';
import type { DialOptions } from './dial.ts';
import type { KeepAlive, Target } from './transport.ts';

/** To the worker: open a connection and relay it through this port. */
export interface DialOrder {
  readonly target: Target;
  readonly options: DialOptions;
  readonly port: MessagePort;
  /** {@link Shared}: readable by both threads at any time, however busy either is. */
  readonly shared: SharedArrayBuffer;
}

/** Over a connection's port, to the worker: bytes to write, always whole frames; or the session to keep alive. Closing the port ends the connection. */
export type ToWorker = ArrayBuffer | { readonly keepAlive: KeepAlive };

/** Over a connection's port, from the worker. */
export type FromWorker = ArrayBuffer | { readonly opened: true } | { readonly closed: PlainError | null };

/** An error that can be sent from thread to thread. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
}

/** The slots of the shared memory: when the last byte arrived, in nanoseconds of the machine's clock, and whether the session was found dead. */
export const Shared = { LAST_RECEIVED: 0, DEAD: 1, BYTES: 16 } as const;

export function toPlainError(error: Error): PlainError {
  const { code } = error as { code?: unknown };
  return { name: error.name, message: error.message, ...(typeof code === 'string' ? { code } : {}) };
}

/** A copy that can be transferred to another thread: the original may be part of a larger, shared buffer. */
export function toTransferable(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
