import type { Clock } from '../base/clock.ts';
import { Deferred } from '../base/deferred.ts';
import {
  AuthFailedError,
  ConnectionClosedError,
  ConnectionDropped,
  ConnectionLoss,
  SessionExpiredError,
} from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { KazooState, KeeperState, WatchListener } from '../base/states.ts';
import { OPS, type OpName, type RequestOf, type ResponseOf } from '../codec/ops.ts';
import type { Exchange } from '../connection/connection.ts';
import type { Handler } from '../connection/handler.ts';
import type { Target } from '../connection/transport.ts';
import { Call } from './call.ts';
import { Connector, type Established } from './connector.ts';
import { Credentials, type Credential } from './credentials.ts';
import { Diagnostics } from './diagnostics.ts';
import { CredentialRefused, presentCredential, restoreWatches } from './establish.ts';
import { failAll, Failure } from './failure.ts';
import { Farewell } from './farewell.ts';
import { LossPresumption } from './loss-presumption.ts';
import type { AnyQuestion, Question } from './question.ts';
import { ReadWriteProbe } from './read-write-probe.ts';
import { RequestQueue, type SubmitOptions } from './request-queue.ts';
import type { Rotation } from './rotation.ts';
import type { SessionId, SessionOptions, SessionSink } from './session-options.ts';
import { StateMachine } from './transitions.ts';
import { StayingSupport } from './staying-support.ts';
import { Teller } from './teller.ts';
import { WatchCallbacks } from './watch-callbacks.ts';
import { WatchTable, type WatchTableKind } from './watch-table.ts';

/** The error for pending requests when the session ends in a state (Kazoo RQ-5, RQ-9). */
const PENDING_FAIL_WITH = { EXPIRED_SESSION: SessionExpiredError, AUTH_FAILED: AuthFailedError, CLOSED: ConnectionLoss } as const;
type Ending = keyof typeof PENDING_FAIL_WITH;
const CLOSED = Failure.of((context) => new ConnectionClosedError(undefined, context));
const ORPHAN_TYPE = {
  data: 'data',
  exists: 'data',
  child: 'children',
  persistent: 'persistent',
  recursive: 'persistentRecursive',
} as const satisfies Record<WatchTableKind, string>;

/**
 * One session across many connections: states, requests that wait for a connection, watches, credentials.
 *
 * A lost connection fails all sent and queued requests; later requests wait for the next connection (Kazoo RQ-3, RQ-4).
 */
export class Session {
  readonly #handler: Handler;
  readonly #sink: SessionSink;
  readonly #logger: Logger;
  readonly #machine = new StateMachine();
  readonly #teller = new Teller();
  readonly #credentials = new Credentials();
  readonly #connector: Connector;
  readonly #probe: ReadWriteProbe;
  readonly #requests: RequestQueue;
  readonly #presumption: LossPresumption;
  readonly #farewell: Farewell;
  readonly #diagnostics: Diagnostics;
  readonly watches: WatchTable;
  readonly #callbacks: WatchCallbacks;
  readonly #support = new StayingSupport();
  #established: Established | undefined;
  #lastZxid = 0n;
  #sessionTimeout: number | null = null;
  #stopping: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** Settled when the current attempt has brought a session, or there will be none. */
  #connected = new Deferred();
  /** Resolves when the session is lost, or there is no hope of getting one. */
  #lost = new Deferred();
  #cause: Error | null = null;
  #usesHandler = false;
  #hadSession = false;

  constructor(options: SessionOptions, rotation: Rotation, clock: Clock, handler: Handler, sink: SessionSink, logger: Logger) {
    this.#handler = handler;
    this.#sink = sink;
    this.#logger = logger;
    this.watches = new WatchTable((kind, path) => {
      if (this.connected && this.#stopping === undefined) this.onOrphanWatch(ORPHAN_TYPE[kind], path);
    });
    this.#callbacks = new WatchCallbacks(this.watches, handler, options.chroot, (error) => sink.error(error));
    this.#requests = new RequestQueue(this.watches, clock, options, this.#support.metOld);
    this.#presumption = new LossPresumption(clock);
    this.#farewell = new Farewell(clock);
    this.#diagnostics = new Diagnostics(clock, () => this.target);
    this.#connector = new Connector(options, rotation, clock, handler, this.#credentials, logger, {
      event: (type, path, hasZxid) => this.#event(type, path, hasZxid),
      connectFailed: (failure) => sink.connectFailed(failure),
      expired: () =>
        this.#lose('EXPIRED_SESSION', new ConnectionDropped('the server no longer knows the session', { code: 'expired' })),
      confirmed: () => this.#presumption.cancel(),
      established: (established) => this.#announce(established),
      ended: (established, error) => this.#connectionEnded(established, error),
      lastZxid: () => this.#lastZxid,
      mayBeOld: (target) => this.#support.mayBeOld(target),
    });
    this.#probe = new ReadWriteProbe(rotation, options.dial, clock, handler, (target) => this.#moveTo(target));
  }

  /** Set by the layer above: removes an unwanted watch from the server. */
  onOrphanWatch: (type: 'data' | 'children' | 'persistent' | 'persistentRecursive', path: string) => void = () => undefined;

  /** Called before the state is read: a timer that would have changed it may not have run yet. */
  look(): void {
    this.#established?.connection.look();
    this.#presumption.look();
  }
  get state(): KazooState {
    return this.#machine.high;
  }
  /** Why the connection ended; null while connected, and before the first connection. */
  get cause(): Error | null {
    return this.#cause;
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
  /** The server of the current connection. */
  get target(): Target | undefined {
    return this.#established?.target;
  }
  /** The version of the current server, if it had to be asked before requests could be sent. */
  get serverVersion(): readonly number[] | undefined {
    return this.#established?.version;
  }
  /** Requests waiting for a connection or for room on it. */
  get queued(): number {
    return this.#requests.waiting;
  }
  get inFlight(): number {
    return this.#established?.connection.inFlight ?? 0;
  }
  /** The servers being tried now. */
  get underWay(): Connector['underWay'] {
    return this.#connector.underWay;
  }

  /** Resolves at the next end of a session, or of an attempt to get one, which no state shows, as the state is LOST already. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Whether {@link start} would only join a running start or session. */
  get running(): boolean {
    return this.#running !== undefined && !this.#machine.isOver;
  }

  /** Starts to connect, unless that is in progress; resolves once there is a session, rejects if there will be none. */
  async start(): Promise<void> {
    // A run that is ending, perhaps in this very turn, must be over first.
    for (;;) {
      if (this.#stopping !== undefined) await this.#stopping;
      else if (this.#running !== undefined && this.#machine.isOver) await this.#running;
      else break;
    }
    if (this.connected) return;
    if (this.#running === undefined) {
      this.#connected = new Deferred();
      this.#hadSession = false;
      void this.#useHandler(true);
      this.#connector.open();
      this.#machine.move('CONNECTING');
      this.#running = this.#run().finally(() => (this.#running = undefined));
    }
    return this.#connected.promise;
  }

  /** Finishes earlier requests, ends the session on the server, and settles everything. Takes bounded time; may be called from anywhere. */
  stop(): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    // Set before any listener is called: a listener may call this again.
    const stopped = new Deferred();
    this.#stopping = stopped.promise;
    const over = this.#stop().finally(() => (this.#stopping = undefined));
    over.then(stopped.resolve, stopped.reject);
    return stopped.promise;
  }

  addCredential(credential: Credential): void {
    this.#credentials.add(credential);
  }

  /** Presents a credential on the current connection; kept only once the server has accepted it. */
  async authenticate(credential: Credential): Promise<void | Failure> {
    const refused = this.#refusal();
    // Kept for the next start, as Kazoo does (AU-2).
    if (refused !== undefined || this.#established === undefined) this.#credentials.add(credential);
    if (refused !== undefined) return refused;
    const established = this.#established;
    if (established === undefined) return this.#whenAuthenticated();
    try {
      await presentCredential(established.connection, credential);
      this.#credentials.add(credential);
    } catch (error) {
      if (!(error instanceof CredentialRefused)) return Failure.ofCode(ConnectionLoss.code, error);
      this.#authFailed(error);
      return Failure.ofCode(AuthFailedError.code, error);
    }
  }

  /**
   * Sends a request when its turn comes. Never rejects: a failure is a {@link Failure}, from which the caller creates the error.
   */
  submit<K extends OpName>(
    op: K,
    request: RequestOf<K>,
    listener?: WatchListener,
    options?: SubmitOptions,
  ): Promise<ResponseOf<K> | Failure> {
    const outcome = new Promise<unknown>(keepResolve);
    this.#submit(op, request, listener, options);
    return outcome as Promise<ResponseOf<K> | Failure>;
  }

  /** Sends a request for a caller, who gets the question's result or error, in the order of the replies. */
  ask<K extends OpName, R>(
    question: Question<K, R>,
    request: RequestOf<K>,
    callersPath: string | undefined,
    listener?: WatchListener,
    options?: SubmitOptions,
  ): Promise<R> {
    const answer = new Promise<unknown>(keepResolve);
    this.#submit(question.op, request, listener, options, question, callersPath);
    return answer as Promise<R>;
  }

  /** Sets the one-shot watches of a path again, as after a reconnect: a persistent watch has covered or overwritten them. */
  rearm(path: string, relativeZxid: bigint): void {
    if (this.#established !== undefined)
      restoreWatches(this.#established.connection, this.watches.restorationAt(path, relativeZxid));
  }

  /** Ends the current connection as a network failure would: for tests, and for moving to another server. */
  drop(reason: string): void {
    this.#established?.connection.end(new ConnectionDropped(reason));
  }

  /** Why requests are refused; undefined while there is, or may be, a session. */
  #refusal(): Failure | undefined {
    if (this.#stopping !== undefined) return CLOSED;
    if (!this.#machine.refuses) return undefined;
    if (this.#machine.raw === 'AUTH_FAILED') return Failure.ofCode(AuthFailedError.code);
    return this.#machine.raw === 'EXPIRED_SESSION' ? Failure.ofCode(SessionExpiredError.code) : CLOSED;
  }

  /** Settles with the `resolve` kept last. */
  #submit(
    op: OpName,
    request: unknown,
    listener?: WatchListener,
    options?: SubmitOptions,
    question?: AnyQuestion,
    callersPath?: string,
  ): void {
    const call = new Call(OPS[op], request, listener, this.#requests, keptResolve, question, callersPath);
    const refused = this.#refusal();
    if (refused === undefined) {
      if (this.#diagnostics.wantsRequests) call.attach({ observe: this.#diagnostics.observer(op, request) });
      return this.#requests.submit(call, options);
    }
    call.settle(refused);
    call.leave();
  }

  async #run(): Promise<void> {
    try {
      while (this.#stopping === undefined && !this.#machine.isOver) {
        const established = await this.#connector.connect();
        if (established === undefined) return;
        await established.over;
      }
    } catch (error) {
      this.#fatal(error as Error);
    }
  }

  /** Restores watches before anything else is sent; sends waiting requests before listeners are called (Kazoo RQ-7, ST-11). */
  #announce(established: Established): void {
    this.#established = established;
    this.#sessionTimeout = established.sessionTimeout;
    this.#restoreWatches(established);
    this.#hadSession = true;
    this.#cause = null;
    const told = this.#machine.move(established.readOnly ? 'CONNECTED_RO' : 'CONNECTED');
    this.#logger.info(
      `session 0x${(this.#connector.sessionId?.sessionId ?? 0n).toString(16)} on ${established.target.host}:${established.target.port}${established.readOnly ? ' (read-only)' : ''}`,
    );
    if (established.readOnly) this.#probe.start(established.sessionTimeout);
    this.#requests.open(established.connection, established.version);
    if (told !== null) this.#teller.tell(() => this.#tell(told));
    this.#connected.resolve();
  }

  /** Tells listeners of persistent watches that they may have missed events or, if the server is too old for such watches, will get none. */
  #restoreWatches({ connection, target, version }: Established): void {
    const staying = this.watches.staying();
    const served = staying.size === 0 || this.#support.has(target, version);
    if (this.#hadSession) this.#callbacks.none(staying, served ? 'CONNECTED' : 'CONNECTING');
    if (!served)
      this.#logger.warn(
        `${target.host}:${target.port} is older than ZooKeeper 3.6: while connected to it, ${staying.size} persistent watches get no events`,
      );
    restoreWatches(connection, this.watches.restoration(this.#lastZxid, served), this.#support.listener(target));
  }

  #connectionEnded(established: Established, error: Error): void {
    const { connection, sessionTimeout } = established;
    const wasAnnounced = this.#established === established;
    const calls = wasAnnounced ? this.#detach() : connection.takeInFlight();
    if (wasAnnounced) this.#connector.noteDrop(established);
    if (this.#stopping !== undefined || this.#machine.isOver) {
      failAll(calls, new ConnectionLoss(undefined, { cause: error }));
      return this.#farewell.cut();
    }
    this.#noteZxid(connection.lastZxid);
    if (!wasAnnounced) failAll(calls, error);
    else this.#suspend(calls, error);
    this.#presumption.arm(connection.lastReceived, sessionTimeout, () => this.#presumeLost(sessionTimeout));
  }

  /** Rejects pending requests first, then calls listeners (Kazoo ST-9). */
  #suspend(calls: readonly Exchange[], error: Error): void {
    this.#logger.info(`connection lost: ${error.message}`);
    this.#cause = error;
    const told = this.#machine.move('CONNECTING');
    this.#connected = new Deferred();
    failAll([...calls, ...this.#requests.takeAll()], new ConnectionLoss(undefined, { cause: error }));
    if (told !== null) this.#teller.tellAfterRejections(() => this.#tell(told));
  }

  #presumeLost(sessionTimeout: number): void {
    if (this.#machine.raw !== 'CONNECTING' || this.#connector.sessionId === null) return;
    this.#connector.abandonSession();
    this.#lose(
      'EXPIRED_SESSION',
      new ConnectionDropped(`presumed: no server was heard from for 4/3 of the session timeout of ${sessionTimeout} ms`, {
        code: 'presumed',
      }),
    );
  }

  /** The session is over: listeners first, then pending requests, then watches (Kazoo ST-10). After an expiry the client continues by itself. */
  #lose(state: Ending, cause: Error, calls: readonly Exchange[] = []): void {
    this.#presumption.cancel();
    this.#connector.forgetSession();
    this.#lastZxid = 0n;
    this.#sessionTimeout = null;
    this.#cause = cause;
    const told = this.#machine.move(state);
    if (told !== null) {
      this.#logger.info(`the session is over: ${cause.message}`);
      this.#teller.tell(() => this.#tell(told));
    }
    failAll([...calls, ...this.#requests.takeAll()], new PENDING_FAIL_WITH[state](undefined, { cause }));
    this.#lost.resolve();
    this.#lost = new Deferred();
    const oneShot = this.watches.drainOneShot();
    const staying = state === 'EXPIRED_SESSION' ? this.watches.staying() : this.watches.drainStaying();
    this.#teller.tellAfterRejections(() => this.#callbacks.none([...oneShot, ...staying], state));
    // A listener may have stopped the client meanwhile.
    if (state === 'EXPIRED_SESSION' && this.#machine.raw === state) this.#machine.move('CONNECTING');
  }

  #authFailed(error: AuthFailedError): void {
    if (error instanceof CredentialRefused) this.#credentials.remove(error.credential);
    if (this.#machine.isOver) return;
    this.#giveUp('AUTH_FAILED', error);
  }

  /** There will be no session: rejects everyone who waits for one, with the reason. */
  #fatal(error: Error): void {
    if (this.#stopping !== undefined || this.#machine.isOver) return;
    this.#logger.error(`the client gave up: ${error.message}`);
    if (error instanceof AuthFailedError) this.#authFailed(error);
    else this.#giveUp('CLOSED', error);
  }

  #giveUp(state: Exclude<Ending, 'EXPIRED_SESSION'>, error: Error): void {
    const connection = this.#established?.connection;
    const calls = this.#detach();
    this.#connector.close();
    this.#lose(state, error, calls);
    connection?.end(error);
    this.#connected.reject(error);
    void this.#useHandler(false);
  }

  async #stop(): Promise<void> {
    if (this.#established !== undefined)
      await this.#farewell.say(this.#established.connection, this.#established.sessionTimeout, this.#requests);
    const reason = new ConnectionDropped('the client was stopped', { code: 'stopped' });
    const connection = this.#established?.connection;
    const calls = this.#detach();
    this.#connector.close();
    this.#lose('CLOSED', reason, calls);
    connection?.end(reason);
    this.#connected.reject(new ConnectionClosedError(undefined, { cause: reason }));
    await this.#running;
    await this.#teller.caughtUp();
    await this.#useHandler(false);
  }

  /** Detaches the current connection, and returns its unanswered requests. */
  #detach(): Exchange[] {
    const established = this.#established;
    if (established === undefined) return [];
    this.#established = undefined;
    this.#probe.stop();
    this.#requests.close();
    return established.connection.takeInFlight();
  }

  #tell(state: KazooState): void {
    this.#diagnostics.state(state, this.#cause);
    this.#sink.state(state);
  }

  /** Each start of the handler is paired with a stop: it may be shared with other clients. */
  async #useHandler(on: boolean): Promise<void> {
    if (this.#usesHandler === on) return;
    this.#usesHandler = on;
    if (on) this.#handler.start();
    else await this.#handler.stop();
  }

  /** Settles with the next connection, or with the end of the session, like any waiting request. If no other session will follow, the rejection comes first. */
  async #whenAuthenticated(): Promise<void | Failure> {
    try {
      const isLost = await Promise.race([this.#connected.promise, this.#lost.promise.then(() => true)]);
      if (isLost === true) return Failure.ofCode(SessionExpiredError.code, this.#cause);
    } catch (error) {
      return error instanceof AuthFailedError ? Failure.ofCode(AuthFailedError.code, error) : CLOSED;
    }
  }

  #event(wireType: number, serverPath: string, hasZxid: boolean): void {
    if (!this.#callbacks.event(wireType, serverPath, this.#machine.raw, hasZxid))
      this.#logger.warn(`received an event of unknown type ${wireType}`);
  }

  #noteZxid(zxid: bigint): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  #moveTo(target: Target): void {
    if (this.#machine.raw !== 'CONNECTED_RO') return;
    this.#connector.prefer(target);
    this.drop(`moving to the read-write server ${target.host}:${target.port}`);
  }
}

/** The promise's constructor calls back before it returns: so one function serves all requests, and none needs a closure. */
let keptResolve: (outcome: unknown) => void;

function keepResolve(resolve: (outcome: unknown) => void): void {
  keptResolve = resolve;
}
