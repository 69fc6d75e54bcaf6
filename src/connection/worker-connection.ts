import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { dialSocket } from './dial.ts';
import { Heartbeat } from './heartbeat.ts';
import type { KeepAlive, Transport } from './transport.ts';
import { Shared, toPlainError, toTransferable, type DialOrder, type FromWorker, type ToWorker } from './worker-protocol.ts';

/** The worker's end of one connection: relays bytes, pings, and detects a silent server, whatever the main thread is doing. */
export class WorkerConnection {
  readonly #port: MessagePort;
  readonly #shared: BigInt64Array;
  /** Nanoseconds by which this thread's clock is behind the main thread's. In Node they are the same; elsewhere it may count from the start of the thread. */
  readonly #behind: bigint;
  readonly #dialling = new AbortController();
  #transport: Transport | undefined;
  #heartbeat: Heartbeat | undefined;

  constructor({ target, options, port, shared }: DialOrder) {
    this.#port = port;
    this.#shared = new BigInt64Array(shared);
    const ordered = Atomics.load(this.#shared, Shared.LAST_RECEIVED);
    const now = process.hrtime.bigint();
    this.#behind = ordered > now ? ordered - now : 0n;
    port.on('message', (message: ToWorker) => this.#obey(message));
    port.on('close', () => this.#close());
    dialSocket(target, options, this.#dialling.signal).then(
      (transport) => this.#opened(transport),
      (error: unknown) => this.#closed(error as Error),
    );
  }

  #obey(message: ToWorker): void {
    if (!(message instanceof ArrayBuffer)) return this.#keepAlive(message.keepAlive);
    this.#transport?.write(Buffer.from(message));
    this.#heartbeat?.sent();
  }

  #opened(transport: Transport): void {
    this.#transport = transport;
    transport.onData = (chunk) => this.#received(chunk);
    transport.onClose = (error) => this.#closed(error);
    this.#tell({ opened: true });
  }

  #received(chunk: Buffer): void {
    if (this.#heartbeat !== undefined && !this.#heartbeat.received()) return;
    Atomics.store(this.#shared, Shared.LAST_RECEIVED, process.hrtime.bigint() + this.#behind);
    const bytes = toTransferable(chunk);
    this.#port.postMessage(bytes satisfies FromWorker, [bytes]);
  }

  /** A ping fits between two writes of the main thread, which consist of whole frames. */
  #keepAlive({ sessionTimeout, ping }: KeepAlive): void {
    this.#heartbeat = new Heartbeat(systemClock, sessionTimeout, {
      ping: () => this.#transport?.write(Buffer.from(ping)),
      dead: (error) => {
        Atomics.store(this.#shared, Shared.DEAD, 1n);
        this.#closed(error);
      },
    });
  }

  /** Closing the port also triggers its own `close` event. */
  #closed(error: Error | null): void {
    this.#tell({ closed: error === null ? null : toPlainError(error) });
    this.#port.close();
  }

  #close(): void {
    this.#dialling.abort(new Error('the connection is no longer wanted'));
    this.#heartbeat?.stop();
    this.#transport?.destroy();
  }

  #tell(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}
