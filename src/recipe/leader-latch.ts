import { ConnectionClosedError, KazooException, OperationTimeoutError } from '../base/errors.ts';
import type { KazooState } from '../base/states.ts';
import { SafeEmitter } from '../base/safe-emitter.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireSharedWaiting } from './shared-signal.ts';
import { Attempt, pauseAfter } from './attempt.ts';
import { Lock, type LockOptions } from './lock.ts';
import { waitTimedOut } from './wait-timed-out.ts';

export interface LeaderLatchEvents {
  /** Leadership was taken up. The signal aborts when it ends. */
  leader: [signal: AbortSignal];
  /** Leadership has ended. */
  notLeader: [];
}

/**
 * Stands for leadership in the background, for as long as it is open (Curator's LeaderLatch): `leader` when it is won, `notLeader` when it is lost,
 * and then in line again, across reconnects, lost sessions and restarts of the client.
 *
 * The nodes are those of Lock and Election (Kazoo's), so it can contend with either on one path; with Curator's own latch it must not share one.
 * Do the leader's work under the signal: it aborts as soon as the connection is in doubt.
 *
 * @example
 * const latch = new LeaderLatch(client, '/leader', { identifier: 'node-1' });
 * latch.on('leader', (signal) => lead(signal));
 * latch.start();
 */
export class LeaderLatch extends SafeEmitter<LeaderLatchEvents> {
  readonly #client: RecipeClient;
  readonly #lock: Lock;
  readonly #closing = new AbortController();
  #signal: AbortSignal = AbortSignal.abort();
  #running: Promise<void> | undefined;

  /** Takes what a Lock takes. @throws TypeError or RangeError for arguments that are none */
  constructor(client: RecipeClient, path: string, options?: LockOptions) {
    super();
    this.#lock = new Lock(client, path, options);
    this.#client = client;
  }

  get path(): string {
    return this.#lock.path;
  }

  get isLeader(): boolean {
    return !this.#signal.aborted;
  }

  /** Of the present leadership; an aborted one while there is none. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Gets in line. Harmless when repeated. @throws KazooException after {@link close} */
  start(): void {
    if (this.#closing.signal.aborted) throw new KazooException('already closed');
    this.#running ??= this.#run();
  }

  /** True once this one leads; false if the `timeout` ran out first. @throws `signal.reason`; KazooException when it is closed */
  async waitForLeadership(options?: WaitOptions): Promise<boolean> {
    const attempt = new Attempt(this.#client.clock, {
      ...requireSharedWaiting(options),
      timedOut: () => waitTimedOut(this.path, 'leadership'),
    });
    const closed = (): void => attempt.end(new KazooException('the latch was closed'));
    let won = (): void => undefined;
    try {
      if (this.#closing.signal.aborted) closed();
      attempt.check();
      if (this.isLeader) return true;
      this.#closing.signal.addEventListener('abort', closed);
      await attempt.guard(
        new Promise<void>((resolve) => {
          won = resolve;
          this.on('leader', won);
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof OperationTimeoutError && options?.signal?.aborted !== true) return false;
      throw error;
    } finally {
      this.off('leader', won);
      this.#closing.signal.removeEventListener('abort', closed);
      attempt.close();
    }
  }

  /** The identifiers of those in line, the leader first. */
  participants(): Promise<string[]> {
    return this.#lock.contenders();
  }

  /** Gives leadership, or the place in line, up for good. */
  async close(): Promise<void> {
    this.#closing.abort(new KazooException('the latch was closed'));
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  protected override onListenerError(error: unknown): void {
    this.#client.reportError(error);
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#closing.signal.aborted; failures++) {
      try {
        await this.#leadOnce();
        failures = 0;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (!(error instanceof ConnectionClosedError)) this.#client.reportError(error);
        await this.#beforeNextTry(error, failures);
      }
    }
  }

  async #leadOnce(): Promise<void> {
    const hold = await this.#lock.hold({ signal: this.#closing.signal });
    this.#signal = AbortSignal.any([hold.signal, this.#closing.signal]);
    this.emit('leader', this.#signal);
    await aborted(this.#signal);
    this.emit('notLeader');
    // After a mere reconnect the node may still be ours; the work has been stopped, so the next in line may have it.
    await hold[Symbol.asyncDispose]();
  }

  /** A stopped client may be started again; anything else may pass. */
  async #beforeNextTry(error: unknown, failures: number): Promise<void> {
    const { signal } = this.#closing;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer?.cancel();
        this.#client.off('state', onState);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const onState = (state: KazooState): void => {
        if (state === 'CONNECTED') done();
      };
      const timer =
        error instanceof ConnectionClosedError
          ? undefined
          : this.#client.clock.timer(pauseAfter(failures + 5), done, { background: true });
      this.#client.on('state', onState);
      signal.addEventListener('abort', done);
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
