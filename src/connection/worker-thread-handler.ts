import type { Worker } from 'node:worker_threads';
import { ConfigurationError, ConnectionDropped } from '../base/exceptions.ts';
import type { DialOptions } from './dial.ts';
import { CallbackQueues, type CallbackKind, type Handler } from './handler.ts';
import type { Target, Transport } from './transport.ts';
import { Shared, type DialOrder } from './worker-protocol.ts';
import { WorkerTransport } from './worker-transport.ts';

/** How a {@link WorkerThreadHandler} is made. */
export interface WorkerThreadHandlerOptions {
  /** The worker's module, where it is not beside this one: after bundling, for one. */
  workerUrl?: URL | undefined;
}

/**
 * Keeps sockets and their heartbeats in a worker thread, so that a blocked main thread does not cost the session.
 * Callbacks run on this event loop, in order, as with the default handler. One handler may serve several clients.
 *
 * Bytes go through one more thread: a request takes a little longer. Options of `tls` that are functions cannot be used.
 * While this thread is blocked nothing is read from it: what the server sends waits in memory.
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

  /** @throws ConfigurationError when the options cannot be sent to another thread, or the worker's module is missing; ConnectionDropped */
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
        reject(error ?? new ConnectionDropped('the connection closed while it was being made'));
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
    // The flag that says what the text of `--eval` is makes no sense to a thread of a file's, which refuses it. Where flags are given, those of the process,
    // such as the size of the heap, are refused as well; not so where they are inherited.
    const execArgv = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? [] : undefined;
    const worker = new Worker(this.#url ?? findWorker(), { name: 'kazoo connections', execArgv });
    // The ports keep the process alive while there is a connection, and no longer.
    worker.unref();
    const gone = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    // Its connections hear of it by their ports, which close with it; the next dial starts another.
    worker.on('error', gone);
    worker.on('exit', gone);
    return worker;
  }
}

/** Where the worker is, if not beside this module: where the package is cut into chunks, and where it runs from the sources. */
const ELSEWHERE = ['../connection-worker.js', '../../dist/connection-worker.js'];

function findWorker(): URL {
  const { existsSync } = process.getBuiltinModule('node:fs');
  // A bundle that is CommonJS may know no place of its own.
  const here = import.meta.url as string | undefined;
  // webpack and its like copy what is named in these very words, and fail where it is missing: only what the package has is named so.
  const places =
    here === undefined
      ? []
      : [new URL('./connection-worker.js', import.meta.url), ...ELSEWHERE.map((place) => new URL(place, here))];
  const found = places.find((url) => existsSync(url));
  if (found === undefined)
    throw new ConfigurationError(
      `connection-worker.js is not beside ${here ?? 'this bundle'}: give WorkerThreadHandler its workerUrl`,
    );
  return found;
}
