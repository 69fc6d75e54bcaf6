import { isWithin, parentPath } from '../base/paths.ts';
import type { EventType, WatchListener } from '../base/states.ts';
import type { RequestOf } from '../codec/ops.ts';

/** Kinds of watches: one-shot (`data`, `exists`, `child`) or staying (`persistent`, `recursive`). */
export type WatchTableKind = 'data' | 'exists' | 'child' | 'persistent' | 'recursive';

type Entry = WatchListener | Set<WatchListener>;
type Frame = { op: 'setWatches' | 'setWatches2'; request: RequestOf<'setWatches2'> };

const ONE_SHOT = ['child', 'data', 'exists'] as const satisfies readonly WatchTableKind[];
const STAYING = ['persistent', 'recursive'] as const satisfies readonly WatchTableKind[];
const KINDS: readonly WatchTableKind[] = [...ONE_SHOT, ...STAYING];

/** A party that knows nodes below a recursive watch, and wants events for those that changed while there was no connection. */
export interface Follower {
  /** Path of the recursive watch. */
  readonly root: string;
  readonly listener: WatchListener;
  paths(): Iterable<string>;
  /** Whether a path is among {@link Follower.paths}. */
  knows(path: string): boolean;
  /** The kinds of one-shot watches on these paths that may exist on the server. */
  readonly left: Set<'data' | 'child'>;
}

/**
 * Which one-shot tables an event clears, and whether recursive watches get it (docs/protocol.md, "Watches"). A node must be created before it can be deleted,
 * so DELETED leaves `exists` alone: without a CREATED it only makes up for what another watch has missed.
 */
const FIRES = {
  CREATED: { tables: ['exists', 'data'], recursive: true },
  CHANGED: { tables: ['data', 'exists'], recursive: true },
  DELETED: { tables: ['data', 'child'], recursive: true },
  CHILD: { tables: ['child'], recursive: false },
} as const satisfies Record<Exclude<EventType, 'NONE'>, { tables: readonly WatchTableKind[]; recursive: boolean }>;

/** Java splits at the same size: the server's limit is eight times as much (ZOOKEEPER-706). */
const FRAME_BYTES = 128 * 1024;

/** All watches of one client, by full path. A listener gets each event once, however many tables it is in. */
export class WatchTable {
  readonly #tables: Record<WatchTableKind, Map<string, Entry>> = {
    data: new Map(),
    exists: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  /** Staying watches requested and not answered yet. */
  readonly #arming = { persistent: new Map<string, number>(), recursive: new Map<string, number>() };
  readonly #followers = new Set<Follower>();
  /** Requests that may set a watch when they are answered, by path; and the orphans spared because of them. */
  readonly #expected = new Map<string, { count: number; readonly spared: Set<WatchTableKind> }>();
  /** Whether the current server is too old for staying watches: they are kept for the next one. */
  #isUnserved = false;
  /** Called for a server-side watch that is no longer wanted here. */
  readonly #onOrphan: (kind: WatchTableKind, path: string) => void;

  constructor(onOrphan: (kind: WatchTableKind, path: string) => void) {
    this.#onOrphan = onOrphan;
  }

  /** The number of watched paths, summed over all kinds. */
  get size(): number {
    return KINDS.reduce((sum, kind) => sum + this.#tables[kind].size, 0);
  }

  has(kind: WatchTableKind, path: string): boolean {
    return this.#tables[kind].has(path);
  }

  add(kind: WatchTableKind, path: string, listener: WatchListener): void {
    const table = this.#tables[kind];
    const entry = table.get(path);
    // Nearly always one listener per path: a Set only from the second on.
    if (entry === undefined) table.set(path, listener);
    else if (entry instanceof Set) entry.add(listener);
    else if (entry !== listener) table.set(path, new Set([entry, listener]));
  }

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** A read that requests a watch is in flight: the server's watch must not be removed behind it. */
  expect(path: string): void {
    const expected = this.#expected.get(path);
    if (expected === undefined) this.#expected.set(path, { count: 1, spared: new Set() });
    else expected.count++;
  }

  /** One such read has been answered or aborted. */
  met(path: string): void {
    const expected = this.#expected.get(path)!;
    if (--expected.count > 0) return;
    this.#expected.delete(path);
    for (const kind of expected.spared) this.orphan(kind, path);
  }

  /** A staying watch was requested (1), or that request was answered (-1). */
  arm(kind: 'persistent' | 'recursive', path: string, by: 1 | -1): void {
    const count = (this.#arming[kind].get(path) ?? 0) + by;
    if (count === 0) this.#arming[kind].delete(path);
    else this.#arming[kind].set(path, count);
  }

  /** A staying watch was refused: the one-shot watches it was to cover need their own. */
  refuse(kind: 'persistent' | 'recursive', path: string): void {
    if (this.#expected.get(path)!.count > 1 || ONE_SHOT.some((other) => this.has(other, path))) this.orphan(kind, path);
  }

  /** Whether the server will have a staying watch of ours there by the time it processes a request sent now. */
  isArmed(kind: 'persistent' | 'recursive', path: string): boolean {
    return !this.#isUnserved && (this.has(kind, path) || this.#arming[kind].has(path));
  }

  /**
   * Whether a staying watch reports everything that a one-shot watch there would. Then the server does not need the latter, which before 3.9 would
   * overwrite the former (ZOOKEEPER-4466).
   */
  covers(kind: WatchTableKind, path: string): boolean {
    if (isStaying(kind)) return false;
    return this.isArmed('persistent', path) || (kind !== 'child' && this.isArmed('recursive', path));
  }

  /** Whether there is a watch of a kind on the path, or may be one soon. */
  isWanted(kind: WatchTableKind, path: string): boolean {
    return this.has(kind, path) || this.#expected.has(path);
  }

  /** Removes a listener, and reports the server's watch as an orphan if it was the last. */
  remove(path: string, listener: WatchListener, kinds: readonly WatchTableKind[] = ONE_SHOT): void {
    for (const kind of kinds) {
      const table = this.#tables[kind];
      const entry = table.get(path);
      if (entry === listener) table.delete(path);
      else if (entry instanceof Set && entry.delete(listener)) {
        if (entry.size > 0) continue;
        table.delete(path);
      } else continue;
      this.orphan(kind, path);
    }
  }

  /** Removes all listeners of a path; the caller handles the server's watch. */
  clear(kind: WatchTableKind, path: string): boolean {
    return this.#tables[kind].delete(path);
  }

  /** Reports a server-side watch as no longer needed, unless another watch here uses it. */
  orphan(kind: WatchTableKind, path: string): void {
    if (this.#isUnserved && isStaying(kind)) return;
    const expected = this.#expected.get(path);
    if (expected !== undefined) return void expected.spared.add(kind);
    const shared =
      kind === 'data' ? this.has('exists', path) : kind === 'exists' ? this.has('data', path) : this.isFollowed(kind, path);
    if (!this.has(kind, path) && !shared && !this.covers(kind, path)) this.#onOrphan(kind, path);
  }

  /** Whether a follower has set a child watch there, or may have. */
  isFollowed(kind: WatchTableKind, path: string): boolean {
    if (kind !== 'child') return false;
    // Only for known nodes: on a missing node, setting it would cause a DELETED for everyone who watches there.
    for (const follower of this.#followers) if (follower.left.has(kind) && follower.knows(path)) return true;
    return false;
  }

  /** The listeners of an event; it uses up their one-shot watches. */
  fire(type: Exclude<EventType, 'NONE'>, path: string): Set<WatchListener> {
    const listeners = new Set<WatchListener>();
    const { tables, recursive } = FIRES[type];
    for (const kind of tables) {
      collect(listeners, this.#tables[kind].get(path));
      this.#tables[kind].delete(path);
    }
    collect(listeners, this.#tables.persistent.get(path));
    if (recursive && this.#tables.recursive.size > 0) this.#collectAncestors(listeners, path);
    // From a one-shot watch that was set for followers: a recursive watch does not report CHILD.
    if (type === 'CHILD')
      for (const follower of this.#followers) if (isWithin(follower.root, path)) listeners.add(follower.listener);
    return listeners;
  }

  /**
   * The node whose children have changed, if we only get the child's event: before 3.9 a recursive watch overwrites the persistent one on the same path.
   */
  toldByChild(type: EventType, path: string): string | undefined {
    if (type !== 'CREATED' && type !== 'DELETED') return undefined;
    const parent = parentPath(path);
    return this.has('recursive', parent) && this.has('persistent', parent) && path !== '/' ? parent : undefined;
  }

  /** Removes and returns all one-shot watches: the session is over. Child watches first (Kazoo WA-7). */
  drainOneShot(): Set<WatchListener> {
    return this.#drain(ONE_SHOT);
  }

  /** Removes and returns all staying watches: the client stops. */
  drainStaying(): Set<WatchListener> {
    this.#followers.clear();
    return this.#drain(STAYING);
  }

  /** The listeners of all staying watches. */
  staying(): Set<WatchListener> {
    const listeners = new Set<WatchListener>();
    for (const kind of STAYING) for (const entry of this.#tables[kind].values()) collect(listeners, entry);
    return listeners;
  }

  /**
   * The requests to send after a reconnect, in frames of at most 128 KiB: `setWatches2` only if there are staying watches, because older servers do not know it.
   *
   * @param servesStaying whether the server supports staying watches; if not, they are left out
   */
  *restoration(relativeZxid: bigint, servesStaying = true): Generator<Frame> {
    this.#isUnserved = !servesStaying;
    const kinds = servesStaying ? KINDS : ONE_SHOT;
    const op = STAYING.some((kind) => servesStaying && this.#tables[kind].size > 0) ? 'setWatches2' : 'setWatches';
    yield* inFrames(op, relativeZxid, kinds, (kind) => this.#toRestore(kind, relativeZxid));
    if (!servesStaying) return;
    // Before 3.9 a recursive watch has now overwritten its node's child watch.
    for (const path of this.#tables.recursive.keys()) yield* this.restorationAt(path, relativeZxid);
  }

  /** Like {@link restoration}, for the one-shot watches of one path that no staying watch covers. */
  *restorationAt(path: string, relativeZxid: bigint): Generator<Frame> {
    const request = emptyRequest(relativeZxid);
    const kinds = ONE_SHOT.filter((kind) => (this.has(kind, path) || this.isFollowed(kind, path)) && !this.covers(kind, path));
    for (const kind of kinds) request[LIST_OF[kind]].push(path);
    if (kinds.length > 0) yield { op: 'setWatches', request };
  }

  /** A follower's paths are restored as if each had a watch: an unchanged node then gets a one-shot watch, and a change is still reported only once. */
  *#toRestore(kind: WatchTableKind, relativeZxid: bigint): Generator<string> {
    yield* this.#tables[kind].keys();
    if (kind !== 'data' && kind !== 'child') return;
    for (const follower of this.#followers) {
      // In a new session every zxid is newer than 0.
      if (relativeZxid === 0n) follower.left.clear();
      else {
        follower.left.add(kind);
        yield* follower.paths();
      }
    }
  }

  #drain(kinds: readonly WatchTableKind[]): Set<WatchListener> {
    const listeners = new Set<WatchListener>();
    for (const kind of kinds) {
      for (const entry of this.#tables[kind].values()) collect(listeners, entry);
      this.#tables[kind].clear();
    }
    return listeners;
  }

  #collectAncestors(listeners: Set<WatchListener>, path: string): void {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
      collect(listeners, this.#tables.recursive.get(path.slice(0, end)));
    if (path !== '/') collect(listeners, this.#tables.recursive.get('/'));
  }
}

/** Requests that set child watches on paths read no earlier than `relativeZxid`: changes since then are reported at once. */
export function childWatches(paths: readonly string[], relativeZxid: bigint): Generator<Frame> {
  return inFrames('setWatches', relativeZxid, ['child'], () => paths);
}

const LIST_OF = {
  data: 'dataWatches',
  exists: 'existWatches',
  child: 'childWatches',
  persistent: 'persistentWatches',
  recursive: 'persistentRecursiveWatches',
} as const;

/** Bytes for header, zxid and five counts, with a margin. */
const OVERHEAD = 64;

type Restoration = { relativeZxid: bigint } & Record<(typeof LIST_OF)[WatchTableKind], string[]>;

function* inFrames(
  op: Frame['op'],
  relativeZxid: bigint,
  kinds: readonly WatchTableKind[],
  pathsOf: (kind: WatchTableKind) => Iterable<string>,
): Generator<Frame> {
  let request = emptyRequest(relativeZxid);
  let bytes = 0;
  for (const kind of kinds) {
    for (const path of pathsOf(kind)) {
      const size = 4 + Buffer.byteLength(path);
      if (bytes > 0 && bytes + size > FRAME_BYTES - OVERHEAD) {
        yield { op, request };
        request = emptyRequest(relativeZxid);
        bytes = 0;
      }
      request[LIST_OF[kind]].push(path);
      bytes += size;
    }
  }
  if (bytes > 0) yield { op, request };
}

function isStaying(kind: WatchTableKind): boolean {
  return kind === 'persistent' || kind === 'recursive';
}

function emptyRequest(relativeZxid: bigint): Restoration {
  return {
    relativeZxid,
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };
}

function collect(listeners: Set<WatchListener>, entry: Entry | undefined): void {
  if (entry === undefined) return;
  if (entry instanceof Set) for (const listener of entry) listeners.add(listener);
  else listeners.add(entry);
}
