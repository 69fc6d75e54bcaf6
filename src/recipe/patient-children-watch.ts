import { requireDuration, requireOptions } from '../base/arguments.ts';
import { Deferred } from '../base/deferred.ts';
import { CancelledError, ConnectionClosedError } from '../base/errors.ts';
import { normalizePath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import type { WatchedEvent } from '../base/states.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { Attempt, sleep } from './attempt.ts';
import { requireClient, requireWaiting } from './arguments.ts';
import { waitTimedOut } from './wait-timed-out.ts';

export interface PatientChildrenWatchOptions {
  /** Milliseconds for which the children must not change. Default 30 000. */
  timeBoundary?: number | undefined;
}

/**
 * Waits until a node's children have not changed for a while, then reports them once (Kazoo PW-1 to PW-3).
 *
 * @example
 * const [children, changed] = await new PatientChildrenWatch(client, '/party', { timeBoundary: 5_000 }).start();
 * await changed; // one joined or left since
 */
export class PatientChildrenWatch {
  readonly path: string;
  readonly timeBoundary: number;
  readonly #client: RecipeClient;
  #run: PatientRun | undefined;

  /** @throws TypeError or RangeError for an invalid path, client or option */
  constructor(client: RecipeClient, path: string, options?: PatientChildrenWatchOptions) {
    requireClient(client);
    this.path = normalizePath(path);
    const { timeBoundary = 30_000 } = requireOptions(options, ['timeBoundary']);
    this.timeBoundary = requireDuration('timeBoundary', timeBoundary);
    this.#client = client;
  }

  /**
   * Resolves with the settled children and a promise of their next change.
   * That promise also resolves when the session is lost, since a change may have been missed; it rejects with ConnectionClosedError when the client
   * stops, and with CancelledError after {@link stop}. Starting again cancels the previous wait.
   *
   * @param options for the wait until they have settled
   * @throws NoNodeError and the like from reading; CancelledError after {@link stop}; ConnectionClosedError when the client stops;
   *   `signal.reason`, or OperationTimeoutError
   */
  async start(options?: WaitOptions): Promise<[children: string[], changed: Promise<void>]> {
    const waiting = requireWaiting(options);
    this.stop();
    this.#run = new PatientRun(this.#client, this.path, this.timeBoundary, waiting);
    return this.#run.settled();
  }

  /** Cancels the wait: pending promises reject with CancelledError, and nothing is left on the client or the server. */
  stop(): void {
    this.#run?.cancel();
    this.#run = undefined;
  }
}

/** One wait, from `start()` to the change that follows. */
class PatientRun {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #boundary: number;
  readonly #attempt: Attempt;
  readonly #changed = new Deferred();
  #settled = false;
  #fired = false;

  constructor(client: RecipeClient, path: string, boundary: number, waiting: WaitOptions) {
    this.#client = client;
    this.#path = path;
    this.#boundary = boundary;
    this.#attempt = new Attempt(client.clock, waiting, () => waitTimedOut(path, 'patient children watch'));
  }

  async settled(): Promise<[string[], Promise<void>]> {
    try {
      for (;;) {
        this.#fired = false;
        const children = await this.#attempt.guard(this.#attempt.persist(() => this.#read()));
        await this.#pause();
        if (this.#fired) continue;
        this.#settled = true;
        return [children, this.#changed.promise];
      }
    } catch (error) {
      void this.#client.unwatch(this.#path, this.#onEvent);
      throw this.#attempt.shown(error);
    } finally {
      this.#attempt.close();
    }
  }

  cancel(): void {
    this.#end(new CancelledError(`the wait for the children of ${this.#path} was stopped`));
    void this.#client.unwatch(this.#path, this.#onEvent);
  }

  #read(): Promise<string[]> {
    return this.#client.getChildren(this.#path, { watch: this.#onEvent, signal: this.#attempt.signal });
  }

  /** The loss of the session ends it, even once the watch has fired: the next read shows whether the client was stopped. */
  async #pause(): Promise<void> {
    const { promise, cancel } = sleep(this.#client.clock, this.#boundary);
    let lost = (): void => undefined;
    const loss = new Promise<void>((resolve) => (lost = () => ((this.#fired = true), resolve())));
    this.#client.on('lost', lost);
    try {
      await this.#attempt.guard(Promise.race([promise, loss]));
    } finally {
      cancel();
      this.#client.off('lost', lost);
    }
  }

  #end(reason: Error): void {
    this.#attempt.end(reason);
    this.#changed.reject(reason);
  }

  readonly #onEvent = prompt((event: WatchedEvent): void => {
    this.#fired = true;
    if (event.state === 'CLOSED') this.#end(new ConnectionClosedError(undefined, { path: this.#path }));
    else if (this.#settled) this.#changed.resolve();
  });
}
