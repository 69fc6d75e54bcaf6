import type { MessagePort } from 'node:worker_threads';
import { ConfigurationError, ConnectionDropped } from '../base/exceptions.ts';
import type { KeepAlive, Transport } from './transport.ts';
import { Shared, toTransferable, type FromWorker, type PlainError, type ToWorker } from './worker-protocol.ts';

const NANOSECONDS = 1e6;

/** The main thread's end of a connection that lives in a worker. */
export class WorkerTransport implements Transport {
  onData: (chunk: Buffer) => void = () => undefined;
  onClose: (error: Error | null) => void = () => undefined;
  /** Called once the socket is open. */
  onOpen: () => void = () => undefined;
  readonly #port: MessagePort;
  readonly #shared: BigInt64Array;
  #closed = false;

  constructor(port: MessagePort, shared: SharedArrayBuffer) {
    this.#port = port;
    this.#shared = new BigInt64Array(shared);
    port.on('message', (message: FromWorker) => this.#hear(message));
    // The worker has ended without a message.
    port.on('close', () => this.#close(new ConnectionDropped('the worker thread of the connection has ended')));
  }

  write(bytes: Buffer): void {
    if (this.#closed || bytes.length === 0) return;
    const copy = toTransferable(bytes);
    this.#port.postMessage(copy satisfies ToWorker, [copy]);
  }

  keepAlive(settings: KeepAlive): void {
    if (!this.#closed) this.#port.postMessage({ keepAlive: settings } satisfies ToWorker);
  }

  readonly silence = (): number =>
    Number(process.hrtime.bigint() - Atomics.load(this.#shared, Shared.LAST_RECEIVED)) / NANOSECONDS;

  destroy(): void {
    this.#close(null);
  }

  #hear(message: FromWorker): void {
    if (this.#closed) return;
    if (message instanceof ArrayBuffer) {
      // Found dead while this thread was busy: earlier data is not to be trusted either.
      if (Atomics.load(this.#shared, Shared.DEAD) === 0n) this.onData(Buffer.from(message));
    } else if ('opened' in message) this.onOpen();
    else this.#close(message.closed === null ? null : toError(message.closed));
  }

  #close(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    this.onClose(error);
  }
}

function toError({ name, message, code }: PlainError): Error {
  return name === 'ConfigurationError' ? new ConfigurationError(message) : new ConnectionDropped(message, { code });
}
