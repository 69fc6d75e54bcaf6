import type { Worker } from 'node:worker_threads';
import { ConfigurationError, ConnectionDropped } from '../base/exceptions.ts';
import type { DialOptions } from './dial.ts';
import { CallbackQueues, type CallbackKind, type Handler } from './handler.ts';
import type { Target, Transport } from './transport.ts';
import { Shared, type DialOrder } from './worker-protocol.ts';
import { WorkerTransport } from './worker-transport.ts';

/** Options of a {@link WorkerThreadHandler}. */
export interface WorkerThreadHandlerOptions {
  /** The worker's module, if it is not next to this one, for example after bundling. */
  workerUrl?: URL | undefined;
}

/**
 * Keeps sockets and their heartbeats in a worker thread, so that a blocked main thread does not cost the session.
 * Callbacks run on this event loop, in order, as with the default handler. One handler can serve several clients.
 *
 * Bytes pass through one more thread, so a request takes a little longer. Functions in the option `tls` cannot be used.
 * While this thread is blocked, it processes no replies: data from the server waits in memory.
 *
 * @example
 * const client = new KazooClient({ hosts, handler: new WorkerThreadHandler() });
 */
export class WorkerThreadHandler implements Handler {
  readonly name = 'worker_thread_handler';
  readonly #queues = new CallbackQueues();
  readonly #url: URL | undefined;
  #worker: Worker | undefined;
  #clients = 0;

  constructor(options: WorkerThreadHandlerOptions = {}) {
    this.#url = options.workerUrl;
  }

  /** @throws ConfigurationError if the options cannot be sent to another thread, or the worker's module is missing; ConnectionDropped */
  dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const transport = this.#order(target, options);
      const abort = (): void => {
        reject(signal.reason as Error);
        transport.destroy();
      };
      signal.addEventListener('abort', abort, { once: true });
      transport.onOpen = () => {
        signal.removeEventListener('abort', abort);
        resolve(transport);
      };
      transport.onClose = (error) => {
        signal.removeEventListener('abort', abort);
        reject(error ?? new ConnectionDropped('the connection closed while it was being established'));
      };
    });
  }

  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void {
    this.#queues.dispatch(kind, callback, onError);
  }

  start(): void {
    this.#clients++;
  }

  /** Ends the thread when the last client has stopped. */
  async stop(): Promise<void> {
    this.#clients = Math.max(0, this.#clients - 1);
    if (this.#clients > 0) return;
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #order(target: Target, options: DialOptions): WorkerTransport {
    const worker = (this.#worker ??= this.#startWorker());
    const { port1, port2 } = new (process.getBuiltinModule('node:worker_threads').MessageChannel)();
    const shared = new SharedArrayBuffer(Shared.BYTES);
    new BigInt64Array(shared)[Shared.LAST_RECEIVED] = process.hrtime.bigint();
    try {
      worker.postMessage({ target, options, port: port2, shared } satisfies DialOrder, [port2]);
    } catch (cause) {
      port1.close();
      throw new ConfigurationError(`the TLS options cannot be sent to a worker thread: ${(cause as Error).message}`, { cause });
    }
    return new WorkerTransport(port1, shared);
  }

  #startWorker(): Worker {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    // `--input-type`, the type of an `--eval` text, is refused by a worker that runs a file. Passing the other flags explicitly fails too, for those of the
    // process, such as the heap size; inheriting them does not.
    const execArgv = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? [] : undefined;
    const worker = new Worker(this.#url ?? findWorker(), { name: 'kazoo connections', execArgv });
    // The ports keep the process alive while there is a connection, and no longer.
    worker.unref();
    const gone = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    // Its connections notice by their ports, which close with it; the next dial starts another worker.
    worker.on('error', gone);
    worker.on('exit', gone);
    return worker;
  }
}

/** Where the worker is if not next to this module: when the package is split into chunks, and when it runs from the sources. */
const ELSEWHERE = ['../connection-worker.js', '../../dist/connection-worker.js'];

function findWorker(): URL {
  const { existsSync } = process.getBuiltinModule('node:fs');
  // A CommonJS bundle may not know its own location.
  const here = import.meta.url as string | undefined;
  // webpack and similar bundlers copy a file named in exactly this form, and fail if it is missing: so only the package's own file is named this way.
  const places =
    here === undefined
      ? []
      : [new URL('./connection-worker.js', import.meta.url), ...ELSEWHERE.map((place) => new URL(place, here))];
  const found = places.find((url) => existsSync(url));
  if (found === undefined)
    throw new ConfigurationError(
      `connection-worker.js was not found next to ${here ?? 'this bundle'}: set the option workerUrl of WorkerThreadHandler`,
    );
  return found;
}
