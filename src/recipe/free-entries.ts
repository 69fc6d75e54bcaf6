import { joinPath } from '../base/paths.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Attempt } from './attempt.ts';
import { ensuring } from './ensuring.ts';
import { createdEver, deletedEver, sortEntries } from './queue-entry.ts';

/**
 * The entries of a LockingQueue that nobody has locked. A long queue is not listed for each item (Kazoo D-24d): the stats of its two parent nodes tell how many
 * entries were ever put, and how many locks were ever removed without their entry. While neither number changes, no entry can have become free, so the next
 * one is the first of those last listed that still exists and has no lock.
 *
 *   next():   exists(taken) + exists(entries) + exists(lock) and exists(entry) of the next few     one round trip
 */
export class FreeEntries {
  readonly #client: RecipeClient;
  readonly #entries: string;
  readonly #taken: string;
  /** The entries last listed, in order, without those since found gone or locked; empty if they were few. */
  #listed: string[] = [];
  #put = 0;
  #givenBack = 0;

  constructor(client: RecipeClient, entries: string, taken: string) {
    this.#client = client;
    this.#entries = entries;
    this.#taken = taken;
  }

  /** The first free entries, in order; empty only if there are none. */
  async next(attempt: Attempt): Promise<readonly string[]> {
    for (let few = FEW; this.#listed.length > 0 && few <= MANY; few *= 2) {
      const free = await this.#look(attempt, this.#listed.slice(0, few));
      if (free === null) break;
      if (free.length > 0) return free;
    }
    return this.list(attempt);
  }

  /** All free entries, in order. @param watch called at the next change of either parent node */
  async list(attempt: Attempt, watch?: () => void): Promise<readonly string[]> {
    const options = { watch, ...attempt.limits, includeData: true } as const;
    // The locks first, so that an entry consumed in between is not taken for a free one.
    const [[locks, taken], [names, entries]] = await attempt.retry(this.#client, () =>
      ensuring(this.#client, attempt, [this.#entries, this.#taken], () =>
        Promise.all([this.#client.getChildren(this.#taken, options), this.#client.getChildren(this.#entries, options)]),
      ),
    );
    const locked = new Set(locks);
    const free = sortEntries(names.filter((name) => !locked.has(name)));
    this.#listed = free.length > SHORT ? [...free] : [];
    this.#put = createdEver(entries);
    this.#givenBack = givenBack(taken, entries);
    return free;
  }

  /** Which of these are free; null if others may come before them. */
  async #look(attempt: Attempt, names: readonly string[]): Promise<readonly string[] | null> {
    const nodes = names.flatMap((name) => [joinPath(this.#taken, name), joinPath(this.#entries, name)]);
    const paths = [this.#taken, this.#entries, ...nodes];
    const [taken, entries, ...stats] = await attempt.retry(this.#client, () =>
      Promise.all(paths.map((path) => this.#client.exists(path, attempt.limits))),
    );
    if (!taken || !entries || createdEver(entries) !== this.#put || givenBack(taken, entries) !== this.#givenBack) return null;
    const free = names.filter((_, index) => stats[2 * index] === null && stats[2 * index + 1] !== null);
    this.#listed.splice(0, free.length === 0 ? names.length : names.indexOf(free[0]!));
    return free;
  }
}

/** Up to so many entries, listing them is as cheap. */
const SHORT = 500;
/** How many are checked together, at first and at most: others may have locked or consumed the first ones since they were listed. */
const FEW = 4;
const MANY = 64;

/** How many locks were removed while their entry stayed: `consume` removes both at once. */
function givenBack(taken: ZnodeStat, entries: ZnodeStat): number {
  return deletedEver(taken) - deletedEver(entries);
}
