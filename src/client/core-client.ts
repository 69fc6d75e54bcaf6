import { LIMITS, requireDuration, requireLimits, requireOptions, requireString } from '../base/arguments.ts';
import type { Clock } from '../base/clock.ts';
import {
  ConfigurationError,
  ConnectionClosedError,
  ConnectionDropped,
  ConnectionLoss,
  KazooException,
  KazooTimeoutError,
  type ConnectFailure,
} from '../base/errors.ts';
import { collectHosts, type HostPort } from '../base/hosts.ts';
import type { Logger } from '../base/logger.ts';
import { addChroot, describeValue, normalizePath, stripChroot } from '../base/paths.ts';
import { KazooRetry, toRetryPolicy, UNLIMITED_RETRY, type RetryPolicy } from '../base/retry.ts';
import { ON_LISTENER_ERROR, SafeEmitter } from '../base/safe-emitter.ts';
import type { ACL } from '../base/security.ts';
import { seenByAwaiting } from '../base/seen-by.ts';
import type { KazooState, KeeperState, WatchListener } from '../base/states.ts';
import type { OpName, RequestOf, ResponseOf } from '../codec/ops.ts';
import { askFourLetterWord, versionIn } from '../connection/four-letter.ts';
import type { DialOptions } from '../connection/dial.ts';
import { onAbort } from '../session/abort-listeners.ts';
import { Failure } from '../session/failure.ts';
import { question } from '../session/question.ts';
import type { SubmitOptions } from '../session/request-queue.ts';
import { Rotation } from '../session/rotation.ts';
import { ScopedClock } from '../session/scoped-clock.ts';
import { Session } from '../session/session.ts';
import { checkFlags, refuseSasl } from './arguments.ts';
import type { WaitOptions } from './call-options.ts';
import { DROP, LOST, RETRY_UNTIL, ROOTED, SESSION, SUBMIT } from './internals.ts';
import { withinLimits } from './limits.ts';
import { resolveOptions, type KazooClientOptions, type ResolvedOptions } from './options.ts';
import type { ClientId, KazooClientEvents } from './recipe-client.ts';

const START_TIMEOUT = 15_000;
const VERSION_OPTIONS = [...LIMITS, 'retries'] as const;
/** A server's whitelist may lack any of them; Solr asks for a whitelist of `mntr` alone. */
const VERSION_WORDS = ['srvr', 'envi', 'mntr'] as const;

/** A client's life cycle: states, start and stop, hosts, credentials; and the path of every operation to the session. */
export class CoreClient extends SafeEmitter<KazooClientEvents> {
  /** The ACL of nodes created without one; null means open to all. */
  defaultAcl: ACL[] | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The prefix of every path; '' if none. */
  readonly chroot: string;
  /** The session. Not part of the public contract. @internal */
  protected readonly [SESSION]: Session;
  readonly #options: ResolvedOptions;
  readonly #rotation: Rotation;
  readonly #commandRetry: RetryPolicy;
  /** The pauses of the command retry; the next `stop()` ends them. */
  #pauses: ScopedClock;
  readonly #failures = new Map<string, ConnectFailure>();
  #stopped: Promise<void> | undefined;
  /** Pending calls of `start()`. */
  #starting = 0;
  /** Whether those calls started the client, rather than finding it running. */
  #startsRun = false;

  /** @throws ConfigurationError naming the invalid option; TypeError and RangeError for retry options */
  constructor(options?: string | KazooClientOptions) {
    super();
    const resolved = resolveOptions(options);
    const { hosts, chroot } = collectHosts(resolved.hosts);
    this.#options = resolved;
    this.chroot = chroot;
    this.defaultAcl = resolved.defaultAcl;
    this.clock = resolved.clock;
    this.logger = resolved.logger;
    this.#commandRetry = toRetryPolicy(resolved.commandRetry, { ...UNLIMITED_RETRY, clock: resolved.clock });
    this.#pauses = this.#newPauses();
    toRetryPolicy(resolved.connectionRetry, UNLIMITED_RETRY);
    this.#rotation = new Rotation(hosts, resolved.randomizeHosts, resolved.resolver, resolved.clock);
    this[SESSION] = this.#makeSession();
    for (const [scheme, credential] of resolved.authData ?? [])
      this[SESSION].addCredential({ scheme, auth: Buffer.from(credential as string) });
  }

  /** The state the application should act on; 'LOST' before the first connection. */
  get state(): KazooState {
    this[SESSION].look();
    return this[SESSION].state;
  }
  /** The state at protocol level. */
  get clientState(): KeeperState {
    this[SESSION].look();
    return this[SESSION].keeperState;
  }
  get connected(): boolean {
    this[SESSION].look();
    return this[SESSION].connected;
  }
  /**
   * Why the state is SUSPENDED or LOST; null while connected, and before the first connection. The `code` of a ConnectionDropped says whether a server
   * confirmed the expiry (`expired`), whether it is `presumed`, or whether this process stalled (`event-loop-stall`).
   */
  get stateCause(): Error | null {
    return this[SESSION].cause;
  }
  /** Resolves when the session is lost, or there is no hope of getting one. @internal */
  get [LOST](): Promise<void> {
    return this[SESSION].lost;
  }
  /** The session's id and password, with which another client can resume it; null while not connected. */
  get clientId(): ClientId | null {
    const { sessionId } = this[SESSION];
    return sessionId && ownId(sessionId);
  }
  /** The negotiated timeout, milliseconds; null without a session. */
  get sessionTimeout(): number | null {
    return this[SESSION].sessionTimeout;
  }
  get hosts(): readonly HostPort[] {
    return this.#rotation.hosts.map(({ host, port }) => ({ host, port }));
  }
  /** The connected server as configured, with the address dialled; null while not connected. */
  get server(): (HostPort & { readonly address: string }) | null {
    return this[SESSION].target ?? null;
  }
  /** The highest zxid seen in a reply. */
  get lastZxid(): bigint {
    return this[SESSION].lastZxid;
  }
  /** Requests waiting for a connection or, with `maxInFlight`, for room on it. */
  get queuedRequests(): number {
    return this[SESSION].queued;
  }
  /** Requests sent and not yet answered. */
  get inFlightRequests(): number {
    return this[SESSION].inFlight;
  }

  /**
   * Connects; resolves once a session is confirmed and every credential has been answered. A call that times out or is aborted stops the client, unless it
   * was already running (say, waiting for a lost connection), or another `start()` call is still waiting.
   *
   * @param options.timeout milliseconds, default 15 000
   * @throws KazooTimeoutError with a cause per server; AuthFailedError, SASLException or RetryFailedError, at once, if waiting would not help
   */
  async start(options?: WaitOptions): Promise<this> {
    const { timeout = START_TIMEOUT, signal } = requireLimits(options, LIMITS);
    if (signal?.aborted === true) throw signal.reason;
    // Otherwise do not wait here: a call made right after this one must find the session starting.
    if (this.#stopped !== undefined) await this.#stopped;
    this.#failures.clear();
    await this.#connectWithin(requireDuration('timeout', timeout), signal);
    return this;
  }

  /**
   * Ends the session. Earlier requests finish first; later ones fail with ConnectionClosedError. Idempotent; may be called in any state and in any callback.
   */
  stop(): Promise<void> {
    this.#stopped ??= this[SESSION].stop().finally(() => (this.#stopped = undefined));
    this.#pauses.end(() => new ConnectionClosedError());
    this.#pauses = this.#newPauses();
    return this.#stopped;
  }

  /** In Kazoo, frees what a stopped client still holds; here, the same as `stop()`. */
  close(): Promise<void> {
    return this.stop();
  }

  /** Stops, then starts with a new session. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Replaces the list of servers, from the next connection on. The current connection stays; an attempt to reach a server that is not listed is abandoned.
   * @throws ConfigurationError, changing nothing, if the hosts are invalid or do not name the same chroot, as in Kazoo (HO-9)
   */
  setHosts(hosts: string | string[], options?: { randomizeHosts?: boolean | undefined }): void {
    const given = requireOptions(options, ['randomizeHosts']);
    checkFlags(given, ['randomizeHosts']);
    const { randomizeHosts } = given;
    const collected = collectHosts(hosts);
    if (collected.chroot !== this.chroot)
      throw new ConfigurationError(
        `setHosts cannot change the chroot from "${this.chroot}" to "${collected.chroot}": the hosts must name the same one`,
      );
    this.#rotation.setHosts(collected.hosts, randomizeHosts);
  }

  /**
   * Sends the connected server a four-letter word (admin guide, "The Four Letter Words") and returns its whole answer.
   * @throws ConnectionLoss while not connected, also if the client is not running (CM-5)
   */
  async command(word = 'ruok', options?: WaitOptions): Promise<string> {
    if (typeof word !== 'string' || !/^[a-z]{4}$/.test(word))
      throw new TypeError(`word must be four letters such as "ruok", not ${describeValue(word)}`);
    const { signal, timeout = this.#options.timeout } = requireLimits(options, LIMITS);
    const { target } = this[SESSION];
    const context = { operation: `command ${word}` };
    if (target === undefined) throw new ConnectionLoss(`command ${word}: not connected`, context);
    return withinLimits(this.clock, context, { signal, timeout }, async ({ signal: ended = new AbortController().signal }) =>
      askFourLetterWord(await this.#options.handler.dial(target, this.#dialOptions(), ended), word, ended),
    );
  }

  /**
   * The server's version, `[3, 9, 4]`.
   * @param options.retries further attempts if the answer has no version. Default 3
   * @throws KazooException if the server does not report its version
   */
  async serverVersion(options?: { retries?: number | undefined } & WaitOptions): Promise<number[]> {
    const { retries = 3, ...limits } = requireLimits(options, VERSION_OPTIONS);
    if (!Number.isInteger(retries) || retries < 0)
      throw new RangeError(`retries must be a whole number from 0, not ${describeValue(retries)}`);
    return withinLimits(this.clock, { operation: 'serverVersion' }, limits, (wait) => this.#askVersion(retries, wait));
  }

  /**
   * Adds a credential, presented now and on every later connection.
   * Aborting the wait does not withdraw it: the client keeps it once a server accepts it, now or on the next connection.
   *
   * @throws AuthFailedError if the server refuses it; the client is then in AUTH_FAILED and may be started again
   */
  async addAuth(scheme: string, credential: string | Uint8Array, options?: WaitOptions): Promise<true> {
    if (requireString('scheme', scheme) === '') throw new TypeError('scheme must not be empty');
    refuseSasl(scheme);
    if (typeof credential !== 'string' && !((credential as unknown) instanceof Uint8Array))
      throw new TypeError('credential must be a string or bytes');
    const given = { scheme, auth: Buffer.from(credential as string) };
    const context = { operation: 'addAuth' };
    const outcome = await withinLimits(this.clock, context, requireLimits(options, LIMITS), () =>
      this[SESSION].authenticate(given),
    );
    if (outcome instanceof Failure) throw outcome.toError(context);
    return true;
  }

  /** A path without the chroot; a path outside the chroot is returned unchanged. */
  unchroot(path: string): string {
    return stripChroot(this.chroot, requireString('path', path));
  }

  /** Calls `fn` with a fresh copy of the command retry policy, whose pauses end when the client stops. */
  retry<T>(fn: () => T | Promise<T>): Promise<T> {
    return this.#retryBy(this.#pauses, fn);
  }

  /** Reports an error from a user's callback or from a recipe's background work: to the `error` event, else to the log. */
  reportError(error: unknown): void {
    const reported = error instanceof Error ? error : new KazooException(`a callback threw ${String(error)}`, { cause: error });
    if (!this.emit('error', reported))
      this.logger.error(`error in a callback or in the background: ${reported.stack ?? reported.message}`);
  }

  /** Runs a user's callback in the same queue as watch callbacks. */
  dispatch(callback: () => unknown): void {
    this.#options.handler.dispatch('watch', callback, (error) => this.reportError(error));
  }

  /** Ends the connection as a network failure would; the session continues over the next one. @internal */
  [DROP](reason: string): void {
    this[SESSION].drop(reason);
  }

  /** For tests. @internal */
  dropConnection(): void {
    this[DROP]('dropped for a test');
  }

  /** Sends one operation; a failure rejects the returned promise. @internal */
  protected [SUBMIT]<K extends OpName>(
    operation: string,
    op: K,
    path: string | undefined,
    request: RequestOf<K>,
    options?: SubmitOptions,
    watch?: WatchListener,
  ): Promise<ResponseOf<K>> {
    return this[SESSION].ask<K, ResponseOf<K>>(question(op, operation, asItIs), request, path, watch, options);
  }

  /** {@link retry} for a call with a signal, which also ends its pauses. @internal */
  protected async [RETRY_UNTIL]<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    if (signal === undefined) return await this.retry(fn);
    const pauses = new ScopedClock(this.#pauses);
    const forget = onAbort(signal, () => pauses.end(() => signal.reason as unknown));
    try {
      return await this.#retryBy(pauses, fn);
    } finally {
      forget();
    }
  }

  /** A user's path with the chroot added. @internal */
  protected [ROOTED](path: string, trailing = false): string {
    const normal = normalizePath(path, trailing);
    // With a trailing slash, the root too is a prefix of the paths below it.
    return trailing ? this.chroot + normal : addChroot(this.chroot, normal);
  }

  /** @internal */
  protected override [ON_LISTENER_ERROR](error: unknown, event: unknown): void {
    if (event === 'error') this.logger.error(`a listener for "error" failed: ${String(error)}`);
    else this.reportError(error);
  }

  #newPauses(): ScopedClock {
    return new ScopedClock(this.#commandRetry instanceof KazooRetry ? this.#commandRetry.clock : this.clock);
  }

  #retryBy<T>(pauses: ScopedClock, fn: () => T | Promise<T>): Promise<T> {
    const policy = this.#commandRetry.copy();
    if (policy instanceof KazooRetry) policy.clock = pauses;
    return policy.call(() => {
      // A pause may have ended early because the client stopped or the signal fired.
      pauses.check();
      return fn();
    });
  }

  #makeSession(): Session {
    const options = this.#options;
    return new Session(
      {
        ...options,
        clientId: options.clientId && ownId(options.clientId),
        chroot: this.chroot,
        sasl: options.sasl,
        firstXid: options.firstXid,
        dial: this.#dialOptions(),
        connectionRetry: (clock, sessionTimeout) => {
          const given = options.connectionRetry;
          if (given instanceof KazooRetry) return given.withClock(clock);
          // A server that is back before the session expires must be found in time, even with jitter: so a pause is only a fraction of the session timeout.
          const maxDelay = Math.min(UNLIMITED_RETRY.maxDelay!, Math.max(UNLIMITED_RETRY.delay!, sessionTimeout / 5));
          return toRetryPolicy(given, { ...UNLIMITED_RETRY, maxDelay, clock });
        },
      },
      this.#rotation,
      options.clock,
      options.handler,
      {
        state: (state) => this.#tell(state),
        connectFailed: (failure) => {
          this.#failures.set(`${failure.host}:${failure.port} ${failure.address}`, failure);
          this.emit('connectFailed', failure);
        },
        error: (error) => this.reportError(error),
      },
      this.logger,
    );
  }

  #dialOptions(): DialOptions {
    const { useSsl, ca, certfile, keyfile, keyfilePassword, verifyCerts, checkHostname, tls } = this.#options;
    return { useSsl, ca, certfile, keyfile, keyfilePassword, verifyCerts, checkHostname: checkHostname && verifyCerts, tls };
  }

  /** The last failure of each server tried, and the attempts still pending. */
  #whyNoSession(): ConnectFailure[] {
    const isNew = ({ host, port }: HostPort): boolean =>
      ![...this.#failures.values()].some((failure) => failure.host === host && failure.port === port);
    const waiting = this[SESSION].underWay.filter(isNew).map((target) => {
      return {
        ...target,
        cause: new ConnectionDropped(
          target.address === null ? `the lookup of ${target.host} has not been answered yet` : 'no answer yet',
        ),
      };
    });
    return [...this.#failures.values(), ...waiting];
  }

  async #askVersion(retries: number, wait: WaitOptions): Promise<number[]> {
    let answer = '';
    let refused = 0;
    for (let attempt = 0; attempt <= retries; attempt++) {
      answer = await this.command(VERSION_WORDS[refused % VERSION_WORDS.length], wait);
      const found = versionIn(answer);
      if (found !== undefined) return found;
      // An empty answer (a lost one) does not mean the word was refused.
      if (answer !== '') refused++;
    }
    throw new KazooException(`the server does not report its version; it answered: ${answer.slice(0, 200).trim() || 'nothing'}`);
  }

  #tell(state: KazooState): void {
    this.emit('state', state);
    this.emit(EVENT_OF[state]);
  }

  async #connectWithin(timeout: number, signal: AbortSignal | undefined): Promise<void> {
    // It may have been aborted while an earlier stop was awaited.
    signal?.throwIfAborted();
    // When several callers wait for the same start, the last one to give up stops the client.
    if (this.#starting++ === 0 || !this[SESSION].running) this.#startsRun = !this[SESSION].running;
    const over = new AbortController();
    const started = this.#connect(over.signal);
    let cancel: () => void = () => undefined;
    const early = new Promise<never>((_, reject) => {
      const outOfTime = (): void => reject(this.#notWithin(timeout));
      const timer = timeout === Infinity ? undefined : this.clock.timer(timeout, outOfTime);
      const forget = signal && onAbort(signal, () => reject(signal.reason as Error));
      cancel = () => {
        timer?.cancel();
        forget?.();
      };
    });
    try {
      await Promise.race([started, early]);
    } catch (error) {
      started.catch(() => undefined);
      over.abort();
      const isAborted = signal?.aborted === true;
      const isLast = this.#starting === 1 && this.#startsRun;
      if (isLast && (error instanceof KazooTimeoutError || isAborted || this.connected)) await this.stop();
      if (error instanceof ConnectionClosedError)
        throw new ConnectionClosedError('the client was stopped while it was starting', { operation: 'start' });
      throw isAborted ? error : seenByAwaiting(error);
    } finally {
      this.#starting--;
      cancel();
    }
  }

  #notWithin(timeout: number): KazooTimeoutError {
    if (this.connected) return new KazooTimeoutError(`the lookup of the chroot did not finish within ${timeout} ms`);
    return new KazooTimeoutError(`no session within ${timeout} ms`, this.#whyNoSession());
  }

  /** Kazoo SS-3: warns if the chroot's node is missing, but does not create it. Waits for a reconnect if the connection drops meanwhile. */
  async #connect(signal: AbortSignal): Promise<void> {
    // Another call that is starting the client may still be at this step, and may stop the client.
    const looksUp = this.chroot !== '' && (!this.connected || this.#starting > 1);
    for (;;) {
      await this[SESSION].start();
      if (!looksUp) return;
      try {
        const stat = await this[SUBMIT]('start', 'exists', '/', { path: this.chroot, watch: false }, { signal });
        if (stat === null) this.logger.warn(`no node at the chroot "${this.chroot}"; ensurePath("/") creates it`);
        return;
      } catch (error) {
        if (!(error instanceof ConnectionLoss)) throw error;
        // The client was stopped: do not start it again.
        if (this.#stopped !== undefined) throw new ConnectionClosedError();
      }
    }
  }
}

const EVENT_OF = { CONNECTED: 'connected', SUSPENDED: 'suspended', LOST: 'lost' } as const satisfies Record<
  KazooState,
  keyof KazooClientEvents
>;

function asItIs<T>(body: T): T {
  return body;
}

/** A copy: whoever has the password has the session. */
function ownId(id: ClientId): ClientId {
  return { sessionId: id.sessionId, password: Buffer.from(id.password) };
}
