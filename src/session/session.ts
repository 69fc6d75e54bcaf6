import type { Clock, Timer } from '../base/clock.ts';
import { AuthFailedError, ConnectionClosedError, ConnectionDropped, errorForCode, type ConnectFailure } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { stripChroot } from '../base/paths.ts';
import type { RetryPolicy } from '../base/retry.ts';
import { EVENT_TYPE_MAP, type EventType, type KazooState, type KeeperState, type WatchListener } from '../base/states.ts';
import { OPS, type OpName, type OpRow, type RequestOf, type ResponseOf } from '../codec/ops.ts';
import type { Connection, Exchange } from '../connection/connection.ts';
import type { DialOptions } from '../connection/dial.ts';
import type { Handler } from '../connection/handler.ts';
import type { SaslOptions } from '../connection/sasl.ts';
import type { Target } from '../connection/transport.ts';
import { Call, Failure } from './call.ts';
import { Connector, type Established } from './connector.ts';
import { Credentials, type Credential } from './credentials.ts';
import { CredentialRefused, presentCredential } from './establish.ts';
import { ReadWriteProbe } from './read-write-probe.ts';
import type { Rotation } from './rotation.ts';
import { StateMachine } from './transitions.ts';
import { Teller } from './teller.ts';
import { WatchTable } from './watch-table.ts';

export interface SessionOptions {
  readonly timeout: number;
  readonly clientId: SessionId | undefined;
  readonly readOnly: boolean;
  readonly chroot: string;
  readonly sasl: SaslOptions | undefined;
  readonly dial: DialOptions;
  readonly maxInFlight: number;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  readonly firstXid: number | undefined;
  readonly connectionRetry: (clock: Clock) => RetryPolicy;
}

export interface SessionId {
  readonly sessionId: bigint;
  readonly password: Buffer;
}

/** What the session tells the layer above. */
export interface SessionSink {
  state(state: KazooState): void;
  connectFailed(failure: ConnectFailure): void;
  /** What a user's callback threw. */
  error(error: unknown): void;
}

export interface SubmitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
}

const CONNECTION_LOSS = -4;
const SESSION_EXPIRED = -112;
const AUTH_FAILED = -115;

/**
 * One session across many connections: states, requests that wait for a connection, watches, credentials.
 *
 *   submit ──> [ queue: no connection, or too many in flight ] ──> connection ──> reply
 *
 * A drop fails what was sent and what was queued; what is submitted afterwards waits for the next connection (Kazoo RQ-3, RQ-4).
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #handler: Handler;
  readonly #sink: SessionSink;
  readonly #logger: Logger;
  readonly #machine = new StateMachine();
  readonly #teller = new Teller();
  readonly #credentials = new Credentials();
  readonly #connector: Connector;
  readonly #probe: ReadWriteProbe;
  readonly watches: WatchTable;
  #queue: Call[] = [];
  #established: Established | undefined;
  #lastZxid = 0n;
  #sessionTimeout: number | null = null;
  #lostTimer: Timer | undefined;
  #stopping: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  #connected = deferred();

  constructor(options: SessionOptions, rotation: Rotation, clock: Clock, handler: Handler, sink: SessionSink, logger: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#handler = handler;
    this.#sink = sink;
    this.#logger = logger;
    this.watches = new WatchTable((kind, path) => this.#onOrphanWatch(kind, path));
    this.#connector = new Connector(options, rotation, clock, handler, this.#credentials, logger, {
      event: (type, path) => this.#event(type, path),
      ended: (established, error) => this.#connectionEnded(established, error),
      connectFailed: (failure) => sink.connectFailed(failure),
      expired: () => this.#lose('EXPIRED_SESSION', SESSION_EXPIRED, new ConnectionDropped('the server no longer knows the session')),
      confirmed: () => this.#lostTimer?.cancel(),
      establishing: (connection, fresh) => this.#restore(connection, fresh),
      lastZxid: () => this.#lastZxid,
      watches: this.watches,
    });
    this.#probe = new ReadWriteProbe(rotation, options.dial, clock, handler, (target) => this.#moveTo(target));
  }

  /** Set by the layer above: how to take back a server-side watch nobody wants. */
  onOrphanWatch: (type: 'data' | 'children' | 'persistent' | 'persistentRecursive', path: string) => void = () => undefined;

  get state(): KazooState {
    return this.#machine.high;
  }
  get keeperState(): KeeperState {
    return this.#machine.raw;
  }
  get connected(): boolean {
    return this.#machine.raw === 'CONNECTED' || this.#machine.raw === 'CONNECTED_RO';
  }
  get sessionId(): SessionId | null {
    return this.connected ? this.#connector.sessionId : null;
  }
  get sessionTimeout(): number | null {
    return this.#sessionTimeout;
  }
  get lastZxid(): bigint {
    const current = this.#established?.connection.lastZxid ?? 0n;
    return current > this.#lastZxid ? current : this.#lastZxid;
  }
  /** The server of the present connection. */
  get target(): Target | undefined {
    return this.#established?.target;
  }
  /** Requests waiting for a connection or for room on it. */
  get queued(): number {
    return this.#queue.reduce((count, call) => count + (call.settled ? 0 : 1), 0);
  }
  get inFlight(): number {
    return this.#established?.connection.inFlight ?? 0;
  }
  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Begins to connect, unless that is under way; resolves with the first session, rejects when there will be none. */
  async start(): Promise<void> {
    await this.#stopping;
    if (this.#running === undefined) {
      this.#connected = deferred();
      this.#handler.start();
      this.#connector.open();
      this.#machine.move('CONNECTING');
      this.#running = this.#run().finally(() => (this.#running = undefined));
    }
    return this.#connected.promise;
  }

  /** Finishes what was submitted, ends the session at the server, and settles everything. Bounded, and safe from anywhere. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => (this.#stopping = undefined));
    return this.#stopping;
  }

  addCredential(credential: Credential): void {
    this.#credentials.add(credential);
  }

  /** Presents a credential on the present connection; kept only once the server has accepted it. */
  async authenticate(credential: Credential): Promise<void | Failure> {
    const refused = this.#refusal();
    if (refused !== undefined) {
      // Kept for the next start, as Kazoo does (AU-2).
      if (this.#stopping === undefined) this.#credentials.add(credential);
      return refused;
    }
    const established = this.#established;
    if (established === undefined) {
      this.#credentials.add(credential);
      await this.#connected.promise.catch(() => undefined);
      return this.#refusal() ?? undefined;
    }
    try {
      await presentCredential(established.connection, credential);
      this.#credentials.add(credential);
    } catch (error) {
      if (!(error instanceof CredentialRefused)) return Failure.ofCode(CONNECTION_LOSS, error);
      this.#authFailed(error);
      return Failure.ofCode(AUTH_FAILED, error);
    }
  }

  /**
   * Sends a request when its turn comes. Never rejects: a failure is a {@link Failure}, from which the caller makes the error.
   */
  submit<K extends OpName>(op: K, request: RequestOf<K>, listener?: WatchListener, options?: SubmitOptions): Promise<ResponseOf<K> | Failure> {
    return new Promise((resolve) => {
      const refused = this.#refusal();
      if (refused !== undefined) return resolve(refused);
      const call = new Call(OPS[op] as OpRow, request, listener, this, resolve as (outcome: unknown) => void);
      if (options !== undefined && (options.signal !== undefined || options.timeout !== undefined)) this.#limit(call, options);
      if (call.settled) return;
      if (this.#queue.length === 0 && this.#hasRoom()) this.#established!.connection.send(call, request);
      else this.#enqueue(call, request);
    });
  }

  /** Tells one listener, in its turn. */
  notify(listener: WatchListener, type: EventType, path: string | null, state: KeeperState = this.#machine.raw): void {
    this.#handler.dispatch('watch', () => listener({ type, state, path }), (error) => this.#sink.error(error));
  }

  /** Ends the present connection as a network would: for tests and for moving to another server. */
  drop(reason: string): void {
    this.#established?.connection.end(new ConnectionDropped(reason));
  }

  async #run(): Promise<void> {
    try {
      while (this.#stopping === undefined) {
        const established = await this.#connector.connect();
        if (established === undefined) break;
        this.#announce(established);
        await established.over;
        if (this.#machine.refuses) break;
      }
    } catch (error) {
      this.#fatal(error as Error);
    }
  }

  #announce(established: Established): void {
    // It may have ended in the very turn it was ready.
    if (established.connection.ended) return;
    this.#established = established;
    this.#sessionTimeout = established.sessionTimeout;
    const told = this.#machine.move(established.readOnly ? 'CONNECTED_RO' : 'CONNECTED');
    this.#logger.info(`session 0x${(this.#connector.sessionId?.sessionId ?? 0n).toString(16)} on ${established.target.host}:${established.target.port}${established.readOnly ? ' (read-only)' : ''}`);
    if (established.readOnly) this.#probe.start();
    this.#pump();
    if (told !== null) this.#teller.tell(() => this.#sink.state(told));
    this.#connected.resolve();
  }

  /** Before anything else goes out on a connection: staying watches hear that they may have missed something, all are put back. */
  #restore(connection: Connection, fresh: boolean): void {
    if (!fresh || this.watches.staying().size > 0) {
      for (const listener of this.watches.staying()) this.notify(listener, 'NONE', null, 'CONNECTED');
    }
    this.#connector.restoreWatches(connection, this.#lastZxid);
  }

  #connectionEnded(established: Established, error: Error): void {
    this.#noteZxid(established.connection.lastZxid);
    const calls = established.connection.takeInFlight();
    if (this.#established !== established) {
      for (const call of calls) call.fail(error);
      this.#armLostTimer(established.connection.lastReceived, established.sessionTimeout);
      return;
    }
    this.#probe.stop();
    this.#established = undefined;
    this.#connector.noteDrop(this.#clock.now());
    if (this.#stopping !== undefined || this.#machine.refuses) {
      this.#failAll(calls, CONNECTION_LOSS, error);
      return this.#drained?.();
    }
    this.#logger.info(`connection lost: ${error.message}`);
    const told = this.#machine.move('CONNECTING');
    this.#failAll(calls, CONNECTION_LOSS, error);
    this.#armLostTimer(established.connection.lastReceived, established.sessionTimeout);
    if (told !== null) this.#teller.tellAfterRejections(() => this.#sink.state(told));
  }

  /** LOST is presumed at 4/3 of the timeout after the last byte (ZOOKEEPER-4508): the server cannot have kept the session longer. */
  #armLostTimer(lastReceived: number, sessionTimeout: number): void {
    this.#lostTimer?.cancel();
    const due = lastReceived + (sessionTimeout * 4) / 3 - LOST_MARGIN;
    this.#lostTimer = this.#clock.timer(Math.max(0, due - this.#clock.now()), () => {
      if (this.#machine.raw !== 'CONNECTING' || this.#connector.sessionId === null) return;
      this.#connector.abandonSession();
      this.#lose('EXPIRED_SESSION', SESSION_EXPIRED, new ConnectionDropped(`presumed: nothing was heard from a server for 4/3 of the session timeout of ${sessionTimeout} ms`));
    });
  }

  /** The session is over: listeners first, then what is pending, then the watches (Kazoo ST-10). Out of an expiry the client goes on by itself. */
  #lose(state: 'EXPIRED_SESSION' | 'AUTH_FAILED' | 'CLOSED', code: number, cause: Error | undefined, calls: readonly Exchange[] = []): void {
    this.#lostTimer?.cancel();
    const told = this.#machine.move(state);
    if (told !== null) this.#teller.tell(() => this.#sink.state(told));
    this.#failAll(calls, code, cause);
    for (const listener of this.watches.drainOneShot()) this.notify(listener, 'NONE', null, state);
    const staying = state === 'EXPIRED_SESSION' ? this.watches.staying() : this.watches.drainStaying();
    for (const listener of staying) this.notify(listener, 'NONE', null, state);
    this.#connector.forgetSession();
    this.#lastZxid = 0n;
    this.#sessionTimeout = null;
    if (state === 'EXPIRED_SESSION') this.#machine.move('CONNECTING');
  }

  #authFailed(error: AuthFailedError): void {
    const established = this.#established;
    this.#established = undefined;
    if (error instanceof CredentialRefused) this.#credentials.remove(error.credential);
    const calls = established?.connection.takeInFlight() ?? [];
    this.#lose('AUTH_FAILED', AUTH_FAILED, error, calls);
    this.#probe.stop();
    established?.connection.end(error);
    this.#connector.close();
  }

  /** There will be no session: everyone who waits for one is told why. */
  #fatal(error: Error): void {
    if (this.#stopping !== undefined) return;
    this.#logger.error(`the client gave up: ${error.message}`);
    if (error instanceof AuthFailedError) this.#authFailed(error);
    else this.#lose('CLOSED', CONNECTION_LOSS, error);
    this.#connected.reject(error);
    void Promise.resolve(this.#handler.stop());
  }

  async #stop(): Promise<void> {
    const established = this.#established;
    if (established !== undefined && this.connected) await this.#finish(established);
    this.#connector.close();
    established?.connection.end(new ConnectionDropped('the client was stopped'));
    this.#lose('CLOSED', CONNECTION_LOSS, new ConnectionDropped('the client was stopped'));
    this.#connected.reject(errorForCode(SESSION_EXPIRED, { cause: new ConnectionDropped('the client was stopped') }));
    this.#probe.stop();
    await this.#running;
    await this.#handler.stop();
  }

  /** What was submitted before is answered first; then the server is told. A silent server bounds this by the heartbeat, a slow one by a session timeout. */
  async #finish(established: Established): Promise<void> {
    await this.#bounded(established.sessionTimeout, (done) => {
      this.#drained = done;
      this.#checkDrained();
    });
    this.#drained = undefined;
    if (established.connection.ended) return;
    await this.#bounded(CLOSE_PATIENCE, (done) => {
      this.#drained = done;
      established.connection.send({ row: OPS.closeSession, reply: done, fail: done }, undefined);
    });
  }

  #bounded(limit: number, begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.timer(limit, resolve);
      begin(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #checkDrained(): void {
    if (this.#drained !== undefined && this.inFlight === 0 && this.#queue.length === 0) this.#drained();
  }

  #refusal(): Failure | undefined {
    if (this.#stopping === undefined && !this.#machine.refuses) return undefined;
    if (this.#stopping === undefined && this.#machine.raw === 'AUTH_FAILED') return Failure.ofCode(AUTH_FAILED);
    if (this.#stopping === undefined && this.#machine.raw === 'EXPIRED_SESSION') return Failure.ofCode(SESSION_EXPIRED);
    return CLOSED;
  }

  #hasRoom(): boolean {
    const established = this.#established;
    return established !== undefined && !established.connection.ended && established.connection.inFlight < this.#options.maxInFlight && this.connected;
  }

  #enqueue(call: Call, request: unknown): void {
    // Sent later than asked: the caller's buffer may have changed by then.
    const data = (request as { data?: unknown } | undefined)?.data;
    if (data instanceof Uint8Array) (request as { data: Buffer }).data = Buffer.from(data);
    this.#queue.push(call);
  }

  #pump(): void {
    if (this.#queue.length > 0) {
      let index = 0;
      for (; index < this.#queue.length && this.#hasRoom(); index++) {
        const call = this.#queue[index]!;
        if (!call.settled) this.#established!.connection.send(call, call.request);
      }
      this.#queue = this.#queue.slice(index);
    }
    this.#checkDrained();
  }

  /** Ends a call's wait early; its place on the wire, if it has one, stays taken until the reply comes and is dropped. */
  #limit(call: Call, { signal, timeout }: SubmitOptions): void {
    let timer: Timer | undefined;
    const end = (failure: Failure): void => call.settle(failure);
    const abort = (): void => end(Failure.ofError(() => signal!.reason as unknown));
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (timeout !== undefined && timeout !== Infinity) {
      timer = this.#clock.timer(timeout, () => end(Failure.ofCode(-7, new Error(`no reply within the call's timeout of ${timeout} ms`))));
    }
    call.onSettled = () => {
      timer?.cancel();
      signal?.removeEventListener('abort', abort);
    };
  }

  #failAll(calls: readonly Exchange[], code: number, cause: Error | undefined): void {
    const queued = this.#queue;
    this.#queue = [];
    for (const call of [...calls, ...queued]) call.fail(errorForCode(code, { cause }));
  }

  #event(wireType: number, serverPath: string): void {
    const type = EVENT_TYPE_MAP[wireType];
    if (type === undefined || type === 'NONE') return this.#logger.warn(`an event of unknown type ${wireType}`);
    const listeners = this.watches.fire(type, serverPath);
    if (listeners.size === 0) return;
    const path = stripChroot(this.#options.chroot, serverPath);
    for (const listener of listeners) this.notify(listener, type, path);
  }

  #noteZxid(zxid: bigint): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  #moveTo(target: Target): void {
    if (this.#machine.raw !== 'CONNECTED_RO') return;
    this.#connector.prefer(target);
    this.drop(`moving to the read-write server ${target.host}:${target.port}`);
  }

  #onOrphanWatch(kind: 'data' | 'exists' | 'child' | 'persistent' | 'recursive', path: string): void {
    if (!this.connected || this.#stopping !== undefined) return;
    this.onOrphanWatch(ORPHAN_TYPE[kind], path);
  }

  /** Called by calls as they settle: a reply makes room for the next. */
  replied(): void {
    if (this.#queue.length > 0 || this.#drained !== undefined) this.#pump();
  }
}

const ORPHAN_TYPE = { data: 'data', exists: 'data', child: 'children', persistent: 'persistent', recursive: 'persistentRecursive' } as const;
const CLOSE_PATIENCE = 2_000;
/** The timer may fire late, the promise is an upper bound: aim a little before. */
const LOST_MARGIN = 20;
const CLOSED = Failure.ofError((context) => new ConnectionClosedError(undefined, context));


interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function deferred(): Deferred {
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // Nobody need be waiting.
  promise.catch(() => undefined);
  return { promise, ...settle! };
}
