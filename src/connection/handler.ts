import { CallbackQueue } from '../base/callback-queue.ts';
import { dialSocket, type DialOptions } from './dial.ts';
import type { Target, Transport } from './transport.ts';

/** The kinds of callbacks, each run in order. No kind waits for another: a user's watch may await something that comes by `completion`. */
export type CallbackKind = 'watch' | 'session' | 'completion';

/** Where callbacks run, and where the connection lives (Kazoo `IHandler`, without the parts that promises replace). */
export interface Handler {
  readonly name: string;
  /** Opens a connection; an abort of `signal` ends the attempt. */
  dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport>;
  /** Runs a callback after all earlier ones of its kind. Errors it throws go to `onError`. */
  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void;
  /** Called when a client starts using it; {@link Handler.stop} when it has stopped. */
  start(): void;
  stop(): void | Promise<void>;
}

/** One queue per kind of callback. Each callback reports to its own client: several may share a handler. */
export class CallbackQueues {
  readonly #queues = new Map<CallbackKind, CallbackQueue>();

  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void {
    let queue = this.#queues.get(kind);
    if (queue === undefined) {
      queue = new CallbackQueue();
      this.#queues.set(kind, queue);
    }
    queue.push(callback, onError);
  }
}

/** The default: the connection and the callbacks, in order, run on this event loop. */
export class EventLoopHandler implements Handler {
  readonly name = 'event_loop_handler';
  readonly #queues = new CallbackQueues();

  dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport> {
    return dialSocket(target, options, signal);
  }

  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void {
    this.#queues.dispatch(kind, callback, onError);
  }

  start(): void {
    // Nothing to prepare: sockets are opened on demand.
  }

  stop(): void {
    // Nothing to end: each connection closes its own socket.
  }
}
