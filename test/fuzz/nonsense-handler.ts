import fc from 'fast-check';
import { FrameSplitter } from '../../src/codec/frame.ts';
import { OPS, type OpName } from '../../src/codec/ops.ts';
import { Writer } from '../../src/codec/writer.ts';
import { dialSocket, type DialOptions } from '../../src/connection/dial.ts';
import { CallbackQueues, type CallbackKind, type Handler } from '../../src/connection/handler.ts';
import type { Target, Transport } from '../../src/connection/transport.ts';
import type { Dice } from '../ensemble/lock-model.ts';
import { ARBITRARY, OP_NAMES } from '../support/arbitrary.ts';
import { believable, brief, framed, MUTATION_NAMES, MUTATIONS } from './mutations.ts';

const REPLIES = 0.3;
const GREETINGS = 0.1;
const ERRORS = 0.15;
const SAMPLES = 40;
const SESSION = 600;
const LIMIT = 64 * 1024 * 1024;
const XIDS: Readonly<Record<number, number>> = {
  [OPS.ping.code]: -2,
  [OPS.auth.code]: -4,
  [OPS.setWatches.code]: -8,
  [OPS.setWatches2.code]: -8,
};

/**
 * A server without a network, which answers each request with any true response of its kind, cut into any chunks, and often altered.
 * Fast enough for millions of frames. Once it is healed, connections go to a real socket.
 */
export class NonsenseHandler implements Handler {
  readonly name = 'nonsense';
  readonly dice: Dice;
  readonly #queues = new CallbackQueues();
  readonly #open = new Set<NonsenseTransport>();
  readonly #samples: ReadonlyMap<number, readonly Buffer[]>;
  #log: string[] = [];
  #active = true;
  connections = 0;
  mutated = 0;

  constructor(dice: Dice) {
    this.dice = dice;
    this.#samples = new Map(OP_NAMES.map((op) => [OPS[op].code, sampled(op, dice.below(2 ** 31))]));
  }

  get tail(): string {
    return this.#log.slice(-30).join('\n');
  }

  heal(): void {
    this.#active = false;
    for (const transport of this.#open) transport.hangUp();
  }

  dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<Transport> {
    this.connections += 1;
    if (!this.#active) return dialSocket(target, options, signal);
    const transport = new NonsenseTransport(this, this.connections, () => this.#open.delete(transport));
    this.#open.add(transport);
    return Promise.resolve(transport);
  }

  dispatch(kind: CallbackKind, callback: () => unknown, onError: (error: unknown) => void): void {
    this.#queues.dispatch(kind, callback, onError);
  }

  start(): void {
    // Nothing to prepare.
  }

  stop(): void {
    // Each transport ends by itself.
  }

  /** Any response to a request of this kind. */
  sample(op: number): Buffer {
    const samples = this.#samples.get(op)!;
    return samples[this.dice.below(samples.length)]!;
  }

  /** A frame as it goes out, and whether the connection is of no use behind it. */
  alter(frame: Buffer, isGreeting: boolean, number: number): { bytes: Buffer; cut: boolean; altered: boolean } {
    if (!this.dice.chance(isGreeting ? GREETINGS : REPLIES)) return { bytes: frame, cut: false, altered: false };
    const name = MUTATION_NAMES[this.dice.below(MUTATION_NAMES.length)]!;
    const { bytes, cut = false } = MUTATIONS[name](this.dice, frame) as { bytes: Buffer; cut?: boolean };
    this.mutated += 1;
    this.#log.push(`connection ${number}: ${name}${isGreeting ? ' of the greeting' : ''}: ${brief(frame)} -> ${brief(bytes)}`);
    if (this.#log.length > 200) this.#log = this.#log.slice(-100);
    return { bytes: isGreeting ? believable(bytes) : bytes, cut, altered: true };
  }
}

/** The server's side of one connection. */
class NonsenseTransport implements Transport {
  onData: (chunk: Buffer) => void = () => undefined;
  onClose: (error: Error | null) => void = () => undefined;
  readonly #home: NonsenseHandler;
  readonly #number: number;
  readonly #closed: () => void;
  readonly #splitter: FrameSplitter;
  #greeted = false;
  #over = false;
  #out: Buffer[] = [];
  /** How many more times something goes out before the connection ends. */
  #left = Infinity;
  #scheduled = false;

  constructor(home: NonsenseHandler, number: number, closed: () => void) {
    this.#home = home;
    this.#number = number;
    this.#closed = closed;
    const fail = (): void => this.hangUp();
    this.#splitter = new FrameSplitter(
      { frame: (buffer, start) => this.#answer(buffer, start), oversized: fail, broken: fail },
      LIMIT,
    );
  }

  write(bytes: Buffer): void {
    if (!this.#over) this.#splitter.push(Buffer.from(bytes));
  }

  destroy(): void {
    this.#over = true;
    this.#closed();
  }

  hangUp(): void {
    if (this.#over) return;
    this.destroy();
    this.onClose(null);
  }

  #answer(buffer: Buffer, start: number): void {
    if (!this.#greeted) {
      this.#greeted = true;
      return this.#send(greeting(this.#home.dice), true);
    }
    const [xid, op] = [buffer.readInt32BE(start), buffer.readInt32BE(start + 4)];
    const failed = this.#home.dice.chance(ERRORS) && op !== OPS.closeSession.code;
    const header = Buffer.alloc(16);
    header.writeInt32BE(XIDS[op] ?? xid, 0);
    header.writeInt32BE(this.#number, 8);
    header.writeInt32BE(failed ? -1 - this.#home.dice.below(130) : 0, 12);
    this.#send(framed(failed ? header : Buffer.concat([header, this.#home.sample(op)])), false);
  }

  #send(frame: Buffer, isGreeting: boolean): void {
    const { bytes, cut, altered } = this.#home.alter(frame, isGreeting, this.#number);
    this.#out.push(bytes);
    if (cut) this.#left = Math.min(this.#left, 1);
    else if (altered) this.#left = Math.min(this.#left, 1 + this.#home.dice.below(4));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    let at = 0;
    while (at < bytes.length && !this.#over) {
      const end = this.#home.dice.chance(0.3) ? at + 1 + this.#home.dice.below(40) : bytes.length;
      this.onData(bytes.subarray(at, end));
      at = end;
    }
    this.#left -= 1;
    if (this.#left <= 0) this.hangUp();
    else if (this.#left < Infinity) this.#schedule();
  }
}

function greeting(dice: Dice): Buffer {
  const body = Buffer.alloc(37);
  body.writeInt32BE(SESSION, 4);
  body.writeInt32BE(1 + dice.below(1_000), 12);
  body.writeInt32BE(16, 16);
  return framed(body);
}

function sampled(op: OpName, seed: number): Buffer[] {
  return fc.sample(ARBITRARY[op][1], { numRuns: SAMPLES, seed }).map((value) => {
    const writer = new Writer();
    (OPS[op].response.write as (writer: Writer, value: unknown) => void)(writer, value);
    return Buffer.from(writer.take());
  });
}
