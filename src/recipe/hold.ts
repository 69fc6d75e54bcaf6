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
 * When the signal of a hold aborts.
 * - `standard`: as soon as the connection is in doubt (SUSPENDED), which, while the event loop runs, is before the server can end the session and give the lock to another.
 * - `session`: only when the session is lost, which can be up to a third of its timeout after another got the lock.
 */
export type ErrorPolicy = 'standard' | 'session';

/** What there is to hold: a node that says so on the server. */
export interface Claim {
  /** Of the node. */
  readonly path: string;
  /** Zxid of the node's creation: it grows from each holder to the next. */
  readonly fencingToken: bigint;
  /** Whether it ends with the session. */
  readonly ephemeral: boolean;
  /** Whether the node is ours now: connected, in the session that made it. */
  isOurs(): boolean;
  /** Removes the node, for certain, or throws what will not pass. */
  remove(): Promise<void>;
  /** The same in the background. */
  discard(): Promise<void>;
  /** The session was lost: a node that ends with it needs no removal, one that does not is still there. */
  lost(): void;
}

/** Aborts with the hold or with its caller. `AbortSignal.any` would do, but before Node 24 it keeps for good each signal on which somebody leaves a listener. */
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

/** Milliseconds. A hold that is over sooner is not worth the request. */
const WATCHED_AFTER = 1_000;

/** One hold of a lock or lease, from being obtained to its end; it listens to the session's state meanwhile, and before long to its node: somebody may remove that by hand. */
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
        this.#late.abort(() => new ConnectionLoss(`${options.subject} may be lost: the connection was lost`));
      }
    };
    listenToState(client, this.#onState);
  }

  get signal(): AbortSignal {
    this.look();
    return this.#late.signal;
  }

  /** Hears now of what will be announced in a moment. */
  look(): void {
    this.#onState(this.#client.state);
  }

  /** Whether it ended with the session, and its node did not. */
  get leavesNode(): boolean {
    return this.#leavesNode;
  }

  /** Its node is about to be removed: aborts the signal with a reason, made only if it is looked at. */
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
