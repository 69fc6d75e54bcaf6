import type { Timer } from '../base/clock.ts';
import { ConnectionLoss, NoNodeError, SessionExpiredError } from '../base/errors.ts';
import { prompt } from '../base/prompt.ts';
import type { KazooState, WatchedEvent } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { onAbort } from '../session/abort-listeners.ts';
import { isTransient } from './attempt.ts';
import { LateSignal } from './late-signal.ts';
import { ignoreState, listenToState } from './state-listeners.ts';

/**
 * When a hold's signal aborts.
 * - `standard`: as soon as the connection is in doubt (SUSPENDED). While the event loop runs, that is before the server can end the session and give the lock to another client.
 * - `session`: only when the session is lost, which can be up to a third of its timeout after another client got the lock.
 */
export type ErrorPolicy = 'standard' | 'session';

/** What a hold consists of: a node on the server. */
export interface Claim {
  /** The node's path. */
  readonly path: string;
  /** Zxid of the node's creation: it grows with each new holder. */
  readonly fencingToken: bigint;
  /** Whether it ends with the session. */
  readonly ephemeral: boolean;
  /** Whether the node is ours now: connected, in the session that created it. */
  isOurs(): boolean;
  /** Removes the node reliably, or throws a permanent error. */
  remove(): Promise<void>;
  /** Like {@link Claim.remove}, in the background. */
  discard(): Promise<void>;
  /** Called when the session was lost: an ephemeral node needs no removal, a persistent one still exists. */
  lost(): void;
}

/** Aborts with the hold or with its caller. `AbortSignal.any` would do, but before Node 24 it leaks each signal on which somebody leaves a listener. */
export function withCaller(hold: AbortSignal, caller: AbortSignal | undefined): AbortSignal {
  if (caller === undefined) return hold;
  const both = new AbortController();
  const end = (): void => {
    for (const forget of forgets) forget();
    both.abort((hold.aborted ? hold : caller).reason);
  };
  const forgets = [onAbort(hold, end), onAbort(caller, end)];
  if (hold.aborted || caller.aborted) end();
  return both.signal;
}

/** Milliseconds. A hold that ends sooner is not worth the request. */
const WATCHED_AFTER = 1_000;

/** One hold of a lock or lease, from acquisition to its end. It follows the session's state, and soon also its node, which somebody may remove by hand. */
export class Hold {
  readonly claim: Claim;
  readonly #client: RecipeClient;
  readonly #late = new LateSignal();
  readonly #onState: (state: KazooState) => void;
  readonly #onGone: () => void;
  #leavesNode = false;
  #watching: Timer;
  #over = false;

  /** @param options.lost called, before the signal aborts, when the session or the node is lost */
  constructor(client: RecipeClient, claim: Claim, options: { subject: string; errorPolicy: ErrorPolicy; lost: () => void }) {
    this.claim = claim;
    this.#client = client;
    this.#watching = this.#watchLater();
    this.#onGone = () => {
      if (this.#over) return;
      this.end();
      void claim.discard();
      options.lost();
      this.#late.abort(
        () => new NoNodeError(`${options.subject} is no longer held: somebody removed ${claim.path}`, { path: claim.path }),
      );
    };
    this.#onState = (state: KazooState) => {
      if (state === 'LOST') {
        this.end();
        this.#leavesNode = !claim.ephemeral;
        claim.lost();
        options.lost();
        this.#late.abort(() => new SessionExpiredError(`${options.subject} is no longer held: the session was lost`));
      } else if (state === 'SUSPENDED' && options.errorPolicy === 'standard') {
        this.#late.abort(() => new ConnectionLoss(`${options.subject} may no longer be held: the connection was lost`));
      }
    };
    listenToState(client, this.#onState);
  }

  get signal(): AbortSignal {
    this.look();
    return this.#late.signal;
  }

  /** Takes in a change of state that is about to be announced. */
  look(): void {
    this.#onState(this.#client.state);
  }

  /** Whether the hold ended with the session, but its node did not. */
  get leavesNode(): boolean {
    return this.#leavesNode;
  }

  /** The node is about to be removed: aborts the signal with a reason, created only when it is read. */
  abort(reason: () => Error): void {
    this.#unwatch();
    this.#late.abort(reason);
  }

  /** Stops listening. */
  end(): void {
    this.#unwatch();
    ignoreState(this.#client, this.#onState);
  }

  #unwatch(): void {
    this.#over = true;
    this.#watching.cancel();
  }

  #watchLater(): Timer {
    return this.#client.clock.timer(WATCHED_AFTER, () => void this.#watch(), { background: true });
  }

  async #watch(): Promise<void> {
    try {
      await this.#client.get(this.claim.path, { watch: this.#onEvent });
    } catch (error) {
      if (error instanceof NoNodeError) this.#onGone();
      else if (isTransient(error) && !this.#over) this.#watching = this.#watchLater();
    }
  }

  readonly #onEvent = prompt(({ type }: WatchedEvent) => {
    if (type === 'DELETED') this.#onGone();
    else if (type === 'CHANGED' && !this.#over) void this.#watch();
  });
}
