import { requireDuration, requireFunction, requireOptions } from '../base/arguments.ts';
import { Deferred } from '../base/deferred.ts';
import { CancelledError, ConnectionClosedError, KazooException } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import { ON_LISTENER_ERROR, SafeEmitter } from '../base/safe-emitter.ts';
import type { KazooState } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalString, requireClient, requireWaiting } from './arguments.ts';
import { Attempt } from './attempt.ts';
import { processIdentifier } from './identifier.ts';
import { Lock } from './lock.ts';
import { isUnstarted } from './outage.ts';
import { checkItems, itemName, itemsOf, type PartitionFunction, type PartitionItem, shareEvenly } from './partition.ts';
import { ShallowParty } from './party.ts';
import { ignoreState, listenToState } from './state-listeners.ts';
import { Stillness } from './stillness.ts';

/** The state of a {@link SetPartitioner}. */
export const PartitionState = { ALLOCATING: 'ALLOCATING', ACQUIRED: 'ACQUIRED', RELEASE: 'RELEASE', FAILURE: 'FAILURE' } as const;
export type PartitionState = (typeof PartitionState)[keyof typeof PartitionState];

/** Options of a {@link SetPartitioner}. */
export interface SetPartitionerOptions<T extends PartitionItem> {
  /** Decides a member's share; all members must decide alike. Default: evenly, as in Kazoo. If it throws, the state becomes FAILURE, and the error goes to the client's `error` event. */
  partitionFunc?: PartitionFunction<T> | undefined;
  /** Unique among the members, and valid in a node name. Default `<host>-<pid>`. */
  identifier?: string | undefined;
  /** Milliseconds for which nobody may join or leave before the set is shared. Default 30 000. */
  timeBoundary?: number | undefined;
  /**
   * Milliseconds. How long Kazoo may take to notice, while waiting for an item's lock, that somebody joined or left: it checks at this interval.
   * Here the watch on the members ends that wait at once, so the value makes no difference; it is checked, and kept for ported programs. Default 1 000.
   */
  maxReactionTime?: number | undefined;
}

/**
 * Divides a set among the members of a party, so that each item belongs to one member at a time (Kazoo SP-1 to SP-11). It joins and allocates in the background;
 * its user follows the states: work while ACQUIRED, stop and call {@link releaseSet} on RELEASE, give up on FAILURE.
 *
 * @example
 * const shards = client.setPartitioner('/shards', [0, 1, 2, 3]);
 * while (!shards.failed) {
 *   if (shards.release) await shards.releaseSet();
 *   else if (shards.acquired) await workOn([...shards]);
 *   else await shards.waitForAcquire();
 * }
 */
export class SetPartitioner<T extends PartitionItem = PartitionItem>
  extends SafeEmitter<{ state: [state: PartitionState] }>
  implements Iterable<T>
{
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #set: readonly T[];
  readonly #share: PartitionFunction<T>;
  readonly #identifier: string;
  readonly #party: ShallowParty;
  readonly #stillness: Stillness;
  readonly #joining: Promise<void>;
  #state: PartitionState = 'ALLOCATING';
  #stateId = 0;
  #partition: readonly T[] = [];
  #locks: Lock[] = [];
  #round: { attempt: Attempt; done: Promise<void> } | undefined;
  #releasing: Promise<void> | undefined;
  #finishing: Promise<void> | undefined;
  readonly #waiters = new Set<Deferred>();

  /** @throws TypeError or RangeError for a bad argument */
  constructor(client: RecipeClient, path: string, set: Iterable<T>, options?: SetPartitionerOptions<T>) {
    super();
    const given = requireOptions(options, ['partitionFunc', 'identifier', 'timeBoundary', 'maxReactionTime']);
    const { partitionFunc = shareEvenly, timeBoundary = 30_000, maxReactionTime = 1_000 } = given;
    this.#client = requireClient(client);
    this.path = normalizePath(path);
    this.#set = checkItems(set);
    for (const item of this.#set) normalizePath(this.#lockPath(item));
    requireFunction('partitionFunc', partitionFunc);
    this.#share = partitionFunc;
    this.#identifier = optionalString('identifier', given.identifier, processIdentifier());
    requireDuration('timeBoundary', timeBoundary);
    requireDuration('maxReactionTime', maxReactionTime);
    const partyPath = joinPath(this.path, 'party');
    this.#party = new ShallowParty(client, partyPath, { identifier: this.#identifier });
    this.#stillness = new Stillness(client, partyPath, timeBoundary);
    this.#joining = this.#join();
  }

  get state(): PartitionState {
    return this.#state;
  }

  /** Incremented with each change of state. */
  get stateId(): number {
    return this.#stateId;
  }

  /** Whether it is over: the session was lost, something failed, or {@link finish} was called. */
  get failed(): boolean {
    return this.#state === 'FAILURE';
  }

  /** Whether {@link releaseSet} must be called. */
  get release(): boolean {
    return this.#state === 'RELEASE';
  }

  /** Whether the set is being divided. */
  get allocating(): boolean {
    return this.#state === 'ALLOCATING';
  }

  /** Whether this member has its share, and may work on it. */
  get acquired(): boolean {
    if (this.#state === 'ACQUIRED' && this.#client.state !== 'CONNECTED') this.#onState(this.#client.state);
    return this.#state === 'ACQUIRED';
  }

  /** Iterates over this member's share; empty unless ACQUIRED (Kazoo D-24g). */
  [Symbol.iterator](): Iterator<T> {
    return (this.acquired ? this.#partition : [])[Symbol.iterator]();
  }

  /**
   * Waits for ACQUIRED.
   *
   * @returns false after `timeout` milliseconds (default 30 000), and at once on FAILURE
   * @throws `signal.reason`
   */
  async waitForAcquire(options?: { timeout?: number | undefined; signal?: AbortSignal | undefined }): Promise<boolean> {
    const { timeout = 30_000, signal } = requireWaiting(options);
    const outOfTime = new Error('out of time');
    const attempt = new Attempt(this.#client.clock, { timeout, signal }, () => outOfTime);
    try {
      while (!this.acquired && !this.failed) await this.#nextState(attempt);
      return this.acquired;
    } catch (error) {
      if (error === outOfTime) return false;
      throw error;
    } finally {
      attempt.close();
    }
  }

  /** Releases this member's share and allocates again. After FAILURE there is nothing to do. */
  async releaseSet(): Promise<void> {
    if (this.failed) return this.#finishing;
    this.#releasing ??= this.#startOver().finally(() => {
      this.#releasing = undefined;
    });
    return this.#releasing;
  }

  /** Releases everything, leaves the party and ends in FAILURE. */
  async finish(): Promise<void> {
    this.#end();
    return this.#finishing;
  }

  /** @internal */
  protected override [ON_LISTENER_ERROR](error: unknown): void {
    this.#client.reportError(error);
  }

  /** Joins first: only after that do the client's states matter. */
  async #join(): Promise<void> {
    try {
      await this.#client.retry(() => this.#client.ensurePath(joinPath(this.path, 'locks')));
      if (this.failed) return;
      await this.#party.join();
    } catch (error) {
      this.#failBy(error);
    }
    if (this.failed) return;
    listenToState(this.#client, this.#onState);
    this.#begin();
  }

  readonly #onState = (state: KazooState): void => {
    if (state === 'LOST') this.#end();
    else this.#callForRelease('the connection was lost');
  };

  #callForRelease(why: string): void {
    if (this.release || this.failed) return;
    this.#round?.attempt.end(new CancelledError(`${this.path}: ${why}`));
    this.#setState('RELEASE');
  }

  async #startOver(): Promise<void> {
    await this.#joining;
    // While the locks are being released, no item may appear as our own.
    if (this.acquired) this.#setState('RELEASE');
    await this.#stopRound();
    if (this.failed) return;
    this.#setState('ALLOCATING');
    this.#begin();
  }

  async #stopRound(): Promise<void> {
    this.#round?.attempt.end(new CancelledError(`${this.path}: the allocation was cancelled`));
    await this.#round?.done;
    this.#round = undefined;
    this.#stillness.stop();
    await this.#releaseLocks();
  }

  #begin(): void {
    const attempt = new Attempt(this.#client.clock, {}, () => new Error('no deadline was set'));
    const done = this.#allocate(attempt).catch((error: unknown) => {
      if (!attempt.ended) this.#failBy(error);
    });
    this.#round = { attempt, done };
  }

  /** Acquires our share once nobody joins or leaves; releases it and repeats if somebody does. */
  async #allocate(attempt: Attempt): Promise<void> {
    for (;;) {
      const names = await this.#stillness.wait(attempt);
      const members = names.map((name) => name.slice(name.indexOf('-') + 1));
      const partition = itemsOf('the return value of partitionFunc', this.#share(this.#identifier, members, [...this.#set]));
      if (await this.#takeAll(attempt, partition)) return;
      await this.#releaseLocks();
    }
  }

  async #takeAll(attempt: Attempt, partition: readonly T[]): Promise<boolean> {
    const moved = new CancelledError(`${this.path}: a member joined or left`);
    const taking = new Attempt(this.#client.clock, { signal: attempt.signal }, () => moved);
    this.#stillness.onEnd(() => {
      taking.end(moved);
      if (this.acquired) this.#callForRelease('a member joined or left');
    });
    try {
      for (const item of partition) await this.#take(item, taking);
      taking.check();
      this.#partition = partition;
      this.#setState('ACQUIRED');
      return true;
    } catch (error) {
      if (error === moved) return false;
      throw error;
    } finally {
      taking.close();
    }
  }

  async #take(item: T, taking: Attempt): Promise<void> {
    const lock = new Lock(this.#client, this.#lockPath(item));
    await lock.acquire({ signal: taking.signal });
    this.#locks.push(lock);
  }

  async #releaseLocks(): Promise<void> {
    const locks = this.#locks;
    this.#locks = [];
    await Promise.all(locks.map((lock) => lock.release()));
  }

  #failBy(error: unknown): void {
    const why = new KazooException(`${this.path}: the set cannot be divided: ${String(error)}`, { cause: error });
    // Whoever stopped the client knows that.
    if (error instanceof ConnectionClosedError && !isUnstarted(this.#client)) this.#client.logger.debug(why.message);
    else this.#client.reportError(why);
    this.#end();
  }

  /** The only way into FAILURE. After a lost session there is nothing to release: locks and membership ended with it. */
  #end(): void {
    if (this.#finishing !== undefined) return;
    ignoreState(this.#client, this.#onState);
    this.#finishing = this.#cleanUp().catch((error: unknown) => {
      if (!(error instanceof ConnectionClosedError))
        this.#client.logger.warn(`${this.path}: could not release everything: ${String(error)}`);
    });
    this.#setState('FAILURE');
  }

  async #cleanUp(): Promise<void> {
    const stopping = this.#stopRound();
    await this.#joining;
    try {
      await stopping;
    } finally {
      if (this.#party.participating) await this.#party.leave();
    }
  }

  #lockPath(item: T): string {
    return joinPath(joinPath(this.path, 'locks'), itemName(item));
  }

  #setState(state: PartitionState): void {
    this.#state = state;
    this.#stateId += 1;
    for (const waiter of this.#waiters) waiter.resolve();
    this.emit('state', state);
  }

  async #nextState(attempt: Attempt): Promise<void> {
    const changed = new Deferred();
    this.#waiters.add(changed);
    try {
      await attempt.guard(changed.promise);
    } finally {
      this.#waiters.delete(changed);
    }
  }
}
