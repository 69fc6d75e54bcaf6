import { NoNodeError } from '../base/errors.ts';
import { joinPath } from '../base/paths.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Attempt } from './attempt.ts';
import { ensuring } from './ensuring.ts';
import { createdEver, sortEntries } from './queue-entry.ts';

/** An entry that was read, to be removed next. */
export interface Item {
  readonly name: string;
  readonly path: string;
  readonly data: Buffer | null;
  readonly stat: ZnodeStat;
}

/** The outcome of an attempt to claim the first entry: null if there is none; `stale` if another may be the first now, `gone` if it was removed. */
type Claim = Item | null | 'stale' | 'gone';

/**
 * A queue's entries, as far as known. They are listed again only if somebody has added one since (Kazoo D-24d):
 * the parent's stat tells how many children were ever created, in one small reply that comes together with the first entry's data.
 *
 *   claimFirst():   exists(parent) + get(first entry)     one round trip; as many created as when listed? then it is still the first
 *   readAhead():    the same, in advance; only for a caller who asks no later than in the turn in which the answer comes
 */
export class Backlog {
  /** Called when a claimed entry is free again. */
  readonly waiting = new Set<() => void>();
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #claimed = new Set<string>();
  #entries: string[] = [];
  #created = -1;
  readonly #ahead = new Set<Promise<Claim>>();
  /** Reads ahead that nobody wants any more: their entries are free once they are answered. */
  readonly #withdrawn = new Set<Promise<void>>();

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  /** The first known entry that nobody here has claimed. */
  get next(): string | undefined {
    return this.#entries.find((entry) => !this.#claimed.has(entry));
  }

  async list(attempt: Attempt, watch?: () => void): Promise<readonly string[]> {
    const { bound: signal } = attempt;
    const [children, stat] = await ensuring(this.#client, attempt, [this.#path], () =>
      this.#client.getChildren(this.#path, { watch, signal, includeData: true }),
    );
    this.#entries = sortEntries(children);
    this.#created = createdEver(stat);
    return this.#entries;
  }

  /** The first entry that nobody else here is removing; null if there is none. Claimed until released. @param inARow requested in the turn in which the last one was returned */
  async claimFirst(attempt: Attempt, inARow: boolean): Promise<Item | null> {
    if (!inARow) this.withdrawAhead();
    // Otherwise their entries would be passed over, as if somebody were removing them.
    if (this.#withdrawn.size > 0) await Promise.all(this.#withdrawn);
    let fresh = false;
    for (;;) {
      const claim = await (this.#takeAhead(attempt) ?? this.#claimNext(fresh, attempt.bound));
      if (typeof claim === 'object') return claim;
      if (claim === 'gone') continue;
      await this.list(attempt);
      fresh = true;
    }
  }

  /** For a caller who takes entries one right after the other: reads the next while the last is still being removed. */
  readAhead(): void {
    // An error will surface when the caller asks.
    const ahead = this.#claimNext(false, undefined).catch((): 'gone' => 'gone');
    this.#ahead.add(ahead);
    void ahead.then(() => process.nextTick(() => this.#withdraw(ahead)));
  }

  /** Drops what was read ahead: another entry may come before it. */
  withdrawAhead(): void {
    for (const ahead of this.#ahead) this.#withdraw(ahead);
  }

  release(name: string): void {
    this.#claimed.delete(name);
    // Searching all entries is only for waiters, which are few while entries are many. If none are known, any may exist.
    if (this.waiting.size > 0 && (this.#created === -1 || this.#entries.includes(name))) for (const wake of this.waiting) wake();
  }

  /** The entry no longer exists. */
  forget(name: string): void {
    const index = this.#entries.indexOf(name);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  /** The known entries are doubtful: list again before the next claim. */
  expire(): void {
    this.#entries = [];
    this.#created = -1;
  }

  #withdraw(ahead: Promise<Claim>): void {
    if (this.#ahead.delete(ahead)) this.#freeOnceAnswered(ahead);
  }

  #freeOnceAnswered(ahead: Promise<Claim>): void {
    const withdrawn = ahead.then((claim) => {
      this.#withdrawn.delete(withdrawn);
      if (claim !== null && typeof claim === 'object') this.release(claim.name);
    });
    this.#withdrawn.add(withdrawn);
  }

  /** The oldest read ahead; withdrawn if the caller gives up before it is answered. */
  #takeAhead(attempt: Attempt): Promise<Claim> | undefined {
    const oldest = this.#ahead.values().next().value;
    if (oldest === undefined) return undefined;
    this.#ahead.delete(oldest);
    return attempt.guard(oldest).catch((error: unknown) => {
      this.#freeOnceAnswered(oldest);
      throw error;
    });
  }

  async #claimNext(fresh: boolean, signal: AbortSignal | undefined): Promise<Claim> {
    const name = this.next;
    if (name === undefined) return fresh ? null : 'stale';
    this.#claimed.add(name);
    let item: Item | undefined;
    try {
      const [current, found] = await Promise.all([fresh || this.#isCurrent(signal), this.#read(name, signal)]);
      if (found === undefined) this.forget(name);
      if (!current) return 'stale';
      item = found;
      return item ?? 'gone';
    } finally {
      if (item === undefined) this.release(name);
    }
  }

  async #isCurrent(signal: AbortSignal | undefined): Promise<boolean> {
    const stat = await this.#client.exists(this.#path, { signal });
    return stat !== null && createdEver(stat) === this.#created;
  }

  async #read(name: string, signal: AbortSignal | undefined): Promise<Item | undefined> {
    const path = joinPath(this.#path, name);
    try {
      const [data, stat] = await this.#client.get(path, { signal });
      return { name, path, data, stat };
    } catch (error) {
      if (error instanceof NoNodeError) return undefined;
      throw error;
    }
  }
}
