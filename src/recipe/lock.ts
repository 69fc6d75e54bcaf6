import { requireOptions } from '../base/arguments.ts';
import { describeValue, joinPath, normalizePath } from '../base/paths.ts';
import type { WatchListener } from '../base/states.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { Acquirable, OBTAIN, OPTIONS, SUBJECT, type AcquireOptions, type Request } from './acquirable.ts';
import { optionalString, requireClient } from './arguments.ts';
import { type Attempt, isTransient, pauseAfter } from './attempt.ts';
import { bounded } from './bounded.ts';
import type { Claim, ErrorPolicy } from './hold.ts';
import { uniqueName } from './identifier.ts';
import { nullIfMissing } from './missing.ts';
import { observe } from './observe.ts';
import { OwnedNode } from './owned-node.ts';
import { SequencePattern } from './sequence.ts';

/** What a {@link Lock} is made with. */
export interface LockOptions {
  /** Stored in the contender's node, for {@link Lock.contenders} of others. Default: empty. */
  identifier?: string | undefined;
  /** More node-name patterns (regular-expression text before the sequence number) to wait for, such as `-lock-` for Curator's. Only this side honours them (Kazoo LK-5). */
  extraLockPatterns?: Iterable<string> | undefined;
  /** When the signal of a hold aborts. Default `standard`. */
  errorPolicy?: ErrorPolicy | undefined;
}

/** How to wait for a {@link Lock}. */
export interface LockAcquireOptions extends AcquireOptions {
  /**
   * Whether the node ends with the session (default). A persistent one keeps others out even after LOST, when `isAcquired` is false and `release()` does nothing:
   * `acquire()` on this object takes it up again, for a `release()`; the end of `withLock` or `hold` removes it; else it is to be deleted by hand, by the name in `node`.
   */
  ephemeral?: boolean | undefined;
}

/** Which node names a kind of lock uses, and which it waits for (Kazoo RW-1, RW-2). */
export interface LockKind {
  readonly own: string;
  readonly awaits: readonly string[];
}

/**
 * Mutual exclusion, first come first served, over the nodes that Python Kazoo uses (LK-1): `<path>/<uuid>__lock__<sequence>`.
 * Not re-entrant: acquiring what this object holds waits for the release.
 *
 * Holding is a matter of time: act only while `signal` has not aborted, and give `fencingToken` to storage that can refuse a late holder.
 *
 * @example
 * const lock = client.lock('/locks/report', { identifier: 'worker-1' });
 * await lock.withLock(async (signal) => writeReport({ signal }));
 */
export class Lock extends Acquirable {
  readonly #identifier: string;
  readonly #kind: LockKind;
  readonly #awaited: SequencePattern;
  readonly #all: SequencePattern;
  readonly #own: SequencePattern;
  #node: OwnedNode | null = null;

  /** @throws TypeError, RangeError or ConfigurationError for a bad argument */
  constructor(client: RecipeClient, path: string, options?: LockOptions, kind: LockKind = EXCLUSIVE) {
    const given = requireOptions(options, ['identifier', 'extraLockPatterns', 'errorPolicy']);
    super(requireClient(client), normalizePath(path), given.errorPolicy);
    this.#identifier = optionalString('identifier', given.identifier, '');
    const extra = checkPatterns(given.extraLockPatterns);
    this.#kind = kind;
    this.#own = new SequencePattern([kind.own]);
    this.#awaited = new SequencePattern([...kind.awaits, ...extra]);
    this.#all = new SequencePattern([...kind.awaits, ...extra, kind.own]);
  }

  /** The name of this object's node while it waits or holds; else null. */
  get node(): string | null {
    return this.#node?.name ?? null;
  }

  /** Waits for the lock. See {@link Acquirable.acquire}. */
  override acquire(options?: LockAcquireOptions): Promise<boolean> {
    return super.acquire(options);
  }

  override hold(options?: LockAcquireOptions): ReturnType<Acquirable['hold']> {
    return super.hold(options);
  }

  /**
   * Runs `fn` while holding the lock and gives its outcome. `fn` gets a signal that aborts when the lock is, or may be, lost, or `options.signal` aborts.
   *
   * @throws LockTimeout where `blocking: false` finds it taken, too
   */
  withLock<T>(fn: (signal: AbortSignal) => Promise<T> | T, options?: LockAcquireOptions): Promise<T> {
    return this.within(fn, options);
  }

  /** The identifiers of all who hold or wait, first come first (Kazoo LK-21). */
  contenders(options?: WaitOptions): Promise<string[]> {
    return bounded(this.client, options, this.path, 'contenders', async ({ limits }) => {
      const children = await this.#children(limits);
      if (children === null) {
        await this.client.ensurePath(this.path, limits);
        return [];
      }
      const found = await Promise.all(this.#all.sort(children).map(({ name }) => this.#identifierIn(name, limits)));
      return found.filter((identifier) => identifier !== null);
    });
  }

  /** @internal */
  protected get [SUBJECT](): string {
    return `the lock ${this.path}`;
  }

  /** @internal */
  protected override get [OPTIONS](): readonly string[] {
    return [...super[OPTIONS], 'ephemeral'];
  }

  /** @internal */
  protected async [OBTAIN](attempt: Attempt, request: Request): Promise<Claim | null> {
    try {
      const claim = await this.#contend(attempt, request);
      if (claim === null) await this.#withdraw(attempt);
      return claim;
    } catch (error) {
      await this.#withdraw(attempt);
      throw error;
    }
  }

  async #contend(attempt: Attempt, { blocking, ephemeral }: Request): Promise<Claim | null> {
    for (let rounds = 0; ; rounds++) {
      this.#node ??= this.#newNode(ephemeral);
      const node = this.#node;
      const place = await attempt.persist(() => attempt.guard(this.#place(node)));
      if (place === 'first') return this.#claim(node);
      if (place === 'gone') {
        // Its session is over, or somebody removed it: to the end of the line.
        void node.discard();
        this.#node = null;
        if (rounds > 0) await attempt.pause(pauseAfter(rounds));
      } else if (place !== 'unsure') {
        if (!blocking) return null;
        await this.#awaitChange(attempt, place.behind);
        rounds = 0;
      }
    }
  }

  /** Where our node stands. It is made and the line looked at in one round trip: the requests are served in the order in which they leave. */
  async #place(node: OwnedNode): Promise<Place> {
    const making = node.make();
    const looking = this.#children();
    looking.catch(() => undefined);
    const isInView = await making;
    const [children] = await Promise.all([looking, node.verify()]);
    const { name } = node;
    if (!isInView) return 'unsure';
    if (children === null || !node.isAmong(children)) return 'gone';
    // Another node of ours turned out to be the first: its owner is not known yet.
    if (node.name !== name) return 'unsure';
    // Asked now, not before the reply: without a connection there is no session for the node to belong to.
    if (!node.isOurs) return this.client.state === 'CONNECTED' ? 'gone' : 'unsure';
    const { sequence } = this.#own.read(node.name!)!;
    const predecessor = this.#awaited.predecessor(children, sequence);
    return predecessor === undefined ? 'first' : { behind: predecessor };
  }

  /**
   * Waits for the one before us, and only for that one; `get` leaves no watch if it has gone already (Kazoo LK-7).
   * A lost connection ends the wait: our own node may have gone with it, so our place has to be looked at first.
   */
  async #awaitChange(attempt: Attempt, predecessor: string): Promise<void> {
    const path = joinPath(this.path, predecessor);
    const read = (watch: WatchListener): Promise<unknown> => this.client.get(path, { watch });
    try {
      await nullIfMissing(observe(this.client, attempt, path, read, () => false));
    } catch (error) {
      attempt.check();
      if (!isTransient(error)) throw error;
    }
  }

  #newNode(ephemeral: boolean): OwnedNode {
    const name = uniqueName() + this.#kind.own;
    return new OwnedNode(this.client, { parent: this.path, name, data: this.#identifier, sequence: true, ephemeral });
  }

  #claim(node: OwnedNode): Claim {
    const forget = (): void => {
      if (this.#node === node) this.#node = null;
    };
    return {
      path: node.path!,
      fencingToken: node.birth!.czxid,
      ephemeral: node.ephemeral,
      isOurs: () => node.isOurs,
      remove: () => node.remove().then(forget),
      discard: () => (forget(), node.discard()),
      lost: () => node.ephemeral && forget(),
    };
  }

  async #withdraw(attempt: Attempt): Promise<void> {
    const node = this.#node;
    this.#node = null;
    if (node !== null) await attempt.settle(this.client, node.discard());
  }

  #children(limits?: WaitOptions): Promise<string[] | null> {
    return nullIfMissing(this.client.getChildren(this.path, limits));
  }

  /** Null data is skipped, as Kazoo does. */
  async #identifierIn(name: string, limits: WaitOptions): Promise<string | null> {
    const found = await nullIfMissing(this.client.get(joinPath(this.path, name), limits));
    return found?.[0]?.toString('utf8') ?? null;
  }
}

/** First in line; behind another; no longer in line; or to be looked at again, because the connection is in between. */
type Place = 'first' | 'gone' | 'unsure' | { readonly behind: string };

const EXCLUSIVE: LockKind = { own: '__lock__', awaits: ['__lock__'] };

function checkPatterns(patterns: Iterable<string> | undefined): string[] {
  if (patterns === undefined) return [];
  if (typeof patterns === 'string' || typeof patterns?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`extraLockPatterns must be an array of strings, not ${describeValue(patterns)}`);
  }
  const list = [...patterns];
  for (const pattern of list)
    if (typeof pattern !== 'string') throw new TypeError(`extraLockPatterns must hold strings, not ${describeValue(pattern)}`);
  return list;
}
