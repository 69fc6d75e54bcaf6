import type { Clock, Timer } from '../base/clock.ts';
import {
  AuthFailedError,
  ConfigurationError,
  ConnectionDropped,
  ConnectionLoss,
  SASLException,
  unreached,
  type ConnectFailure,
} from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { Connection, type ConnectReply } from '../connection/connection.ts';
import { versionIn } from '../connection/four-letter.ts';
import type { Handler } from '../connection/handler.ts';
import type { Target } from '../connection/transport.ts';
import type { Credentials } from './credentials.ts';
import type { Cycle } from './cycle.ts';
import { presentCredentials, presentSasl, SaslInterrupted } from './establish.ts';
import type { Rotation } from './rotation.ts';
import { askServer } from './server-question.ts';
import { ScopedClock } from './scoped-clock.ts';
import type { SessionId, SessionOptions } from './session-options.ts';

/** A connection on which the session is confirmed and every credential answered. */
export interface Established {
  readonly connection: Connection;
  readonly target: Target;
  /** The negotiated timeout, milliseconds. */
  readonly sessionTimeout: number;
  readonly readOnly: boolean;
  /** The server's version, if there was a reason to ask; else, or if it did not answer, undefined. */
  version: readonly number[] | undefined;
  /** Resolves when the connection has ended. */
  readonly over: Promise<void>;
}

/** The session, as seen by the connector. */
export interface ConnectorSink {
  event(type: number, path: string, hasZxid: boolean): void;
  connectFailed(failure: ConnectFailure): void;
  /** The server no longer knows the session. */
  expired(): void;
  /** A server has confirmed the session. */
  confirmed(): void;
  /** Called in the turn in which the last credential is answered: other requests may be sent from here on. */
  established(established: Established): void;
  /** A confirmed connection has ended, perhaps before it was established. */
  ended(established: Established, error: Error): void;
  lastZxid(): bigint;
  /** Whether to ask a server for its version, because it, or another one, was too old for something. */
  mayBeOld(target: Target): boolean;
}

const NO_PASSWORD = Buffer.alloc(16);
/** The protocol version by which ClickHouse Keeper says that it cannot serve now, perhaps without a leader; everything else looks like a session. */
const REJECTED = 42;
/** Milliseconds; a name that resolves more slowly is left out of the cycle. */
const LOOKUP_PATIENCE = 5_000;
const SASL_TRIES = 3;
const OVERDUE = 'overdue';
/** Milliseconds; a connection that answered nothing and ended sooner does not count as the end of an outage. */
const SHORT_LIVED = 1_000;
const SHORT_PAUSE = 100;

/** Finds a server and establishes a connection: over all addresses, with backoff, from the dial to the last credential (Kazoo HO-1 to HO-4). */
export class Connector {
  readonly #options: SessionOptions;
  readonly #rotation: Rotation;
  readonly #clock: Clock;
  readonly #handler: Handler;
  readonly #credentials: Credentials;
  readonly #logger: Logger;
  readonly #sink: ConnectorSink;
  #sessionId: SessionId | null;
  #sessionTimeout: number;
  /** Whether the ensemble knows the session: one that only a read-only server has seen is not offered to other servers. */
  #global: boolean;
  #everConfirmed = false;
  #run = new AbortController();
  readonly #pauses: ScopedClock;
  #cycleUnderWay: Cycle | undefined;
  #attempt: { readonly target: Target; readonly abort: AbortController } | undefined;
  #saslInterruptions = 0;
  #establishedAt = -Infinity;
  #shortLived = 0;

  constructor(
    options: SessionOptions,
    rotation: Rotation,
    clock: Clock,
    handler: Handler,
    credentials: Credentials,
    logger: Logger,
    sink: ConnectorSink,
  ) {
    this.#options = options;
    this.#rotation = rotation;
    rotation.onChange = () => this.#hostsChanged();
    this.#clock = clock;
    this.#handler = handler;
    this.#credentials = credentials;
    this.#logger = logger;
    this.#sink = sink;
    this.#pauses = new ScopedClock(clock);
    this.#sessionId = options.clientId ?? null;
    this.#sessionTimeout = options.timeout;
    this.#global = options.clientId !== undefined;
  }

  get sessionId(): SessionId | null {
    return this.#sessionId;
  }

  /** The servers being tried now, which have neither failed nor succeeded. */
  get underWay(): { host: string; port: number; address: string | null }[] {
    const names = this.#cycleUnderWay?.unresolved.map((host) => ({ ...host, address: null })) ?? [];
    return this.#attempt === undefined ? names : [this.#attempt.target, ...names];
  }

  open(): void {
    this.#run = new AbortController();
    this.#saslInterruptions = 0;
    this.#shortLived = 0;
    this.#everConfirmed = false;
  }

  /** Ends everything in progress; `connect` then resolves with undefined. */
  close(): void {
    const reason = new ConnectionDropped('the client was stopped');
    this.#run.abort(reason);
    this.#cycleUnderWay?.close();
    this.#attempt?.abort.abort(reason);
    this.#pauses.fireAll();
  }

  forgetSession(): void {
    this.#sessionId = null;
    this.#sessionTimeout = this.#options.timeout;
    this.#global = false;
  }

  /** The session is abandoned: an attempt to resume it must not succeed any more, and a new session need not wait. */
  abandonSession(): void {
    this.forgetSession();
    this.#attempt?.abort.abort(new ConnectionDropped('the session was presumed lost meanwhile'));
    this.#pauses.fireAll();
  }

  /** Removed hosts may be dead, and trying them further could cost the session. The pause stays: hosts may be set after each failure. */
  #hostsChanged(): void {
    this.#cycleUnderWay?.close();
    if (this.#attempt !== undefined && !this.#rotation.has(this.#attempt.target))
      this.#attempt.abort.abort(new ConnectionDropped('the hosts were changed meanwhile'));
  }

  prefer(target: Target): void {
    this.#rotation.prefer(target);
  }

  /** An established connection has ended. A short-lived one does not count as the end of an outage. */
  noteDrop({ connection, target }: Established): void {
    this.#rotation.putLast(target);
    const isShort = connection.lastZxid === 0n && this.#clock.now() - this.#establishedAt < SHORT_LIVED;
    this.#shortLived = isShort ? this.#shortLived + 1 : 0;
  }

  /** @returns undefined if the client was stopped; rejects if the retry policy gave up or the error is fatal */
  async connect(): Promise<Established | undefined> {
    const run = this.#run.signal;
    await this.#restBetweenShortLives();
    const policy = this.#options.connectionRetry(this.#pauses, this.#sessionTimeout);
    return unlessAborted(
      policy.call(() => this.#cycle(run)),
      run,
    );
  }

  /** Servers that accept us and hang up must not be dialled in a tight loop, although a confirmed session ends the backoff (Kazoo HO-4). */
  async #restBetweenShortLives(): Promise<void> {
    if (this.#shortLived < 2) return;
    const pause = SHORT_PAUSE * (0.6 + 0.8 * Math.random());
    await new Promise<void>((resolve) => void this.#pauses.timer(pause, resolve));
  }

  async #cycle(run: AbortSignal): Promise<Established> {
    const failures: ConnectFailure[] = [];
    const note = (failure: ConnectFailure): void => {
      if (run.aborted) return;
      failures.push(failure);
      this.#logger.debug(`${failure.host}:${failure.port} (${failure.address ?? 'not resolved'}): ${failure.cause.message}`);
      this.#sink.connectFailed(failure);
    };
    const cycle = this.#rotation.cycle(Math.min(LOOKUP_PATIENCE, this.#sessionTimeout), note);
    const resumed = this.#sessionId;
    this.#cycleUnderWay = cycle;
    try {
      const established = await this.#tryEach(cycle, run, note);
      if (established !== undefined) return established;
    } finally {
      cycle.close();
    }
    // Nobody waits for a stopped client's connection, and the policy must not call again.
    if (run.aborted) return new Promise(() => undefined);
    // The session was abandoned during the cycle.
    if (resumed !== null && this.#sessionId === null) return this.#cycle(run);
    throw new ConnectionLoss(...unreached('no server could be reached', failures));
  }

  async #tryEach(cycle: Cycle, run: AbortSignal, note: (failure: ConnectFailure) => void): Promise<Established | undefined> {
    for (;;) {
      const target = await cycle.next();
      if (target === undefined || run.aborted) return undefined;
      try {
        // A starting server may never answer (3.9.5 does not hang up on clients it cannot accept yet): if there is no other server, it must be asked again in time.
        const shares = Math.max(this.#sessionId === null ? 1 : 2, cycle.size);
        return await this.#try(target, this.#sessionTimeout / shares);
      } catch (error) {
        const cause = this.#judge(error as Error);
        note({ ...target, cause });
        if (!run.aborted && this.#isFatal(cause)) throw cause;
      }
    }
  }

  /** Errors that no other server and no later attempt would change. A certificate file that goes missing later may come back. */
  #isFatal(error: Error): boolean {
    return (
      error instanceof AuthFailedError ||
      error instanceof SASLException ||
      (error instanceof ConfigurationError && !this.#everConfirmed)
    );
  }

  /** Some servers refuse SASL by hanging up: believed if it repeats (Kazoo D-10). */
  #judge(error: Error): Error {
    if (!(error instanceof SaslInterrupted) || (error.cause as ConnectionDropped).code === OVERDUE) return error;
    this.#saslInterruptions += 1;
    if (this.#saslInterruptions < SASL_TRIES) return error;
    return new AuthFailedError(`SASL: the server hung up ${SASL_TRIES} times during authentication`, { cause: error });
  }

  async #try(target: Target, limit: number): Promise<Established> {
    const attempt = { target, abort: new AbortController() };
    this.#attempt = attempt;
    const limited = (by: number, message: string): Timer =>
      this.#clock.timer(by, () => attempt.abort.abort(new ConnectionDropped(message, { code: OVERDUE })));
    let timer = limited(limit, `no session within ${Math.round(limit)} ms (its share of the session timeout)`);
    try {
      return await this.#establish(target, attempt.abort.signal, () => {
        timer.cancel();
        const whole = this.#sessionTimeout;
        timer = limited(whole, `the credentials were not answered within the session timeout of ${whole} ms`);
      });
    } finally {
      timer.cancel();
      if (this.#attempt === attempt) this.#attempt = undefined;
    }
  }

  async #establish(target: Target, attempt: AbortSignal, confirmed: () => void): Promise<Established> {
    const { connection, confirm } = await this.#openConnection(target, attempt);
    const { sessionId, password } = (this.#global ? this.#sessionId : null) ?? { sessionId: 0n, password: NO_PASSWORD };
    const reply = await this.#handshake(connection, sessionId, password);
    // The attempt may have been aborted in the turn in which the reply arrived.
    if (connection.ended)
      throw (attempt.reason as Error | undefined) ?? new ConnectionDropped('the connection ended while it was being established');
    if (reply.timeOut <= 0 || reply.protocolVersion === REJECTED) {
      connection.end(new ConnectionDropped('the server refused the session'));
      if (sessionId === 0n || reply.timeOut > 0) throw new ConnectionDropped('the server refused to open a session');
      this.#sink.expired();
      return this.#establish(target, attempt, confirmed);
    }
    if (sessionId !== 0n && BigInt.asIntN(64, sessionId) !== reply.sessionId) this.#replaced(connection, attempt);
    this.#everConfirmed = true;
    this.#sessionId = { sessionId: reply.sessionId, password: reply.passwd ?? NO_PASSWORD };
    this.#sessionTimeout = reply.timeOut;
    confirmed();
    this.#global ||= !reply.readOnly;
    this.#sink.confirmed();
    connection.confirm(reply.timeOut);
    const established = confirm(reply);
    if (reply.isShort || this.#sink.mayBeOld(target))
      established.version = await this.#askVersion(target, reply.timeOut, attempt);
    await this.#present(established);
    return established;
  }

  /** ClickHouse Keeper resumes no sessions: it creates another one instead, and the ephemeral nodes of the old one are gone. */
  #replaced(connection: Connection, attempt: AbortSignal): void {
    this.#sink.expired();
    // A listener may have stopped the client.
    if (connection.ended) throw attempt.reason as Error;
  }

  /** A server that does not know a request hangs up or, before 3.4, never answers it: so do not send such requests. */
  async #askVersion(target: Target, sessionTimeout: number, attempt: AbortSignal): Promise<readonly number[] | undefined> {
    const { dial } = this.#options;
    const asked = { handler: this.#handler, dial, clock: this.#clock };
    return versionIn((await askServer('srvr', target, asked, attempt, sessionTimeout / 3)) ?? '');
  }

  async #present(established: Established): Promise<void> {
    const { connection, target } = established;
    const { sasl } = this.#options;
    try {
      if (sasl !== undefined) await presentSasl(connection, sasl, target.host);
      await presentCredentials(connection, this.#credentials);
      if (connection.ended) throw new ConnectionDropped('the connection ended while it was being established');
    } catch (error) {
      connection.end(error as Error);
      throw error;
    }
    this.#saslInterruptions = 0;
    this.#establishedAt = this.#clock.now();
    this.#sink.established(established);
  }

  #handshake(connection: Connection, sessionId: bigint, passwd: Buffer): Promise<ConnectReply> {
    const { timeout, readOnly } = this.#options;
    return connection.handshake({
      protocolVersion: 0,
      lastZxidSeen: this.#sink.lastZxid(),
      timeOut: timeout,
      sessionId,
      passwd,
      readOnly,
    });
  }

  /** A connection whose end is reported to the session only once it is confirmed. */
  async #openConnection(
    target: Target,
    attempt: AbortSignal,
  ): Promise<{ connection: Connection; confirm: (reply: ConnectReply) => Established }> {
    const transport = await this.#handler.dial(target, this.#options.dial, attempt);
    // A handler may not have noticed the abort in time.
    if (attempt.aborted) {
      transport.destroy();
      throw attempt.reason;
    }
    let established: Established | undefined;
    let over: () => void = () => undefined;
    const ended = (error: Error): void => {
      attempt.removeEventListener('abort', abort);
      if (established !== undefined) this.#sink.ended(established, error);
      over();
    };
    const connection = new Connection(
      transport,
      this.#clock,
      { event: (type, path, hasZxid) => this.#sink.event(type, path, hasZxid), ended },
      this.#options,
    );
    const abort = (): void => connection.end(attempt.reason as Error);
    attempt.addEventListener('abort', abort, { once: true });
    const confirm = ({ timeOut, readOnly }: ConnectReply): Established => {
      const whenOver = new Promise<void>((resolve) => (over = resolve));
      established = { connection, target, sessionTimeout: timeOut, readOnly, version: undefined, over: whenOver };
      return established;
    };
    return { connection, confirm };
  }
}

/** Resolves with undefined as soon as the signal is aborted. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined);
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  });
}
