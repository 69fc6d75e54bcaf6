import type { DataTree } from './data-tree.ts';
import { Code, refusal } from './refusal.ts';

const ROOT = '/zookeeper/quota';
const LIMITS = '/zookeeper_limits';
const STATS = '/zookeeper_stats';

interface Usage {
  readonly count: number;
  readonly bytes: number;
}

/** Quotas, kept as ordinary nodes below `/zookeeper/quota`. */
export class Quotas {
  readonly #tree: DataTree;
  readonly #enforced: boolean;
  /** Paths with a limits node. */
  readonly #limited = new Set<string>();

  constructor(tree: DataTree, enforced: boolean) {
    this.#tree = tree;
    this.#enforced = enforced;
  }

  clear(): void {
    this.#limited.clear();
  }

  /**
   * Checks a change against the hard limits of the deepest path that has any.
   *
   * @throws Refusal with QuotaExceeded
   */
  check(path: string, change: Usage): void {
    if (!this.#enforced || this.#limited.size === 0) return;
    const limited = this.#limitedAbove(path);
    if (limited === null) return;
    const limits = this.#read(limited, LIMITS);
    const usage = this.#read(limited, STATS);
    if (limits === null || usage === null) return;
    const over = (now: number | undefined, more: number, limit: number | undefined): boolean =>
      limit !== undefined && limit > -1 && more !== 0 && (now ?? 0) + more > limit;
    const exceeded =
      over(usage.get('count'), change.count, limits.get('countHardLimit')) ||
      over(usage.get('bytes'), change.bytes, limits.get('byteHardLimit'));
    if (exceeded) throw refusal(Code.QUOTA_EXCEEDED);
  }

  /** Records that a node was created, deleted or changed. */
  record(path: string, change: Usage): void {
    if (this.#limited.size > 0) this.#account(path, change);
  }

  /** A node below `/zookeeper/quota` was created: perhaps a limit, or a place for the numbers. */
  created(path: string): void {
    if (!path.startsWith(ROOT)) return;
    if (path.endsWith(LIMITS)) this.#limited.add(path.slice(ROOT.length, -LIMITS.length));
    else if (path.endsWith(STATS)) this.#recount(path.slice(ROOT.length, -STATS.length));
  }

  deleted(path: string): void {
    if (path.startsWith(ROOT) && path.endsWith(LIMITS)) this.#limited.delete(path.slice(ROOT.length, -LIMITS.length));
  }

  #limitedAbove(path: string): string | null {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (this.#limited.has(at)) return at;
    return null;
  }

  #account(path: string, change: Usage): void {
    const limited = this.#limitedAbove(path);
    const usage = limited === null ? null : this.#read(limited, STATS);
    if (limited === null || usage === null) return;
    this.#write(limited, { count: (usage.get('count') ?? 0) + change.count, bytes: (usage.get('bytes') ?? 0) + change.bytes });
  }

  #recount(limited: string): void {
    let count = 0;
    let bytes = 0;
    this.#tree.visit(limited, (node) => {
      count++;
      bytes += node.data?.length ?? 0;
    });
    this.#write(limited, { count, bytes });
  }

  /** Writes silently: neither version nor zxid changes, and no watch fires. */
  #write(limited: string, { count, bytes }: Usage): void {
    const node = this.#tree.get(ROOT + limited + STATS);
    if (node !== undefined) node.data = Buffer.from(`count=${count},bytes=${bytes}`);
  }

  #read(limited: string, leaf: string): ReadonlyMap<string, number> | null {
    const data = this.#tree.get(ROOT + limited + leaf)?.data;
    if (data === undefined || data === null) return null;
    const pairs = data.toString().matchAll(/(\w+)=(-?\d+)/g);
    return new Map(Array.from(pairs, ([, key = '', value]) => [key, Number(value)]));
  }
}
