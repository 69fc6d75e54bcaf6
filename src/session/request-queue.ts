import type { Clock, Timer } from '../base/clock.ts';
import { OperationTimeoutError, UnimplementedError } from '../base/errors.ts';
import { isOlder } from '../codec/ops.ts';
import { Writer } from '../codec/writer.ts';
import { type Connection, tooLarge } from '../connection/connection.ts';
import { onAbort } from './abort-listeners.ts';
import type { Call, CallHome } from './call.ts';
import { Failure } from './failure.ts';
import type { WatchTable } from './watch-table.ts';

/** Limits of a call's wait, and callbacks for its progress. */
export interface SubmitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  /** Called with the zxid in the reply's header in the tick of the reply: for a write, that of its own transaction (docs/protocol.md, "Requests and replies"). */
  readonly onZxid?: ((zxid: bigint) => void) | undefined;
  /** Called in the tick in which it is sent. */
  readonly onSent?: (() => void) | undefined;
}

/** Aborted calls that may stay in the queue before it is swept. */
const SWEEP = 64;
/** Sent calls that may stay at the front of the queue before it is shortened; in a long queue, as many as still wait, so that a call is moved only once. */
const COMPACT = 1024;
/** Bytes of every frame's header: xid and operation. */
const HEADER = 8;

/**
 * A FIFO queue of requests for a connection, of which at most `maxInFlight` are unanswered.
 *
 *   submit ──> [ waiting: no connection, or no room on it ] ──> connection ──> reply, which makes room
 *
 * An aborted call leaves the queue; if already sent, it keeps its place in flight until the reply comes, which is ignored.
 */
export class RequestQueue implements CallHome {
  readonly watches: WatchTable;
  readonly unknown: () => void;
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #maxRequestBytes: number;
  /** Waiting requests are written here once to measure their length. */
  readonly #scale = new Writer();
  /** Calls from `#head` on; earlier slots are empty. */
  #waiting: (Call | undefined)[] = [];
  #head = 0;
  #pumping = false;
  #givenUp = 0;
  /** Aborted after they were sent. */
  readonly #abandoned = new Set<Call>();
  #connection: Connection | undefined;
  #version: readonly number[] | undefined;
  #drained: (() => void) | undefined;

  /** @param unknown called when a server replies that it does not know an operation */
  constructor(
    watches: WatchTable,
    clock: Clock,
    { maxInFlight, maxRequestBytes }: { maxInFlight: number; maxRequestBytes: number },
    unknown: () => void,
  ) {
    this.watches = watches;
    this.#clock = clock;
    this.#maxInFlight = maxInFlight;
    this.#maxRequestBytes = maxRequestBytes;
    this.unknown = unknown;
  }

  /** The number of waiting calls. */
  get waiting(): number {
    return this.#waiting.length - this.#head - this.#givenUp;
  }

  /** Sends on this connection from now on, starting with waiting calls; operations that a server of this version does not know are refused here. */
  open(connection: Connection, version: readonly number[] | undefined): void {
    this.#connection = connection;
    this.#version = version;
    this.#pump();
  }

  /** From now on calls wait. */
  close(): void {
    this.#connection = undefined;
  }

  submit(call: Call, options: SubmitOptions | undefined): void {
    if (options?.onZxid !== undefined) call.attach({ onZxid: options.onZxid });
    if (options?.onSent !== undefined) call.attach({ onSent: options.onSent });
    if (options !== undefined && (options.signal !== undefined || options.timeout !== undefined)) this.#limit(call, options);
    if (call.settled) return call.leave();
    if (this.#waiting.length === 0 && this.#hasRoom()) this.#send(call);
    else this.#enqueue(call);
  }

  /** All waiting calls, oldest first; the caller settles them. */
  takeAll(): Call[] {
    const taken = this.#waiting.slice(this.#head) as Call[];
    this.#waiting = [];
    this.#head = 0;
    this.#givenUp = 0;
    return taken;
  }

  /** Calls back, once, when no call is waiting and none that is still wanted is unanswered. */
  whenDrained(callback: () => void): void {
    this.#drained = callback;
    this.#checkDrained();
  }

  /** A call in flight was answered: there is room. */
  replied(call: Call): void {
    if (this.#abandoned.size > 0) this.#abandoned.delete(call);
    if (this.#waiting.length > 0) this.#pump();
    if (this.#drained !== undefined) this.#checkDrained();
  }

  #hasRoom(): boolean {
    const connection = this.#connection;
    return connection !== undefined && !connection.ended && connection.inFlight < this.#maxInFlight;
  }

  #enqueue(call: Call): void {
    const refusal = this.#refusal(call);
    if (refusal !== undefined) return call.fail(refusal);
    // Sent later: the caller may have changed the data by then.
    call.keepData();
    this.#waiting.push(call);
  }

  /** A request that can never be sent fails now, not when the outage is over. */
  #refusal({ row, request }: Call): Error | undefined {
    try {
      row.request.write(this.#scale, request as never);
    } catch (error) {
      this.#scale.truncate(0);
      return error as Error;
    }
    const bytes = HEADER + this.#scale.take().length;
    return bytes > this.#maxRequestBytes ? tooLarge(bytes, this.#maxRequestBytes) : undefined;
  }

  #send(call: Call): void {
    call.prepare();
    if (this.#version !== undefined && isOlder(this.#version, call.row.since)) call.fail(new UnimplementedError());
    else {
      this.#connection!.send(call, call.request);
      call.wasWritten();
    }
  }

  #pump(): void {
    // A request refused while being sent makes room during this loop.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#head < this.#waiting.length && this.#hasRoom()) {
      const call = this.#waiting[this.#head]!;
      this.#waiting[this.#head++] = undefined;
      if (call.settled) this.#givenUp--;
      else this.#send(call);
    }
    if (this.#head === this.#waiting.length || (this.#head > COMPACT && this.#head * 2 > this.#waiting.length)) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    this.#pumping = false;
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#drained === undefined || this.waiting > 0 || (this.#connection?.inFlight ?? 0) > this.#abandoned.size) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained();
  }

  #limit(call: Call, { signal, timeout }: SubmitOptions): void {
    let timer: Timer | undefined;
    const end = (failure: Failure): void => {
      if (call.settled) return;
      call.settle(failure);
      this.#noteGivenUp(call);
    };
    const abort = (): void => end(Failure.ofError(() => signal!.reason as unknown));
    if (signal?.aborted === true) return call.settle(Failure.ofError(() => signal.reason as unknown));
    const forget = signal === undefined ? undefined : onAbort(signal, abort);
    if (timeout !== undefined && timeout !== Infinity) {
      timer = this.#clock.timer(timeout, () =>
        end(Failure.ofCode(OperationTimeoutError.code, new Error(`no reply within the call's timeout of ${timeout} ms`))),
      );
    }
    const onSettled = (): void => {
      timer?.cancel();
      forget?.();
    };
    call.attach({ onSettled });
  }

  #noteGivenUp(call: Call): void {
    if (call.sent) this.#abandoned.add(call);
    else {
      this.#givenUp++;
      call.leave();
      if (this.#givenUp >= SWEEP && this.#givenUp * 2 >= this.#waiting.length) this.#sweep();
    }
    this.#checkDrained();
  }

  /** Called when half of the queue is aborted: so a long outage costs no memory, and an abort needs no search. */
  #sweep(): void {
    this.#waiting = this.#waiting.slice(this.#head).filter((other) => !other!.settled);
    this.#head = 0;
    this.#givenUp = 0;
  }
}
