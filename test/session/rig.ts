import type { Clock, Timer } from '../../src/base/clock.ts';
import { FrameSplitter } from '../../src/codec/frame.ts';
import { CallbackQueues, type Handler } from '../../src/connection/handler.ts';
import type { Target, Transport } from '../../src/connection/transport.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { framed, Op, replyFrame } from '../support/fake-server.ts';

/** A clock moved by hand, which can also stand still while time goes on: what a blocked event loop is to a program. */
export class TestClock implements Clock {
  #now = 0;
  #timers: { due: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  get pending(): number {
    return this.#timers.length;
  }

  timer(delay: number, callback: () => void): Timer {
    const timer = { due: this.#now + Math.max(0, delay), callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** Time goes by, and nothing happens. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Fires what is due, in order, everything that follows from each included. */
  async settle(): Promise<void> {
    for (;;) {
      await flush();
      const [next] = this.#timers.filter(({ due }) => due <= this.#now).sort((a, b) => a.due - b.due);
      if (next === undefined) return;
      this.#timers = this.#timers.filter((other) => other !== next);
      next.callback();
    }
  }

  /** Goes from one timer to the next, each at its instant. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await this.settle();
      const next = Math.min(...this.#timers.map(({ due }) => due));
      if (next > end) break;
      this.#now = next;
    }
    this.#now = end;
    await this.settle();
  }
}

/** Until everything that only waits for promises has run. */
export async function flush(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a server does with a connection: take it and answer, take it and say nothing, hang up at once, or refuse it. */
export type Mood = 'answers' | 'silent' | 'hangs up' | 'refuses';

/** A connection without a network. */
export class Peer implements Transport {
  onData: (chunk: Buffer) => void = () => undefined;
  onClose: (error: Error | null) => void = () => undefined;
  readonly target: Target;
  readonly #rig: Rig;
  readonly #splitter: FrameSplitter;
  #greeted = false;
  #closed = false;

  constructor(rig: Rig, target: Target) {
    this.#rig = rig;
    this.target = target;
    this.#splitter = new FrameSplitter(
      {
        frame: (buffer, start, end) => this.#frame(buffer.subarray(start, end)),
        oversized: () => undefined,
        broken: () => undefined,
      },
      1 << 20,
    );
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(bytes: Buffer): void {
    if (!this.#greeted && /^[a-z]{4}$/.test(bytes.toString('latin1'))) return this.#ask(bytes.toString('latin1'));
    this.#splitter.push(Buffer.from(bytes));
  }

  destroy(): void {
    this.hangUp();
  }

  hangUp(): void {
    if (this.#closed) return;
    this.#closed = true;
    setImmediate(() => this.onClose(null));
  }

  /** Bytes of the server's, as they come out of a socket. */
  deliver(...frames: Buffer[]): void {
    if (!this.#closed) this.onData(Buffer.concat(frames));
  }

  event(type: number, path: string): void {
    this.deliver(eventFrame(type, path));
  }

  confirm(timeOut: number, sessionId: bigint): void {
    const body = Buffer.alloc(37);
    body.writeInt32BE(timeOut, 4);
    body.writeBigInt64BE(sessionId, 8);
    body.writeInt32BE(16, 16);
    body[36] = this.#rig.readOnly ? 1 : 0;
    this.deliver(framed(body));
  }

  #ask(word: string): void {
    this.#rig.log('ask', this.target, word);
    if (this.#rig.moodOf(this.target) !== 'answers') return;
    setImmediate(() => {
      this.deliver(Buffer.from(this.#rig.readOnly ? 'ro' : 'rw'));
      this.hangUp();
    });
  }

  #frame(frame: Buffer): void {
    const rig = this.#rig;
    if (!this.#greeted) {
      this.#greeted = true;
      const asked = frame.readBigInt64BE(16);
      rig.log('connect', this.target, asked);
      const knows = asked !== 0n && !rig.expired;
      if (rig.moodOf(this.target) === 'answers')
        setImmediate(() => this.confirm(asked !== 0n && rig.expired ? 0 : rig.timeout, knows ? asked : ++rig.sessions));
      return;
    }
    const [xid, op] = [frame.readInt32BE(0), frame.readInt32BE(4)];
    rig.log(op === Op.ping ? 'ping' : 'request', this.target, op);
    if (rig.moodOf(this.target) !== 'answers') return;
    setImmediate(() => this.deliver(framed(replyFrame(op === Op.ping ? -2 : xid, { err: op === Op.exists ? -101 : 0 }))));
  }
}

export function eventFrame(type: number, path: string): Buffer {
  const name = Buffer.from(path);
  const body = Buffer.alloc(12);
  body.writeInt32BE(type, 0);
  body.writeInt32BE(3, 4);
  body.writeInt32BE(name.length, 8);
  return framed(replyFrame(-1, { zxid: -1n, body: Buffer.concat([body, name]) }));
}

/** Servers, a network and a clock of a test's own: everything happens at a known instant. */
export class Rig {
  readonly clock = new TestClock();
  readonly peers: Peer[] = [];
  readonly happened: { at: number; what: string; host: string; detail: unknown }[] = [];
  readonly states: { state: string; at: number }[] = [];
  readonly moods = new Map<string, Mood>();
  /** What the servers agree to. */
  timeout: number;
  readOnly = false;
  expired = false;
  sessions = 0n;
  readonly client: KazooClient;
  readonly #queues = new CallbackQueues();
  readonly #handler: Handler = {
    name: 'rig',
    dial: (target, _options, signal) => this.#dial(target, signal),
    dispatch: (kind, callback, onError) => this.#queues.dispatch(kind, callback, onError),
    start: () => undefined,
    stop: () => undefined,
  };

  constructor(timeout: number, options: KazooClientOptions = {}) {
    this.timeout = timeout;
    this.client = new KazooClient({
      hosts: 'a:1',
      timeout,
      randomizeHosts: false,
      resolver: (host) => Promise.resolve([host]),
      connectionRetry: { maxTries: -1, delay: 100, maxJitter: 0, maxDelay: 1_000 },
      handler: this.#handler,
      clock: this.clock,
      ...options,
    });
    this.client.on('state', (state) => void this.states.push({ state, at: this.clock.now() }));
  }

  moodOf({ host }: Target): Mood {
    return this.moods.get(host) ?? 'answers';
  }

  setAll(mood: Mood, ...hosts: string[]): void {
    for (const host of hosts) this.moods.set(host, mood);
  }

  log(what: string, { host }: Target, detail: unknown): void {
    this.happened.push({ at: this.clock.now(), what, host, detail });
  }

  /** When something happened, in milliseconds from an instant. */
  times(what: string, since = 0): number[] {
    return this.happened.filter((entry) => entry.what === what && entry.at >= since).map(({ at }) => at - since);
  }

  get peer(): Peer {
    return this.peers.at(-1)!;
  }

  /** Starts the client; no time goes by. */
  async start(): Promise<void> {
    const started = this.client.start({ timeout: Infinity });
    await this.clock.settle();
    await started;
  }

  async stop(): Promise<void> {
    const stopped = this.client.stop();
    await this.clock.advance(this.timeout * 2);
    await stopped;
  }

  #dial(target: Target, signal: AbortSignal): Promise<Transport> {
    this.log('dial', target, target.address);
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.moodOf(target) === 'refuses') return Promise.reject(new Error('connect ECONNREFUSED'));
    const peer = new Peer(this, target);
    this.peers.push(peer);
    if (this.moodOf(target) === 'hangs up') peer.hangUp();
    return Promise.resolve(peer);
  }
}
