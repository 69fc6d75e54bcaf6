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
/** Any of them may not be on a server's whitelist; Solr asks for one with `mntr` alone. */
const VERSION_WORDS = ['srvr', 'envi', 'mntr'] as const;

/** A client's life: states, start and stop, hosts, credentials; and the way every operation takes to the session. */
export class CoreClient extends SafeEmitter<KazooClientEvents> {
  /** For nodes created without an ACL of their own; null means open to all. */
  defaultAcl: ACL[] | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The prefix of every path; '' if none. */
  readonly chroot: string;
  /** The session's machinery. Not part of the public contract. @internal */
  protected readonly [SESSION]: Session;
  readonly #options: ResolvedOptions;
  readonly #rotation: Rotation;
  readonly #commandRetry: RetryPolicy;
  /** Of the command retry, up to the next `stop()`. */
  #pauses: ScopedClock;
  readonly #failures = new Map<string, ConnectFailure>();
  #stopped: Promise<void> | undefined;
  /** Calls of `start()` that wait. */
  #starting = 0;
  /** Whether they have begun what they wait for, and did not find the client running. */
  #startsRun = false;

  /** @throws ConfigurationError naming the option that is wrong; TypeError and RangeError for retry options */
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

  /** What the application should believe; 'LOST' before the first connection. */
  get state(): KazooState {
    this[SESSION].look();
    return this[SESSION].state;
  }
  /** What the protocol says. */
  get clientState(): KeeperState {
    this[SESSION].look();
    return this[SESSION].keeperState;
  }
  get connected(): boolean {
    this[SESSION].look();
    return this[SESSION].connected;
  }
  /**
   * Why SUSPENDED or LOST was announced; null while connected, and before that. Of a ConnectionDropped the `code` says whether a server has confirmed an expiry
   * (`expired`) or it is `presumed`, and whether this process has slept through it (`event-loop-stall`).
   */
  get stateCause(): Error | null {
    return this[SESSION].cause;
  }
  /** Resolves when the session is lost, or the hope for one. @internal */
  get [LOST](): Promise<void> {
    return this[SESSION].lost;
  }
  /** The session, to be resumed by another client perhaps; null while not connected. */
  get clientId(): ClientId | null {
    const { sessionId } = this[SESSION];
    return sessionId && ownId(sessionId);
  }
  /** Negotiated, milliseconds; null without a session. */
  get sessionTimeout(): number | null {
    return this[SESSION].sessionTimeout;
  }
  get hosts(): readonly HostPort[] {
    return this.#rotation.hosts.map(({ host, port }) => ({ host, port }));
  }
  /** The server of the present connection, as it was configured, with the address that was dialled; null while there is none. */
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
   * Connects, and resolves once a session is confirmed and every credential answered. A call that gives up stops the client, unless it was
   * running before (it waits for a lost connection, say), or another call still waits for its start.
   *
   * @param options.timeout milliseconds, default 15 000
   * @throws KazooTimeoutError with a cause per server; AuthFailedError, SASLException or RetryFailedError at once when waiting would not help
   */
  async start(options?: WaitOptions): Promise<this> {
    const { timeout = START_TIMEOUT, signal } = requireLimits(options, LIMITS);
    if (signal?.aborted === true) throw signal.reason;
    // Otherwise nothing is waited for: a call made right after this one waits for the session.
    if (this.#stopped !== undefined) await this.#stopped;
    this.#failures.clear();
    await this.#connectWithin(requireDuration('timeout', timeout), signal);
    return this;
  }

  /**
   * Ends the session. Earlier requests finish first; later ones are refused with ConnectionClosedError. Idempotent, from any state and inside any callback.
   */
  stop(): Promise<void> {
    this.#stopped ??= this[SESSION].stop().finally(() => (this.#stopped = undefined));
    this.#pauses.end(() => new ConnectionClosedError());
    this.#pauses = this.#newPauses();
    return this.#stopped;
  }

  /** Kazoo's name for giving up what a stopped client still holds: here, the same as `stop()`. */
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
   * Other servers, from the next connection on. The connection there is stays; an attempt at a server that is not among them is given up.
   * @throws ConfigurationError when they cannot be read, or name another chroot; nothing has changed then
   */
  setHosts(hosts: string | string[], options?: { randomizeHosts?: boolean | undefined }): void {
    const given = requireOptions(options, ['randomizeHosts']);
    checkFlags(given, ['randomizeHosts']);
    const { randomizeHosts } = given;
    const collected = collectHosts(hosts);
    if (collected.chroot !== '' && collected.chroot !== this.chroot)
      throw new ConfigurationError(`setHosts cannot change the chroot from "${this.chroot}" to "${collected.chroot}"`);
    this.#rotation.setHosts(collected.hosts, randomizeHosts);
  }

  /**
   * Asks the connected server a four-letter word (admin guide, "The Four Letter Words"), and gives its whole answer.
   * @throws ConnectionLoss while not connected, also where the client is not running (CM-5)
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
   * @param options.retries further tries when the answer has no version. Default 3
   * @throws KazooException when the server does not tell
   */
  async serverVersion(options?: { retries?: number | undefined } & WaitOptions): Promise<number[]> {
    const { retries = 3, ...limits } = requireLimits(options, VERSION_OPTIONS);
    if (!Number.isInteger(retries) || retries < 0)
      throw new RangeError(`retries must be a whole number from 0, not ${describeValue(retries)}`);
    return withinLimits(this.clock, { operation: 'serverVersion' }, limits, (wait) => this.#askVersion(retries, wait));
  }

  /**
   * Proves an identity, now and on every later connection.
   * A wait that is given up takes nothing back: the credential is the client's once a server accepts it, this one or that of the next connection.
   *
   * @throws AuthFailedError when the server refuses, after which the client is in AUTH_FAILED and may be started again
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

  /** A path without the chroot; one outside it comes back as it is. */
  unchroot(path: string): string {
    return stripChroot(this.chroot, requireString('path', path));
  }

  /** Calls `fn` under a fresh copy of the command retry, whose pauses end when the client stops. */
  retry<T>(fn: () => T | Promise<T>): Promise<T> {
    return this.#retryBy(this.#pauses, fn);
  }

  /** Where an error goes that a user's callback threw, or that a recipe met in the background: the `error` event, else the log. */
  reportError(error: unknown): void {
    const reported = error instanceof Error ? error : new KazooException(`a callback threw ${String(error)}`, { cause: error });
    if (!this.emit('error', reported))
      this.logger.error(`failed in a callback or in the background: ${reported.stack ?? reported.message}`);
  }

  /** Runs a user's callback in turn with the watches'. */
  dispatch(callback: () => unknown): void {
    this.#options.handler.dispatch('watch', callback, (error) => this.reportError(error));
  }

  /** Ends the connection, as a network would; the session goes on over the next. @internal */
  [DROP](reason: string): void {
    this[SESSION].drop(reason);
  }

  /** For tests. @internal */
  dropConnection(): void {
    this[DROP]('dropped for a test');
  }

  /** Sends one operation; what goes wrong is an error of whoever awaits it. @internal */
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

  /** {@link retry} for a call that ends with a signal, and its pauses with it. @internal */
  protected async [RETRY_UNTIL]<T>(signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
    if (signal === undefined) return this.retry(fn);
    const pauses = new ScopedClock(this.#pauses);
    const forget = onAbort(signal, () => pauses.end(() => signal.reason as unknown));
    try {
      return await this.#retryBy(pauses, fn);
    } finally {
      forget();
    }
  }

  /** A user's path as the server knows it. @internal */
  protected [ROOTED](path: string, trailing = false): string {
    const normal = normalizePath(path, trailing);
    // With a slash at its end, the root too is a prefix of what is below it.
    return trailing ? this.chroot + normal : addChroot(this.chroot, normal);
  }

  /** @internal */
  protected override [ON_LISTENER_ERROR](error: unknown, event: unknown): void {
    if (event === 'error') this.logger.error(`a listener of "error" failed: ${String(error)}`);
    else this.reportError(error);
  }

  #newPauses(): ScopedClock {
    return new ScopedClock(this.#commandRetry instanceof KazooRetry ? this.#commandRetry.clock : this.clock);
  }

  #retryBy<T>(pauses: ScopedClock, fn: () => T | Promise<T>): Promise<T> {
    const policy = this.#commandRetry.copy();
    if (policy instanceof KazooRetry) policy.clock = pauses;
    return policy.call(() => {
      // A pause may have been cut short by the end of it all.
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
          // A server that is back before the session has run out must be found in time, jitter and all: a pause is but a part of what is left.
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

  /** The last failure of each server tried, and the attempts that have come to nothing yet. */
  #whyNoSession(): ConnectFailure[] {
    const isNew = ({ host, port }: HostPort): boolean =>
      ![...this.#failures.values()].some((failure) => failure.host === host && failure.port === port);
    const waiting = this[SESSION].underWay.filter(isNew).map((target) => {
      return {
        ...target,
        cause: new ConnectionDropped(
          target.address === null ? `the look-up of ${target.host} has not been answered` : 'no answer yet',
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
      // An answer that got lost says nothing of the word.
      if (answer !== '') refused++;
    }
    throw new KazooException(`the server does not tell its version; it answered: ${answer.slice(0, 200).trim() || 'nothing'}`);
  }

  #tell(state: KazooState): void {
    this.emit('state', state);
    this.emit(EVENT_OF[state]);
  }

  async #connectWithin(timeout: number, signal: AbortSignal | undefined): Promise<void> {
    // It may have been aborted while an earlier stop was awaited.
    signal?.throwIfAborted();
    // Callers that wait for one start end it together: the last to give up stops the client.
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
    if (this.connected) return new KazooTimeoutError(`the chroot was not looked up within ${timeout} ms`);
    return new KazooTimeoutError(`no session within ${timeout} ms`, this.#whyNoSession());
  }

  /** Kazoo SS-3: says so when the chroot's node is missing, and makes nothing. A drop meanwhile is waited out. */
  async #connect(signal: AbortSignal): Promise<void> {
    // Another call that is starting the client may still be at it, and end it.
    const looksUp = this.chroot !== '' && (!this.connected || this.#starting > 1);
    for (;;) {
      await this[SESSION].start();
      if (!looksUp) return;
      try {
        const stat = await this[SUBMIT]('start', 'exists', '/', { path: this.chroot, watch: false }, { signal });
        if (stat === null) this.logger.warn(`no node at the chroot "${this.chroot}"; ensurePath("/") makes it`);
        return;
      } catch (error) {
        if (!(error instanceof ConnectionLoss)) throw error;
        // Not begun again behind the back of who has stopped it.
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

/** A copy: the password is as good as the session. */
function ownId(id: ClientId): ClientId {
  return { sessionId: id.sessionId, password: Buffer.from(id.password) };
}
