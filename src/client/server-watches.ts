import { ConnectionDropped, MarshallingError, NoWatcherError, UnimplementedError } from '../base/errors.ts';
import { AddWatchMode, isOlder, OPS, WatcherType, type RequestOf } from '../codec/ops.ts';
import { Failure } from '../session/failure.ts';
import type { Session } from '../session/session.ts';
import type { WatchTableKind } from '../session/watch-table.ts';
import type { WaitOptions } from './call-options.ts';

/** The kind of watches that `removeWatches` removes. */
export type RemovableWatch = 'data' | 'children' | 'any' | 'persistent' | 'persistentRecursive';

/** What each kind is on the server, and in our tables. */
export const REMOVABLE = {
  data: { type: WatcherType.DATA, tables: ['data', 'exists'] },
  children: { type: WatcherType.CHILDREN, tables: ['child'] },
  any: { type: WatcherType.ANY, tables: ['data', 'exists', 'child', 'persistent', 'recursive'] },
  persistent: { type: WatcherType.PERSISTENT, tables: ['persistent'] },
  persistentRecursive: { type: WatcherType.PERSISTENT_RECURSIVE, tables: ['recursive'] },
} as const satisfies Record<RemovableWatch, { type: number; tables: readonly WatchTableKind[] }>;

/** The answer of a server before 3.9 to a watcher type added in 3.9. */
const MARSHALLING = MarshallingError.code;
const NO_WATCHER = NoWatcherError.code;
const ATTEMPTS = 3;

/**
 * The server's side of our watches. Before 3.9 a server keeps only the latest mode per path and connection, and a removal takes whichever it finds
 * (ZOOKEEPER-4466, 4471, 4472). So a read sets no watch of its own if a persistent one covers it ({@link WatchTable.covers}), and a removal
 * keeps what other listeners need:
 *
 *   last listener of a persistent kind gone:   nothing else on the path   -> remove any
 *                                              else, since 3.9            -> remove that kind, set the one-shot watches it covered
 *                                              else, before               -> overwrite it with what is left
 */
export class ServerWatches {
  readonly #session: Session;
  readonly #serverVersion: () => Promise<number[]>;
  /** Removals started by the current call; each caller waits for its own, and nobody for those of an aborted read. */
  #removals: Promise<unknown>[] | undefined;
  #wait: WaitOptions = {};
  /** The server version of each connection; asked once, when first needed. */
  readonly #versions = new WeakMap<object, Promise<number[] | undefined>>();

  constructor(session: Session, serverVersion: () => Promise<number[]>) {
    this.#session = session;
    this.#serverVersion = serverVersion;
    session.onOrphanWatch = (type, path) => {
      const removal = this.#remove(type, path, this.#wait);
      this.#removals?.push(removal);
    };
  }

  /** Runs `remove`, which may leave unwanted watches on the server, and waits for their removal. @returns the failures */
  async removing(remove: () => void, wait: WaitOptions = {}): Promise<Failure[]> {
    const removals: Promise<unknown>[] = (this.#removals = []);
    this.#wait = wait;
    remove();
    this.#wait = {};
    this.#removals = undefined;
    return (await Promise.all(removals)).filter((outcome) => outcome instanceof Failure);
  }

  /** Whether the connected server is new enough for an operation. Trying the operation on an older one could cost the connection; if in doubt, false. */
  async knows(op: 'addWatch' | 'removeWatches'): Promise<boolean> {
    const { target, serverVersion } = this.#session;
    if (target === undefined) return false;
    if (serverVersion !== undefined) return !isOlder(serverVersion, OPS[op].since);
    let version = this.#versions.get(target);
    if (version === undefined) {
      version = this.#askVersion(target);
      this.#versions.set(target, version);
    }
    const known = await version;
    return known !== undefined && !isOlder(known, OPS[op].since);
  }

  /** Removes the server's watches of a kind, whether we know of them or not. @returns the failure, if any */
  async take(kind: RemovableWatch, path: string, wait: WaitOptions): Promise<Failure[]> {
    const none = Failure.ofCode(NO_WATCHER);
    // Before 3.9 the server would remove a watch of another kind.
    const { watches } = this.#session;
    if (REMOVABLE[kind].tables.some((table) => watches.covers(table, path))) return [none];
    if (kind === 'children' && watches.isFollowed('child', path)) return [none];
    const outcome = await this.#ask('removeWatches', { path, type: REMOVABLE[kind].type }, wait);
    if (!(outcome instanceof Failure)) return [];
    return [outcome.code === MARSHALLING ? none : outcome];
  }

  /**
   * Whether the server keeps a persistent watch next to a recursive one on the same node. If not (before 3.9), we request no persistent watch: it would
   * overwrite the recursive one, from whose events its own can be derived.
   */
  async allowsPersistent(path: string, wait: WaitOptions): Promise<true | false | Failure> {
    const outcome = await this.#ask('checkWatches', { path, type: WatcherType.PERSISTENT }, wait);
    if (!(outcome instanceof Failure) || outcome.code === NO_WATCHER) return true;
    return outcome.code === MARSHALLING ? false : outcome;
  }

  /** Best effort: a watch left on the server costs one ignored event. Older servers are not sent operations they do not know. */
  async #remove(kind: Exclude<RemovableWatch, 'any'>, path: string, wait: WaitOptions): Promise<unknown> {
    const { watches } = this.#session;
    const stays = kind === 'persistent' || kind === 'persistentRecursive';
    if (!stays && !(await this.knows('removeWatches'))) return Failure.ofCode(UnimplementedError.code);
    // It may be wanted again by now, or will be once a read is answered: then check again later.
    const { tables } = REMOVABLE[kind];
    const isCovered = tables.some((table) => watches.covers(table, path));
    if (isCovered || this.#isWanted(kind, path)) return watches.orphan(tables[0], path);
    if (!stays) return this.#ask('removeWatches', { path, type: REMOVABLE[kind].type }, wait);
    if (!REMOVABLE.any.tables.some((table) => watches.isWanted(table, path)))
      return this.#ask('removeWatches', { path, type: WatcherType.ANY }, wait);
    return this.#replace(kind, path, wait);
  }

  async #replace(kind: 'persistent' | 'persistentRecursive', path: string, wait: WaitOptions): Promise<unknown> {
    const { watches } = this.#session;
    const before = this.#session.lastZxid;
    const outcome = await this.#ask('removeWatches', { path, type: REMOVABLE[kind].type }, wait, before);
    if (!(outcome instanceof Failure) || outcome.code !== MARSHALLING || this.#isWanted(kind, path)) return outcome;
    if (watches.isArmed('recursive', path)) return this.#session.rearm(path, before);
    if (watches.isArmed('persistent', path)) return this.#ask('addWatch', { path, mode: AddWatchMode.PERSISTENT }, wait);
    return this.#ask('removeWatches', { path, type: WatcherType.ANY }, wait, before);
  }

  #isWanted(kind: RemovableWatch, path: string): boolean {
    return REMOVABLE[kind].tables.some((table) => this.#session.watches.isWanted(table, path));
  }

  /**
   * With `before`, the one-shot watches of the path are set again in the tick of the reply, and report what has changed since the reply's zxid; or since
   * `before`, if the server had no watch to remove, as after a refusal.
   */
  async #ask<K extends 'addWatch' | 'checkWatches' | 'removeWatches'>(
    op: K,
    request: RequestOf<K>,
    { signal, timeout }: WaitOptions,
    before?: bigint,
  ): Promise<unknown> {
    const rearm = (zxid: bigint): void => this.#session.rearm((request as { path: string }).path, zxid);
    const onZxid = before === undefined ? undefined : rearm;
    const outcome = await this.#session.submit(op, request, undefined, { signal, timeout, onZxid });
    if (before !== undefined && outcome instanceof Failure && outcome.code === NO_WATCHER) rearm(before);
    return outcome;
  }

  /** A server that does not report its version now will not do so later, and each question takes a connection of its own. */
  async #askVersion(target: object): Promise<number[] | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return await this.#serverVersion();
      } catch (error) {
        // A busy server may close the connection before its answer arrives.
        if (!(error instanceof ConnectionDropped)) return undefined;
      }
    }
    this.#versions.delete(target);
    return undefined;
  }
}
