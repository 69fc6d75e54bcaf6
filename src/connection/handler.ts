import { CallbackQueue } from '../base/callback-queue.ts';
import { dialSocket, type DialOptions } from './dial.ts';
import type { Target, Transport } from './transport.ts';

/** The kinds of callback, each run in its own order. None waits for another: a user's watch may await what comes by `completion`. */
export type CallbackKind = 'watch' | 'session' | 'completion';

/** Where callbacks run, and where the connection lives (Kazoo `IHandler`, less what promises have made needless). */
export interface Handler {
  readonly name: string;
  /** Opens a connection; an abort of `signal` ends the attempt. */
  dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport>;
  /** Runs a callback after all earlier ones of its kind. What it throws goes to `onError`. */
  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void;
  /** Called when a client starts using it, and when it has stopped. */
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

/** The default: the connection is on this event loop, callbacks run on it in order. */
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
    // Nothing to prepare: sockets are made as they are dialled.
  }

  stop(): void {
    // Nothing to end: each connection ends its own socket.
  }
}
