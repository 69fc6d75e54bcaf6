import type { Clock } from '../base/clock.ts';
import { AuthFailedError, ConfigurationError, ConnectionDropped, errorForCode, SASLException, type ConnectFailure } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { Connection, type ConnectReply } from '../connection/connection.ts';
import type { Handler } from '../connection/handler.ts';
import type { Target } from '../connection/transport.ts';
import type { Credentials } from './credentials.ts';
import { presentCredentials, presentSasl, restoreWatches, SaslInterrupted } from './establish.ts';
import type { Rotation } from './rotation.ts';
import { ScopedClock } from './scoped-clock.ts';
import type { SessionId, SessionOptions } from './session.ts';
import type { WatchTable } from './watch-table.ts';

/** A connection on which the session is confirmed and every credential answered. */
export interface Established {
  readonly connection: Connection;
  readonly target: Target;
  /** Negotiated, milliseconds. */
  readonly sessionTimeout: number;
  readonly readOnly: boolean;
  /** Resolves when the connection has ended. */
  readonly over: Promise<void>;
}

/** What the session is told, and asked, while a connection is made. */
export interface ConnectorSink {
  readonly watches: WatchTable;
  event(type: number, path: string): void;
  ended(established: Established, error: Error): void;
  connectFailed(failure: ConnectFailure): void;
  /** The server does not know the session any more. */
  expired(): void;
  /** A server has confirmed the session. */
  confirmed(): void;
  /** The moment before other requests may go out. `fresh` on a new session. */
  establishing(connection: Connection, fresh: boolean): void;
  lastZxid(): bigint;
}

const NO_PASSWORD = Buffer.alloc(16);
/** A name that resolves more slowly is left out of the cycle. */
const LOOKUP_PATIENCE = 5_000;
const SASL_TRIES = 3;
/** A connection that did not even last this long does not count as the end of an outage. */
const SHORT_LIVED = 1_000;

/** Finds a server and makes it ours: over all addresses, with backoff, from the dial to the last credential (Kazoo HO-1 to HO-4). */
export class Connector {
  readonly #options: SessionOptions;
  readonly #rotation: Rotation;
  readonly #clock: Clock;
  readonly #handler: Handler;
  readonly #credentials: Credentials;
  readonly #logger: Logger;
  readonly #sink: ConnectorSink;
  #sessionId: SessionId | null;
  /** A session that only a read-only server has seen is unknown to the ensemble: it is not offered elsewhere (protocol.md section 16). */
  #global: boolean;
  #run = new AbortController();
  #pauses: ScopedClock;
  #attempt: AbortController | undefined;
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
    this.#clock = clock;
    this.#handler = handler;
    this.#credentials = credentials;
    this.#logger = logger;
    this.#sink = sink;
    this.#pauses = new ScopedClock(clock);
    this.#sessionId = options.clientId ?? null;
    this.#global = options.clientId !== undefined;
  }

  get sessionId(): SessionId | null {
    return this.#sessionId;
  }

  open(): void {
    this.#run = new AbortController();
    this.#saslInterruptions = 0;
    this.#shortLived = 0;
  }

  /** Ends whatever is under way; `connect` then resolves with nothing. */
  close(): void {
    this.#run.abort(new ConnectionDropped('the client was stopped'));
    this.#attempt?.abort(this.#run.signal.reason);
    this.#pauses.fireAll();
  }

  forgetSession(): void {
    this.#sessionId = null;
    this.#global = false;
  }

  /** The session is given up: an attempt to resume it must not succeed any more, and a new one need not wait. */
  abandonSession(): void {
    this.forgetSession();
    this.#attempt?.abort(new ConnectionDropped('the session was given up meanwhile'));
    this.#pauses.fireAll();
  }

  prefer(target: Target): void {
    this.#rotation.prefer(target);
  }

  noteDrop(now: number): void {
    this.#shortLived = now - this.#establishedAt < SHORT_LIVED ? this.#shortLived + 1 : 0;
  }

  restoreWatches(connection: Connection, relativeZxid: bigint): void {
    restoreWatches(connection, this.#sink.watches, relativeZxid);
  }

  /** @returns undefined when the client was stopped; rejects when the retry policy gave up or nothing else would help */
  async connect(): Promise<Established | undefined> {
    const run = this.#run.signal;
    const stopped = new Promise<undefined>((resolve) => run.addEventListener('abort', () => resolve(undefined), { once: true }));
    if (run.aborted) return undefined;
    // Servers that take us and hang up again must not be dialled in a tight circle.
    if (this.#shortLived > 1) await this.#pause(Math.min(100 * 2 ** Math.min(this.#shortLived, 7), 10_000) * (0.6 + 0.8 * Math.random()));
    const policy = this.#options.connectionRetry(this.#pauses);
    const outcome = policy.call(() => this.#cycle(run));
    outcome.catch(() => undefined);
    return Promise.race([outcome.then((established) => (run.aborted ? this.#discard(established) : established)), stopped]);
  }

  #discard(established: Established): undefined {
    established.connection.end(new ConnectionDropped('the client was stopped'));
    return undefined;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#pauses.timer(milliseconds, resolve));
  }

  async #cycle(run: AbortSignal): Promise<Established> {
    const failures: ConnectFailure[] = [];
    const note = (failure: ConnectFailure): void => {
      failures.push(failure);
      this.#logger.debug(`${failure.host}:${failure.port} (${failure.address ?? 'not resolved'}): ${failure.cause.message}`);
      this.#sink.connectFailed(failure);
    };
    const targets = await this.#rotation.cycle(Math.min(LOOKUP_PATIENCE, this.#options.timeout), note);
    for (const target of targets) {
      if (run.aborted) throw new ConfigurationError('the client was stopped');
      try {
        return await this.#try(target, this.#options.timeout / targets.length);
      } catch (error) {
        const cause = this.#judge(error as Error);
        if (!run.aborted) note({ ...target, cause });
        if (isFatal(cause)) throw cause;
      }
    }
    if (run.aborted) throw new ConfigurationError('the client was stopped');
    throw errorForCode(-4, { cause: new AggregateError(failures.map(({ cause }) => cause), 'no server could be reached') });
  }

  /** A hang-up during SASL is how some servers say no: believed when it repeats (Kazoo D-10). */
  #judge(error: Error): Error {
    if (!(error instanceof SaslInterrupted)) return error;
    this.#saslInterruptions += 1;
    if (this.#saslInterruptions < SASL_TRIES) return error;
    return new AuthFailedError(`SASL: the server hung up ${SASL_TRIES} times during authentication`, { cause: error });
  }

  async #try(target: Target, limit: number): Promise<Established> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    const timer = this.#clock.timer(limit, () => attempt.abort(new ConnectionDropped(`no session within ${Math.round(limit)} ms (the session timeout shared among the addresses)`)));
    try {
      return await this.#establish(target, attempt.signal, () => timer.cancel());
    } finally {
      timer.cancel();
      if (this.#attempt === attempt) this.#attempt = undefined;
    }
  }

  async #establish(target: Target, attempt: AbortSignal, confirmed: () => void): Promise<Established> {
    const connection = await this.#openConnection(target, attempt);
    const { sessionId, password } = (this.#global ? this.#sessionId : null) ?? { sessionId: 0n, password: NO_PASSWORD };
    const reply = await this.#handshake(connection.connection, sessionId, password);
    if (reply.timeOut <= 0) {
      connection.connection.end(new ConnectionDropped('the server refused the session'));
      if (sessionId === 0n) throw new ConnectionDropped('the server refused to open a session');
      this.#sink.expired();
      return this.#establish(target, attempt, confirmed);
    }
    confirmed();
    this.#sink.confirmed();
    this.#sessionId = { sessionId: reply.sessionId, password: reply.passwd ?? NO_PASSWORD };
    this.#global ||= !reply.readOnly;
    connection.connection.confirm(reply.timeOut);
    const established = connection.confirm(reply);
    await this.#present(established, sessionId === 0n);
    return established;
  }

  async #present({ connection, target }: Established, fresh: boolean): Promise<void> {
    const { sasl } = this.#options;
    try {
      if (sasl !== undefined) await presentSasl(connection, sasl, target.host);
      await presentCredentials(connection, this.#credentials.all);
      if (connection.ended) throw new ConnectionDropped('the connection ended while it was being made');
    } catch (error) {
      connection.end(error as Error);
      throw error;
    }
    this.#saslInterruptions = 0;
    this.#establishedAt = this.#clock.now();
    this.#sink.establishing(connection, fresh);
  }

  #handshake(connection: Connection, sessionId: bigint, passwd: Buffer): Promise<ConnectReply> {
    const { timeout, readOnly } = this.#options;
    return connection.handshake({ protocolVersion: 0, lastZxidSeen: this.#sink.lastZxid(), timeOut: timeout, sessionId, passwd, readOnly });
  }

  /** A connection whose end is told to the session only from the moment it is confirmed. */
  async #openConnection(target: Target, attempt: AbortSignal): Promise<{ connection: Connection; confirm: (reply: ConnectReply) => Established }> {
    const transport = await this.#handler.dial(target, this.#options.dial, attempt);
    let established: Established | undefined;
    let over: () => void = () => undefined;
    const connection: Connection = new Connection(
      transport,
      this.#clock,
      {
        event: (type, path) => this.#sink.event(type, path),
        ended: (error) => {
          attempt.removeEventListener('abort', abort);
          if (established !== undefined) this.#sink.ended(established, error);
          over();
        },
      },
      this.#options,
    );
    const abort = (): void => connection.end(attempt.reason as Error);
    attempt.addEventListener('abort', abort, { once: true });
    if (attempt.aborted) abort();
    const confirm = ({ timeOut, readOnly }: ConnectReply): Established => {
      established = { connection, target, sessionTimeout: timeOut, readOnly, over: new Promise((resolve) => (over = resolve)) };
      return established;
    };
    return { connection, confirm };
  }
}

/** What no other server and no later time would change. */
function isFatal(error: Error): boolean {
  return error instanceof AuthFailedError || error instanceof SASLException;
}
