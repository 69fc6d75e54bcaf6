import { Permissions } from '../base/security.ts';
import { CreateFlags } from '../codec/ops.ts';
import type { WireAcl } from '../codec/records.ts';
import { demand, fixUpAcl, type AclSchemes, type Identity } from './acl.ts';
import { DataNode, Lifetime } from './data-node.ts';
import type { DataTree } from './data-tree.ts';
import { checkPath, lastSlash, SPECIAL_PATHS } from './path-rules.ts';
import type { Quotas } from './quota.ts';
import { Code, refusal } from './refusal.ts';
import { Event, type Change, type Watches } from './watch-table.ts';

/** The author of a transaction. */
export interface Author {
  readonly identities: readonly Identity[];
  readonly sessionId: bigint;
}

/** The changes of one zxid. They appear in the tree at once; watches and quotas get them at the commit. */
export interface Transaction {
  readonly zxid: number;
  /** The zxid as a bigint, as nodes keep it. */
  readonly id: bigint;
  readonly time: number;
  readonly changes: Change[];
  readonly sizes: { path: string; count: number; bytes: number }[];
  /** How to undo the changes, last first; null if nothing can fail after the first change. */
  readonly undo: (() => void)[] | null;
}

/** The request of a create. */
export interface Creation {
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly WireAcl[] | null;
  readonly flags: number;
}

/** The kind of create: by the opcode, and inside a multi by the flags too. */
export type CreateKind = 'plain' | 'container' | { readonly ttl: number };

export interface TransactionRules {
  readonly schemes: AclSchemes;
  readonly extendedTypes: boolean;
  readonly versionSkipsMinusOne: boolean;
  readonly deleteHidesMissing: boolean;
}

const { CREATE, DELETE, WRITE, READ, ADMIN } = Permissions;
const MAX_TTL = 2 ** 40 - 1;

/** Checks and applies writes, with the checks in the order of a real server, which determines the error. */
export class Transactions {
  readonly #tree: DataTree;
  readonly #watches: Watches;
  readonly #quotas: Quotas;
  readonly #rules: TransactionRules;
  readonly #wallTime: () => number;

  constructor(tree: DataTree, watches: Watches, quotas: Quotas, rules: TransactionRules, wallTime: () => number) {
    this.#tree = tree;
    this.#watches = watches;
    this.#quotas = quotas;
    this.#rules = rules;
    this.#wallTime = wallTime;
  }

  /** Takes the next zxid. @param undoable true if several operations succeed or fail together */
  begin(undoable = false): Transaction {
    const zxid = ++this.#tree.zxid;
    return { zxid, id: BigInt(zxid), time: Math.trunc(this.#wallTime()), changes: [], sizes: [], undo: undoable ? [] : null };
  }

  commit({ zxid, changes, sizes }: Transaction): void {
    for (const size of sizes) this.#quotas.record(size.path, size);
    for (const change of changes) {
      if (change.type === Event.CREATED) this.#quotas.created(change.path);
      else if (change.type === Event.DELETED) this.#quotas.deleted(change.path);
      this.#watches.fire(change, zxid);
    }
  }

  rollBack({ undo }: Transaction): void {
    for (const step of undo?.reverse() ?? []) step();
  }

  /** @returns the final path, with its sequence number, and the node */
  create(asked: Creation, kind: CreateKind, author: Author, tx: Transaction): [path: string, node: DataNode] {
    this.#checkKind(asked.flags, kind);
    const slash = lastSlash(asked.path);
    const acl = fixUpAcl(asked.acl, author.identities, this.#rules.schemes);
    const parentPath = asked.path.slice(0, slash);
    const parent = this.#find(parentPath);
    demand(parent.acl, CREATE, author.identities);
    const path = isSequential(asked.flags) ? asked.path + sequence(parent.creations) : asked.path;
    checkPath(path);
    if (this.#tree.get(path) !== undefined) throw refusal(Code.NODE_EXISTS);
    if (parent.owner !== 0n) throw refusal(Code.NO_CHILDREN_FOR_EPHEMERALS);
    const bytes = asked.data?.length ?? 0;
    this.#quotas.check(path, { count: 1, bytes });

    const owner = kind === 'plain' && isEphemeral(asked.flags) ? author.sessionId : 0n;
    const node = new DataNode({ data: asked.data, acl, zxid: tx.id, time: tx.time, owner, lifetime: lifetimeOf(kind) });
    this.#insert(path, node, parent, path.slice(slash + 1), tx);
    tx.sizes.push({ path, count: 1, bytes });
    tx.changes.push({ type: Event.CREATED, path, acl, parent: parentPath === '' ? '/' : parentPath, parentAcl: parent.acl });
    return [path, node];
  }

  delete(path: string, version: number, author: Author, tx: Transaction): void {
    const slash = lastSlash(path);
    if (SPECIAL_PATHS.has(path)) throw refusal(Code.BAD_ARGUMENTS);
    const parent = this.#find(path.slice(0, slash));
    if (!this.#rules.deleteHidesMissing) this.#find(path);
    demand(parent.acl, DELETE, author.identities);
    const node = this.#find(path);
    checkVersion(version, node.version);
    if (node.numChildren > 0) throw refusal(Code.NOT_EMPTY);
    this.#remove(path, node, parent, tx);
  }

  /** Deletes a container or an expired node, unless it is in use again, without checking ACLs. */
  deleteContainer(path: string, tx: Transaction): void {
    const slash = lastSlash(path);
    if (SPECIAL_PATHS.has(path)) throw refusal(Code.BAD_ARGUMENTS);
    const parent = this.#find(path.slice(0, slash));
    const node = this.#find(path);
    if (node.numChildren > 0) throw refusal(Code.NOT_EMPTY);
    if (node.owner !== 0n) throw refusal(Code.BAD_VERSION);
    this.#remove(path, node, parent, tx);
  }

  setData(path: string, data: Buffer | null, version: number, author: Author, tx: Transaction): DataNode {
    checkPath(path);
    const node = this.#find(path);
    demand(node.acl, WRITE, author.identities);
    const bytes = (data?.length ?? 0) - (node.data?.length ?? 0);
    this.#quotas.check(path, { count: 0, bytes });
    checkVersion(version, node.version);
    this.#assign(node, data, tx);
    if (bytes !== 0) tx.sizes.push({ path, count: 0, bytes });
    tx.changes.push({ type: Event.DATA_CHANGED, path, acl: node.acl, parent: '', parentAcl: null });
    return node;
  }

  setAcl(path: string, asked: readonly WireAcl[] | null, version: number, author: Author): DataNode {
    checkPath(path);
    const acl = fixUpAcl(asked, author.identities, this.#rules.schemes);
    const node = this.#find(path);
    demand(node.acl, ADMIN, author.identities);
    checkVersion(version, node.aversion);
    node.acl = acl;
    node.aversion = this.#next(node.aversion);
    return node;
  }

  check(path: string, version: number, author: Author): void {
    checkPath(path);
    const node = this.#find(path);
    demand(node.acl, READ, author.identities);
    checkVersion(version, node.version);
  }

  /** Deletes all ephemeral nodes of a session, with one zxid. */
  endSession(sessionId: bigint, tx: Transaction): void {
    for (const path of [...this.#tree.ephemeralsOf(sessionId)]) {
      const parent = this.#find(path.slice(0, path.lastIndexOf('/')));
      this.#remove(path, this.#find(path), parent, tx);
    }
    this.commit(tx);
  }

  #find(path: string): DataNode {
    const node = this.#tree.get(path);
    if (node === undefined) throw refusal(Code.NO_NODE);
    return node;
  }

  #checkKind(flags: number, kind: CreateKind): void {
    if (flags < CreateFlags.PERSISTENT || flags > CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL) throw refusal(Code.BAD_ARGUMENTS);
    const isTtl = flags >= CreateFlags.PERSISTENT_WITH_TTL;
    if (isTtl && !this.#rules.extendedTypes) throw refusal(Code.UNIMPLEMENTED);
    const ttl = typeof kind === 'object' ? kind.ttl : 0;
    // A real server's process dies of a ttl of -1 without a TTL flag; here that is a bad argument like the others.
    if (isTtl !== (typeof kind === 'object') || (isTtl && (ttl < 1 || ttl > MAX_TTL))) throw refusal(Code.BAD_ARGUMENTS);
  }

  #insert(path: string, node: DataNode, parent: DataNode, name: string, tx: Transaction): void {
    const { creations, pzxid } = parent;
    this.#tree.insert(path, node, parent, name);
    // Stays at its maximum, as on a real server, rather than wrapping to the most negative number.
    if (creations < MAX_SEQUENCE) parent.creations++;
    parent.pzxid = tx.id;
    tx.undo?.push(() => {
      this.#tree.detach(path, node, parent, name);
      parent.creations = creations;
      parent.pzxid = pzxid;
    });
  }

  #remove(path: string, node: DataNode, parent: DataNode, tx: Transaction): void {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const { pzxid } = parent;
    this.#tree.detach(path, node, parent, name);
    parent.pzxid = tx.id;
    tx.undo?.push(() => {
      this.#tree.insert(path, node, parent, name);
      parent.pzxid = pzxid;
    });
    tx.sizes.push({ path, count: -1, bytes: -(node.data?.length ?? 0) });
    const above = slash === 0 ? '/' : path.slice(0, slash);
    tx.changes.push({ type: Event.DELETED, path, acl: node.acl, parent: above, parentAcl: parent.acl });
  }

  #assign(node: DataNode, data: Buffer | null, tx: Transaction): void {
    const before = { data: node.data, version: node.version, mzxid: node.mzxid, mtime: node.mtime };
    tx.undo?.push(() => Object.assign(node, before));
    node.data = data;
    node.version = this.#next(node.version);
    node.mzxid = tx.id;
    node.mtime = tx.time;
  }

  #next(version: number): number {
    const next = (version + 1) | 0;
    return next === -1 && this.#rules.versionSkipsMinusOne ? 0 : next;
  }
}

const MAX_SEQUENCE = 2 ** 31 - 1;

function checkVersion(expected: number, actual: number): void {
  if (expected !== -1 && expected !== actual) throw refusal(Code.BAD_VERSION);
}

function isSequential(flags: number): boolean {
  return (
    flags === CreateFlags.PERSISTENT_SEQUENTIAL ||
    flags === CreateFlags.EPHEMERAL_SEQUENTIAL ||
    flags === CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL
  );
}

function isEphemeral(flags: number): boolean {
  return flags === CreateFlags.EPHEMERAL || flags === CreateFlags.EPHEMERAL_SEQUENTIAL;
}

function lifetimeOf(kind: CreateKind): number {
  if (kind === 'plain') return Lifetime.UNLIMITED;
  return kind === 'container' ? Lifetime.CONTAINER : kind.ttl;
}

/** Java's `%010d`. */
function sequence(creations: number): string {
  return creations < 0 ? `-${String(-creations).padStart(9, '0')}` : String(creations).padStart(10, '0');
}
