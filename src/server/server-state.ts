import type { Caller } from './caller.ts';
import { DataTree } from './data-tree.ts';
import { Lifetime } from './data-node.ts';
import { Faults } from './faults.ts';
import { Quotas } from './quota.ts';
import type { ServerOptions } from './server-options.ts';
import { ServerSessions, type Session } from './server-sessions.ts';
import { serverVersion, type ServerVersion } from './server-version.ts';
import { Transactions } from './transactions.ts';
import { Watches } from './watch-table.ts';

/** The whole state of a server: what outlives its connections, and who is connected. */
export class ServerState {
  readonly options: ServerOptions;
  readonly version: ServerVersion;
  readonly tree: DataTree;
  readonly watches: Watches;
  readonly quotas: Quotas;
  readonly transactions: Transactions;
  readonly faults = new Faults();
  readonly connections = new Set<Caller>();
  readonly statistics = { received: 0, sent: 0, since: 0 };
  readonly sessions: ServerSessions;
  readOnly: boolean;

  constructor(options: ServerOptions) {
    this.options = options;
    this.version = serverVersion(options.version);
    const { features } = this.version;
    this.tree = new DataTree(features.hasConfig);
    this.watches = new Watches(features);
    this.quotas = new Quotas(this.tree, options.enforceQuota && features.hardQuota);
    const rules = {
      schemes: { sasl: options.jaasUsers !== undefined, ipv6: features.ipv6Acl },
      extendedTypes: options.extendedTypesEnabled,
      versionSkipsMinusOne: features.versionSkipsMinusOne,
      deleteHidesMissing: features.deleteHidesMissing,
    };
    this.transactions = new Transactions(this.tree, this.watches, this.quotas, rules, () => options.clock.wallTime());
    this.sessions = new ServerSessions(options.clock, options.tickTime, (session) => this.#expire(session));
    this.readOnly = options.readOnly;
    this.statistics.since = options.clock.now();
  }

  /** Ends the session, its ephemeral nodes and its connection. */
  endSession(session: Session): void {
    this.sessions.delete(session);
    if (!session.local) this.transactions.endSession(session.id, this.transactions.begin());
    session.connection?.close();
  }

  /** Deletes data and sessions, and restarts zxids; but not session ids, because an old id must not name a new session. */
  wipe(): void {
    this.sessions.clear();
    this.tree.clear();
    this.quotas.clear();
  }

  /** Drops the sessions of read-only mode, which are unknown to any other server. */
  dropLocalSessions(): void {
    for (const session of [...this.sessions.all()]) if (session.local) this.sessions.delete(session);
  }

  /** Removes containers that are empty again or were never used for too long, and nodes whose time to live has expired. */
  removeTransient(): void {
    const now = this.options.clock.wallTime();
    for (const path of [...this.tree.transient()]) {
      if (this.#isOver(path, now)) this.#removeContainer(path);
    }
  }

  #isOver(path: string, now: number): boolean {
    const node = this.tree.get(path);
    if (node === undefined || node.numChildren > 0) return false;
    if (node.lifetime !== Lifetime.CONTAINER) return now - node.mtime > node.lifetime;
    const unused = this.options.containerMaxNeverUsedIntervalMs;
    return node.creations > 0 || (unused > 0 && now - node.mtime > unused);
  }

  #removeContainer(path: string): void {
    const tx = this.transactions.begin();
    this.transactions.deleteContainer(path, tx);
    this.transactions.commit(tx);
  }

  #expire(session: Session): void {
    // A member that is cut off cannot end its ensemble's sessions.
    if (this.readOnly && !session.local) this.sessions.touch(session);
    else this.endSession(session);
  }
}
