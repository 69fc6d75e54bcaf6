import { FrameSplitter } from '../../src/codec/frame.ts';
import { OPS } from '../../src/codec/ops.ts';
import { dialSocket, type DialOptions } from '../../src/connection/dial.ts';
import { CallbackQueues, type CallbackKind, type Handler } from '../../src/connection/handler.ts';
import type { Target, Transport } from '../../src/connection/transport.ts';

/** What becomes of one request: `lost` on its way, or served, with its `reply lost`; or `none`, and the connection stays. */
export type Loss = 'lost' | 'reply lost' | 'none';

interface Plan {
  readonly number: number;
  readonly loss: Loss;
  readonly first: () => void;
}

const LIMIT = 64 * 1024 * 1024;
const UNCOUNTED: ReadonlySet<number> = new Set([OPS.ping.code, OPS.closeSession.code]);

/** The connections of one client, which know their requests, and break off at the one they are told to. */
export class FaultyLine implements Handler {
  readonly name = 'faulty_line';
  readonly #queues = new CallbackQueues();
  #plan: Plan | null = null;
  /** Requests sent since the last {@link FaultyLine.breakAt}; neither handshakes nor pings nor the end of a session. */
  requests = 0;
  /** Whether the fault has come about. */
  broken = false;

  /** The connection ends at the request of this number from now on, 1 being the next. What is to happen `first` happens right before. */
  breakAt(number: number, loss: Loss, first: () => void = () => undefined): void {
    this.#plan = { number, loss, first };
    this.requests = 0;
    this.broken = false;
  }

  async dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport> {
    return new FaultyTransport(await dialSocket(target, options, signal), () => this.#next());
  }

  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void {
    this.#queues.dispatch(kind, callback, onError);
  }

  start(): void {
    // Nothing to prepare.
  }

  stop(): void {
    // Each connection ends by itself.
  }

  /** Counts a request, and tells what is planned for it. */
  #next(): Plan | null {
    this.requests += 1;
    if (this.requests !== this.#plan?.number) return null;
    this.broken = true;
    return this.#plan;
  }
}

class FaultyTransport implements Transport {
  onData: (chunk: Buffer) => void = () => undefined;
  onClose: (error: Error | null) => void = () => undefined;
  readonly #inner: Transport;
  readonly #next: () => Plan | null;
  readonly #out: FrameSplitter;
  readonly #in: FrameSplitter;
  #greeted = false;
  /** Four letters in place of a handshake: neither they nor the answer are frames. */
  #isWord = false;
  #cut = false;
  #ended = false;
  /** The request whose reply is to be lost. */
  #awaited: { readonly xid: number; readonly plan: Plan } | null = null;

  constructor(inner: Transport, next: () => Plan | null) {
    this.#inner = inner;
    this.#next = next;
    this.#out = splitter((frame) => this.#send(frame));
    this.#in = splitter((frame) => this.#receive(frame));
    inner.onData = (chunk) => (this.#isWord ? this.onData(chunk) : this.#in.push(chunk));
    inner.onClose = (error) => this.#end(error);
  }

  write(bytes: Buffer): void {
    this.#isWord ||= !this.#greeted && bytes[0] !== 0;
    if (this.#isWord) this.#inner.write(bytes);
    else this.#out.push(bytes);
  }

  destroy(): void {
    this.#inner.destroy();
  }

  #send(frame: Buffer): void {
    if (this.#cut) return;
    const plan = this.#planFor(frame);
    if (plan?.loss === 'lost') return this.#breakOff(plan);
    if (plan?.loss === 'none') plan.first();
    if (plan?.loss === 'reply lost') this.#awaited = { xid: frame.readInt32BE(4), plan };
    this.#inner.write(frame);
  }

  #planFor(frame: Buffer): Plan | null {
    const isGreeting = !this.#greeted;
    this.#greeted = true;
    return isGreeting || UNCOUNTED.has(frame.readInt32BE(8)) ? null : this.#next();
  }

  #receive(frame: Buffer): void {
    if (this.#cut) return;
    if (this.#awaited?.xid === frame.readInt32BE(4)) this.#breakOff(this.#awaited.plan);
    else this.onData(frame);
  }

  #breakOff({ first }: Plan): void {
    this.#cut = true;
    first();
    this.#inner.destroy();
    // As a socket does, it tells of its end in a later turn.
    setImmediate(() => this.#end(null));
  }

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onClose(error);
  }
}

/** Hands over copies: neither side may keep the memory of the other. */
function splitter(take: (frame: Buffer) => void): FrameSplitter {
  const fail = (): void => {
    throw new Error('this is no frame');
  };
  const frame = (buffer: Buffer, start: number, end: number): void => take(Buffer.from(buffer.subarray(start - 4, end)));
  return new FrameSplitter({ frame, oversized: fail, broken: fail }, LIMIT);
}
