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

/** Options of a {@link Lock}. */
export interface LockOptions {
  /** Stored in the contender's node; {@link Lock.contenders} shows it to others. Default: empty. */
  identifier?: string | undefined;
  /** More node names to wait for: regular-expression text before the sequence number, such as `-lock-` for Curator's. Only this side honours them (Kazoo LK-5). */
  extraLockPatterns?: Iterable<string> | undefined;
  /** When a hold's signal aborts. Default `standard`. */
  errorPolicy?: ErrorPolicy | undefined;
}

/** How to wait for a {@link Lock}. */
export interface LockAcquireOptions extends AcquireOptions {
  /**
   * Whether the node ends with the session (default). A persistent node keeps others out even after LOST, when `isAcquired` is false and `release()` does nothing.
   * Then `acquire()` on this object takes it up again, so that `release()` works; the end of `withLock` or `hold` removes it; else delete it by hand, by the name in `node`.
   */
  ephemeral?: boolean | undefined;
}

/** The node names a kind of lock uses, and those it waits for (Kazoo RW-1, RW-2). */
export interface LockKind {
  readonly own: string;
  readonly awaits: readonly string[];
}

/**
 * A mutual-exclusion lock, first come first served, with the nodes that Python Kazoo uses (LK-1): `<path>/<uuid>__lock__<sequence>`.
 * Not re-entrant: if this object holds the lock, `acquire()` waits for the release.
 *
 * A lock can be lost at any time: act only while `signal` has not aborted, and give `fencingToken` to storage that can reject a late holder.
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

  /** The name of this object's node while it waits for the lock or holds it; else null. */
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
   * Runs `fn` while holding the lock and settles as it does. The signal given to `fn` aborts when the lock is, or may be, lost, or `options.signal` aborts.
   *
   * @throws LockTimeout also when `blocking: false` and the lock is taken
   */
  withLock<T>(fn: (signal: AbortSignal) => Promise<T> | T, options?: LockAcquireOptions): Promise<T> {
    return this.within(fn, options);
  }

  /** The identifiers of the holder and of all waiters, in order of arrival (Kazoo LK-21). */
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
        // Its session is over, or somebody removed it: go to the end of the queue.
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

  /** The place of our node in the queue. Creating it and listing the queue take one round trip: requests are served in the order they are sent. */
  async #place(node: OwnedNode): Promise<Place> {
    const making = node.make();
    const looking = this.#children();
    looking.catch(() => undefined);
    const isInView = await making;
    const [children] = await Promise.all([looking, node.verify()]);
    const { name } = node;
    if (!isInView) return 'unsure';
    if (children === null || !node.isAmong(children)) return 'gone';
    // Another node of ours turned out to be the first one: its owner is not known yet.
    if (node.name !== name) return 'unsure';
    // Checked now, not before the reply: without a connection there is no session for the node to belong to.
    if (!node.isOurs) return this.client.state === 'CONNECTED' ? 'gone' : 'unsure';
    const { sequence } = this.#own.read(node.name!)!;
    const predecessor = this.#awaited.predecessor(children, sequence);
    return predecessor === undefined ? 'first' : { behind: predecessor };
  }

  /**
   * Waits for our predecessor only; `get` leaves no watch if it is already gone (Kazoo LK-7).
   * A lost connection ends the wait: our own node may be gone too, so our place must be checked first.
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

  /** Null data is skipped, as in Kazoo. */
  async #identifierIn(name: string, limits: WaitOptions): Promise<string | null> {
    const found = await nullIfMissing(this.client.get(joinPath(this.path, name), limits));
    return found?.[0]?.toString('utf8') ?? null;
  }
}

/** First in the queue; behind another node; no longer in the queue; or unsure, because of a lost connection, so check again. */
type Place = 'first' | 'gone' | 'unsure' | { readonly behind: string };

const EXCLUSIVE: LockKind = { own: '__lock__', awaits: ['__lock__'] };

function checkPatterns(patterns: Iterable<string> | undefined): string[] {
  if (patterns === undefined) return [];
  if (typeof patterns === 'string' || typeof patterns?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`extraLockPatterns must be an array of strings, not ${describeValue(patterns)}`);
  }
  const list = [...patterns];
  for (const pattern of list)
    if (typeof pattern !== 'string') throw new TypeError(`extraLockPatterns must contain strings, not ${describeValue(pattern)}`);
  return list;
}
