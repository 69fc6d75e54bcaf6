import { Permissions } from '../base/security.ts';
import { permits, type AclList, type Identity } from './acl.ts';

/** A receiver of events: a connection. */
export interface Watcher {
  readonly identities: readonly Identity[];
  deliver(type: number, path: string, zxid: number): void;
}

/** The modes of a watch, as bits: a connection may have one of each on a path. */
export const WatchMode = { STANDARD: 1, PERSISTENT: 2, RECURSIVE: 4 } as const;
const ALL = WatchMode.STANDARD | WatchMode.PERSISTENT | WatchMode.RECURSIVE;
const NOT_RECURSIVE = ALL & ~WatchMode.RECURSIVE;

/** Event types on the wire. */
export const Event = { CREATED: 1, DELETED: 2, DATA_CHANGED: 3, CHILDREN_CHANGED: 4 } as const;

/** What a transaction did to one node, and the ACLs that decide who is notified. */
export interface Change {
  readonly type: number;
  readonly path: string;
  readonly acl: AclList;
  /** For a creation or deletion: the parent whose list of children changed. */
  readonly parent: string;
  readonly parentAcl: AclList | null;
}

/** The behaviour of watches in a release. */
export interface WatchRules {
  /** Whether several modes of one connection on one path coexist; else the last one counts. */
  readonly watchModesCoexist: boolean;
  readonly readGuardsEvents: boolean;
}

/** Watches by path, for events, and by watcher, for the end of a connection, so that neither has to search the other. */
class WatchTable {
  readonly #byPath = new Map<string, Map<Watcher, number>>();
  readonly #byWatcher = new Map<Watcher, Set<string>>();
  /** The number of recursive watches: without any, an event need not be looked up for the nodes above its own. */
  recursive = 0;

  modes(path: string, watcher: Watcher): number {
    return this.#byPath.get(path)?.get(watcher) ?? 0;
  }

  at(path: string): ReadonlyMap<Watcher, number> | undefined {
    return this.#byPath.get(path);
  }

  set(path: string, watcher: Watcher, modes: number): void {
    const watchers = this.#byPath.get(path);
    const before = watchers?.get(watcher) ?? 0;
    this.recursive += isRecursive(modes) - isRecursive(before);
    if (modes === 0) return this.#delete(path, watcher, watchers);
    if (watchers === undefined) this.#byPath.set(path, new Map([[watcher, modes]]));
    else watchers.set(watcher, modes);
    if (before !== 0) return;
    const paths = this.#byWatcher.get(watcher);
    if (paths === undefined) this.#byWatcher.set(watcher, new Set([path]));
    else paths.add(path);
  }

  forget(watcher: Watcher): void {
    for (const path of [...(this.#byWatcher.get(watcher) ?? [])]) this.set(path, watcher, 0);
  }

  byPath(): ReadonlyMap<string, ReadonlyMap<Watcher, number>> {
    return this.#byPath;
  }

  byWatcher(): ReadonlyMap<Watcher, ReadonlySet<string>> {
    return this.#byWatcher;
  }

  #delete(path: string, watcher: Watcher, watchers: Map<Watcher, number> | undefined): void {
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#byPath.delete(path);
    const paths = this.#byWatcher.get(watcher);
    paths?.delete(path);
    if (paths?.size === 0) this.#byWatcher.delete(watcher);
  }
}

/** All watches (docs/protocol.md, "Watches"). */
export class Watches {
  readonly #data = new WatchTable();
  readonly #child = new WatchTable();
  readonly #rules: WatchRules;

  constructor(rules: WatchRules) {
    this.#rules = rules;
  }

  watchData(path: string, watcher: Watcher): void {
    this.#add(this.#data, path, watcher, WatchMode.STANDARD);
  }

  watchChildren(path: string, watcher: Watcher): void {
    this.#add(this.#child, path, watcher, WatchMode.STANDARD);
  }

  watchPersistently(path: string, watcher: Watcher): void {
    this.#add(this.#data, path, watcher, WatchMode.PERSISTENT);
    this.#add(this.#child, path, watcher, WatchMode.PERSISTENT);
  }

  watchRecursively(path: string, watcher: Watcher): void {
    this.#add(this.#data, path, watcher, WatchMode.RECURSIVE);
    // Before 3.9 the single mode of the path is overwritten in both tables.
    if (!this.#rules.watchModesCoexist) this.#add(this.#child, path, watcher, WatchMode.RECURSIVE);
  }

  /** The modes the watcher has on a path, in the data table and in the children table. */
  modes(path: string, watcher: Watcher): { data: number; child: number } {
    return { data: this.#data.modes(path, watcher), child: this.#child.modes(path, watcher) };
  }

  remove(path: string, watcher: Watcher, modes: { data: number; child: number }): void {
    this.#data.set(path, watcher, this.#data.modes(path, watcher) & ~modes.data);
    this.#child.set(path, watcher, this.#child.modes(path, watcher) & ~modes.child);
  }

  /** The connection has ended. */
  forget(watcher: Watcher): void {
    this.#data.forget(watcher);
    this.#child.forget(watcher);
  }

  /** Sends the events of one change, in the order of a real server. */
  fire({ type, path, acl, parent, parentAcl }: Change, zxid: number): void {
    const told = this.#fireData(path, type, acl, zxid);
    if (type === Event.DELETED) this.#fireChild(path, type, acl, zxid, told);
    if (parentAcl !== null) this.#fireChild(parent, Event.CHILDREN_CHANGED, parentAcl, zxid, null);
  }

  /** The data table alone, as the four-letter words show it. */
  dataWatches(): {
    byPath: ReadonlyMap<string, ReadonlyMap<Watcher, number>>;
    byWatcher: ReadonlyMap<Watcher, ReadonlySet<string>>;
  } {
    return { byPath: this.#data.byPath(), byWatcher: this.#data.byWatcher() };
  }

  get count(): number {
    const sum = (table: WatchTable): number => [...table.byWatcher().values()].reduce((total, paths) => total + paths.size, 0);
    return sum(this.#data) + sum(this.#child);
  }

  #add(table: WatchTable, path: string, watcher: Watcher, mode: number): void {
    table.set(path, watcher, this.#rules.watchModesCoexist ? table.modes(path, watcher) | mode : mode);
  }

  #fireData(path: string, type: number, acl: AclList, zxid: number): Set<Watcher> | null {
    const told = takeAbove(this.#data, path);
    for (const watcher of told ?? []) this.#tell(watcher, type, path, acl, zxid);
    return told;
  }

  #fireChild(path: string, type: number, acl: AclList, zxid: number, already: ReadonlySet<Watcher> | null): void {
    // Before 3.9 a recursive watch is also in this table, and only here once another mode has overwritten it in the data table.
    const told = type === Event.DELETED ? takeAbove(this.#child, path) : take(this.#child, path, NOT_RECURSIVE, null);
    for (const watcher of told ?? []) if (already?.has(watcher) !== true) this.#tell(watcher, type, path, acl, zxid);
  }

  #tell(watcher: Watcher, type: number, path: string, acl: AclList, zxid: number): void {
    if (this.#rules.readGuardsEvents && !permits(acl, Permissions.READ, watcher.identities)) return;
    watcher.deliver(type, path, zxid);
  }
}

/** Adds the watchers of a path in one of the modes to `told`, and uses up their standard watches. */
function take(table: WatchTable, path: string, modes: number, told: Set<Watcher> | null): Set<Watcher> | null {
  const watchers = table.at(path);
  if (watchers === undefined) return told;
  const set = told ?? new Set();
  for (const [watcher, has] of [...watchers]) {
    if ((has & modes) === 0) continue;
    set.add(watcher);
    if ((has & modes & WatchMode.STANDARD) !== 0) table.set(path, watcher, has & ~WatchMode.STANDARD);
  }
  return set;
}

/** Also adds those who watch something above the path recursively. */
function takeAbove(table: WatchTable, path: string): Set<Watcher> | null {
  let told = take(table, path, ALL, null);
  if (table.recursive === 0) return told;
  for (let at = parentOf(path); at !== null; at = parentOf(at)) told = take(table, at, WatchMode.RECURSIVE, told);
  return told;
}

/** 1 or 0, for counting. */
function isRecursive(modes: number): number {
  return Number((modes & WatchMode.RECURSIVE) !== 0);
}

function parentOf(path: string): string | null {
  if (path === '/') return null;
  const slash = path.lastIndexOf('/');
  return slash === 0 ? '/' : path.slice(0, slash);
}
