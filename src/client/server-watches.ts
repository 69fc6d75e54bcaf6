import { ConnectionDropped, MarshallingError, NoWatcherError, UnimplementedError } from '../base/errors.ts';
import { AddWatchMode, isOlder, OPS, WatcherType, type RequestOf } from '../codec/ops.ts';
import { Failure } from '../session/failure.ts';
import type { Session } from '../session/session.ts';
import type { WatchTableKind } from '../session/watch-table.ts';
import type { WaitOptions } from './call-options.ts';

/** Which watches `removeWatches` is about. */
export type RemovableWatch = 'data' | 'children' | 'any' | 'persistent' | 'persistentRecursive';

/** What each of them is: at the server, and in our tables. */
export const REMOVABLE = {
  data: { type: WatcherType.DATA, tables: ['data', 'exists'] },
  children: { type: WatcherType.CHILDREN, tables: ['child'] },
  any: { type: WatcherType.ANY, tables: ['data', 'exists', 'child', 'persistent', 'recursive'] },
  persistent: { type: WatcherType.PERSISTENT, tables: ['persistent'] },
  persistentRecursive: { type: WatcherType.PERSISTENT_RECURSIVE, tables: ['recursive'] },
} as const satisfies Record<RemovableWatch, { type: number; tables: readonly WatchTableKind[] }>;

/** What a server before 3.9 says of a type that came with it. */
const MARSHALLING = MarshallingError.code;
const NO_WATCHER = NoWatcherError.code;
const ATTEMPTS = 3;

/**
 * The server's side of our watches. Before 3.9 it keeps one mode for each path and connection, the latest, and removes whichever it finds
 * (ZOOKEEPER-4466, 4471, 4472). So a read leaves no watch of its own where a staying one tells of it anyway ({@link WatchTable.covers}), and what
 * goes away leaves behind what the others need:
 *
 *   last listener of a staying kind gone:   nothing else on the path   -> remove any
 *                                           else, since 3.9            -> remove that kind, leave the one-shot watches it stood for
 *                                           else, before               -> overwrite it by what is left
 */
export class ServerWatches {
  readonly #session: Session;
  readonly #serverVersion: () => Promise<number[]>;
  /** What the present call has set going; each caller waits for its own, and nobody for what an aborted read has. */
  #removals: Promise<unknown>[] | undefined;
  #wait: WaitOptions = {};
  /** That of the server of a connection; asked once, when first needed. */
  readonly #versions = new WeakMap<object, Promise<number[] | undefined>>();

  constructor(session: Session, serverVersion: () => Promise<number[]>) {
    this.#session = session;
    this.#serverVersion = serverVersion;
    session.onOrphanWatch = (type, path) => {
      const removal = this.#remove(type, path, this.#wait);
      this.#removals?.push(removal);
    };
  }

  /** Does what may leave watches at the server that nobody wants, and waits for their removal. @returns the failures */
  async removing(remove: () => void, wait: WaitOptions = {}): Promise<Failure[]> {
    const removals: Promise<unknown>[] = (this.#removals = []);
    this.#wait = wait;
    remove();
    this.#wait = {};
    this.#removals = undefined;
    return (await Promise.all(removals)).filter((outcome) => outcome instanceof Failure);
  }

  /** Whether the present server is new enough for an operation. Where it is not, asking for that itself could cost the connection; in doubt, no. */
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

  /** Takes off what the server has of a kind, whether we know of it or not. @returns the failure, if it is one */
  async take(kind: RemovableWatch, path: string, wait: WaitOptions): Promise<Failure[]> {
    const none = Failure.ofCode(NO_WATCHER);
    // Before 3.9 it would take what belongs to another kind.
    const { watches } = this.#session;
    if (REMOVABLE[kind].tables.some((table) => watches.covers(table, path))) return [none];
    if (kind === 'children' && watches.isFollowed('child', path)) return [none];
    const outcome = await this.#ask('removeWatches', { path, type: REMOVABLE[kind].type }, wait);
    if (!(outcome instanceof Failure)) return [];
    return [outcome.code === MARSHALLING ? none : outcome];
  }

  /**
   * Whether the server tells of a node's children beside a recursive watch of that node. Where it does not (before 3.9), a persistent watch is not asked
   * for: it would overwrite the recursive one, from whose events its own can be told.
   */
  async allowsPersistent(path: string, wait: WaitOptions): Promise<true | false | Failure> {
    const outcome = await this.#ask('checkWatches', { path, type: WatcherType.PERSISTENT }, wait);
    if (!(outcome instanceof Failure) || outcome.code === NO_WATCHER) return true;
    return outcome.code === MARSHALLING ? false : outcome;
  }

  /** Best effort: a watch left at the server costs one ignored event. Older servers are not asked what they do not know. */
  async #remove(kind: Exclude<RemovableWatch, 'any'>, path: string, wait: WaitOptions): Promise<unknown> {
    const { watches } = this.#session;
    const stays = kind === 'persistent' || kind === 'persistentRecursive';
    if (!stays && !(await this.knows('removeWatches'))) return Failure.ofCode(UnimplementedError.code);
    // Somebody may want it again by now, or will once a read is answered: then it is looked at again.
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
   * With `before`, the one-shot watches of the path are left again in the tick of the reply, and hear of what has changed since its zxid; or since
   * `before`, where the server had none to remove, as after a refusal.
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

  /** What a server does not tell now it will not tell later, and each question is a connection of its own. */
  async #askVersion(target: object): Promise<number[] | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return await this.#serverVersion();
      } catch (error) {
        // Some answers are lost when a busy server hangs up behind them.
        if (!(error instanceof ConnectionDropped)) return undefined;
      }
    }
    this.#versions.delete(target);
    return undefined;
  }
}
