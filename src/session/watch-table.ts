import { isWithin, parentPath } from '../base/paths.ts';
import type { EventType, WatchListener } from '../base/states.ts';
import type { RequestOf } from '../codec/ops.ts';

/** Where a watch is kept: one-shot (`data`, `exists`, `child`) or staying (`persistent`, `recursive`). */
export type WatchTableKind = 'data' | 'exists' | 'child' | 'persistent' | 'recursive';

type Entry = WatchListener | Set<WatchListener>;
type Frame = { op: 'setWatches' | 'setWatches2'; request: RequestOf<'setWatches2'> };

const ONE_SHOT = ['child', 'data', 'exists'] as const satisfies readonly WatchTableKind[];
const STAYING = ['persistent', 'recursive'] as const satisfies readonly WatchTableKind[];
const KINDS: readonly WatchTableKind[] = [...ONE_SHOT, ...STAYING];

/** Somebody who knows nodes below a recursive watch, and wants to hear which of them have changed while there was no connection. */
export interface Follower {
  /** Path of the recursive watch. */
  readonly root: string;
  readonly listener: WatchListener;
  paths(): Iterable<string>;
  /** Whether a path is among these. */
  knows(path: string): boolean;
  /** Of which kinds the server may have been left one-shot watches of these paths. */
  readonly left: Set<'data' | 'child'>;
}

/**
 * Which one-shot tables an event empties, and whether persistent and recursive watches hear of it (docs/protocol.md, "Watches"). A node that is waited for must
 * come before it can go: a DELETED without a CREATED makes up for what another watch has missed.
 */
const FIRES = {
  CREATED: { tables: ['exists', 'data'], recursive: true },
  CHANGED: { tables: ['data', 'exists'], recursive: true },
  DELETED: { tables: ['data', 'child'], recursive: true },
  CHILD: { tables: ['child'], recursive: false },
} as const satisfies Record<Exclude<EventType, 'NONE'>, { tables: readonly WatchTableKind[]; recursive: boolean }>;

/** Java splits at the same size: the server's limit is eight times as much (ZOOKEEPER-706). */
const FRAME_BYTES = 128 * 1024;

/** Every watch of one client, by the full path. A listener is told once of an event, however many tables it is in. */
export class WatchTable {
  readonly #tables: Record<WatchTableKind, Map<string, Entry>> = {
    data: new Map(),
    exists: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  /** Staying watches that have been asked for and not answered yet. */
  readonly #arming = { persistent: new Map<string, number>(), recursive: new Map<string, number>() };
  readonly #followers = new Set<Follower>();
  /** Requests that may leave a watch when they are answered, by path; and the orphans that were spared for their sake. */
  readonly #expected = new Map<string, { count: number; readonly spared: Set<WatchTableKind> }>();
  /** Whether the present server is too old for the staying watches: they are kept for the next. */
  #isUnserved = false;
  /** Told of a server-side watch that nobody here wants any more. */
  readonly #onOrphan: (kind: WatchTableKind, path: string) => void;

  constructor(onOrphan: (kind: WatchTableKind, path: string) => void) {
    this.#onOrphan = onOrphan;
  }

  /** How many paths are watched. */
  get size(): number {
    return KINDS.reduce((sum, kind) => sum + this.#tables[kind].size, 0);
  }

  has(kind: WatchTableKind, path: string): boolean {
    return this.#tables[kind].has(path);
  }

  add(kind: WatchTableKind, path: string, listener: WatchListener): void {
    const table = this.#tables[kind];
    const entry = table.get(path);
    // Nearly always one listener a path: a set of its own only from the second on.
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

  /** A read that asks for a watch is under way: the server's watch must not be taken back behind it. */
  expect(path: string): void {
    const expected = this.#expected.get(path);
    if (expected === undefined) this.#expected.set(path, { count: 1, spared: new Set() });
    else expected.count++;
  }

  /** One such read has been answered, or given up. */
  met(path: string): void {
    const expected = this.#expected.get(path)!;
    if (--expected.count > 0) return;
    this.#expected.delete(path);
    for (const kind of expected.spared) this.orphan(kind, path);
  }

  /** A staying watch has been asked for (1), or that has been answered (-1). */
  arm(kind: 'persistent' | 'recursive', path: string, by: 1 | -1): void {
    const count = (this.#arming[kind].get(path) ?? 0) + by;
    if (count === 0) this.#arming[kind].delete(path);
    else this.#arming[kind].set(path, count);
  }

  /** A staying watch was refused: the one-shot watches that it was to stand for need their own. */
  refuse(kind: 'persistent' | 'recursive', path: string): void {
    if (this.#expected.get(path)!.count > 1 || ONE_SHOT.some((other) => this.has(other, path))) this.orphan(kind, path);
  }

  /** Whether the server has a staying watch for us there by the time it sees what is sent now. */
  isArmed(kind: 'persistent' | 'recursive', path: string): boolean {
    return !this.#isUnserved && (this.has(kind, path) || this.#arming[kind].has(path));
  }

  /**
   * Whether a staying watch tells of all that a one-shot watch there would. The server need not have that one too, and before 3.9 it would take the
   * other's place (ZOOKEEPER-4466).
   */
  covers(kind: WatchTableKind, path: string): boolean {
    if (isStaying(kind)) return false;
    return this.isArmed('persistent', path) || (kind !== 'child' && this.isArmed('recursive', path));
  }

  /** Whether somebody has a watch of a kind there, or may have one soon. */
  isWanted(kind: WatchTableKind, path: string): boolean {
    return this.has(kind, path) || this.#expected.has(path);
  }

  /** Takes one listener back, and reports the server's watch where it was the last. */
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

  /** Takes all listeners of a path back; the caller sees to the server. */
  clear(kind: WatchTableKind, path: string): boolean {
    return this.#tables[kind].delete(path);
  }

  /** A server-side watch is of no use to anyone, unless another of its sort is here. */
  orphan(kind: WatchTableKind, path: string): void {
    if (this.#isUnserved && isStaying(kind)) return;
    const expected = this.#expected.get(path);
    if (expected !== undefined) return void expected.spared.add(kind);
    const shared =
      kind === 'data' ? this.has('exists', path) : kind === 'exists' ? this.has('data', path) : this.isFollowed(kind, path);
    if (!this.has(kind, path) && !shared && !this.covers(kind, path)) this.#onOrphan(kind, path);
  }

  /** Whether a follower has left a child watch there, or may have. */
  isFollowed(kind: WatchTableKind, path: string): boolean {
    if (kind !== 'child') return false;
    // Where there is no node, to ask for one would be answered by a DELETED, to everyone who watches there.
    for (const follower of this.#followers) if (follower.left.has(kind) && follower.knows(path)) return true;
    return false;
  }

  /** Who is to be told of an event. One-shot watches are used up by it. */
  fire(type: Exclude<EventType, 'NONE'>, path: string): Set<WatchListener> {
    const listeners = new Set<WatchListener>();
    const { tables, recursive } = FIRES[type];
    for (const kind of tables) {
      collect(listeners, this.#tables[kind].get(path));
      this.#tables[kind].delete(path);
    }
    collect(listeners, this.#tables.persistent.get(path));
    if (recursive && this.#tables.recursive.size > 0) this.#collectAncestors(listeners, path);
    // From a one-shot watch that was left for their sake: a recursive one does not tell of it.
    if (type === 'CHILD')
      for (const follower of this.#followers) if (isWithin(follower.root, path)) listeners.add(follower.listener);
    return listeners;
  }

  /**
   * The node whose children have changed, where an event of a child is all we get of it: before 3.9 a recursive watch takes the place of the persistent one
   * on the same path.
   */
  toldByChild(type: EventType, path: string): string | undefined {
    if (type !== 'CREATED' && type !== 'DELETED') return undefined;
    const parent = parentPath(path);
    return this.has('recursive', parent) && this.has('persistent', parent) && path !== '/' ? parent : undefined;
  }

  /** Every one-shot watch, used up: the session is over. Child watches first (Kazoo WA-7). */
  drainOneShot(): Set<WatchListener> {
    return this.#drain(ONE_SHOT);
  }

  /** Every staying watch, taken back: the client stops. */
  drainStaying(): Set<WatchListener> {
    this.#followers.clear();
    return this.#drain(STAYING);
  }

  /** Everyone who has a staying watch. */
  staying(): Set<WatchListener> {
    const listeners = new Set<WatchListener>();
    for (const kind of STAYING) for (const entry of this.#tables[kind].values()) collect(listeners, entry);
    return listeners;
  }

  /**
   * What to send after a reconnect, in frames of at most 128 KiB: `setWatches` unless there are staying watches, which older servers do not know.
   *
   * @param servesStaying whether the server knows these; if not, they are left out
   */
  *restoration(relativeZxid: bigint, servesStaying = true): Generator<Frame> {
    this.#isUnserved = !servesStaying;
    const kinds = servesStaying ? KINDS : ONE_SHOT;
    const op = STAYING.some((kind) => servesStaying && this.#tables[kind].size > 0) ? 'setWatches2' : 'setWatches';
    yield* inFrames(op, relativeZxid, kinds, (kind) => this.#toRestore(kind, relativeZxid));
    if (!servesStaying) return;
    // Before 3.9 a recursive watch has now taken the place of its node's child watch.
    for (const path of this.#tables.recursive.keys()) yield* this.restorationAt(path, relativeZxid);
  }

  /** The same for the one-shot watches of one path that no staying watch stands for. */
  *restorationAt(path: string, relativeZxid: bigint): Generator<Frame> {
    const request = emptyRequest(relativeZxid);
    const kinds = ONE_SHOT.filter((kind) => (this.has(kind, path) || this.isFollowed(kind, path)) && !this.covers(kind, path));
    for (const kind of kinds) request[LIST_OF[kind]].push(path);
    if (kinds.length > 0) yield { op: 'setWatches', request };
  }

  /** A follower's paths are asked about as if each had been watched: what is unchanged then leaves a one-shot watch, and a change is told once all the same. */
  *#toRestore(kind: WatchTableKind, relativeZxid: bigint): Generator<string> {
    yield* this.#tables[kind].keys();
    if (kind !== 'data' && kind !== 'child') return;
    for (const follower of this.#followers) {
      // In a new session everything is newer than nothing.
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

/** Child watches to be left, by paths that were read no earlier than `relativeZxid`: what has changed since is told at once. */
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

/** Header, zxid and five counts, with room to spare. */
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
