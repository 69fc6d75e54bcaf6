import { READ_ACL_UNSAFE } from '../base/security.ts';
import { OPEN, type AclList } from './acl.ts';
import { DataNode, Lifetime } from './data-node.ts';

const EMPTY = Buffer.alloc(0);
const NOTHING: ReadonlySet<string> = new Set();

/** All nodes by path, and indexes: ephemeral nodes by session, and nodes that are deleted automatically. */
export class DataTree {
  readonly #nodes = new Map<string, DataNode>();
  readonly #ephemerals = new Map<bigint, Set<string>>();
  readonly #transient = new Set<string>();
  readonly #hasConfig: boolean;
  /** The zxid of the last transaction. */
  zxid = 0;

  /** @param hasConfig whether there is a node for the ensemble's configuration */
  constructor(hasConfig = true) {
    this.#hasConfig = hasConfig;
    this.clear();
  }

  /** Resets to the tree of a new server. */
  clear(): void {
    this.#nodes.clear();
    this.#ephemerals.clear();
    this.#transient.clear();
    this.zxid = 0;
    const root = systemNode(OPEN, 'zookeeper');
    // The empty path is another name for the root, as on a real server.
    this.#nodes.set('', root);
    this.#nodes.set('/', root);
    this.#nodes.set('/zookeeper', systemNode(OPEN, 'quota'));
    this.#nodes.set('/zookeeper/quota', systemNode(OPEN));
    if (!this.#hasConfig) return;
    const config = systemNode(READ_ACL_UNSAFE);
    config.aversion = -1;
    this.#nodes.set('/zookeeper/config', config);
    this.#nodes.get('/zookeeper')!.children!.add('config');
  }

  get(path: string): DataNode | undefined {
    return this.#nodes.get(path);
  }

  /** The number of nodes, with the root counted twice. */
  get size(): number {
    return this.#nodes.size;
  }

  /** All paths and their nodes, the root once. */
  *entries(): Iterable<[path: string, node: DataNode]> {
    for (const entry of this.#nodes) if (entry[0] !== '') yield entry;
  }

  insert(path: string, node: DataNode, parent: DataNode, name: string): void {
    this.#nodes.set(path, node);
    (parent.children ??= new Set()).add(name);
    if (node.owner !== 0n) this.#own(node.owner, path);
    if (node.lifetime !== Lifetime.UNLIMITED) this.#transient.add(path);
  }

  detach(path: string, node: DataNode, parent: DataNode, name: string): void {
    this.#nodes.delete(path);
    parent.children?.delete(name);
    if (parent.children?.size === 0) parent.children = null;
    if (node.owner !== 0n) this.#disown(node.owner, path);
    if (node.lifetime !== Lifetime.UNLIMITED) this.#transient.delete(path);
  }

  ephemeralsOf(session: bigint): ReadonlySet<string> {
    return this.#ephemerals.get(session) ?? NOTHING;
  }

  /** The paths of ephemeral nodes, by session. */
  ephemerals(): ReadonlyMap<bigint, ReadonlySet<string>> {
    return this.#ephemerals;
  }

  /** Containers and nodes with a time to live. */
  transient(): ReadonlySet<string> {
    return this.#transient;
  }

  /** The number of nodes below this one, at any depth. */
  countBelow(path: string): number {
    if (path === '/' || path === '') return this.#nodes.size - 2;
    let count = -1;
    this.visit(path, () => count++);
    return count;
  }

  /** Calls back for a node and all below it. */
  visit(path: string, callback: (node: DataNode, path: string) => void): void {
    const pending = [path];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const node = this.#nodes.get(at);
      if (node === undefined) continue;
      callback(node, at);
      for (const name of node.children ?? NOTHING) pending.push(at === '/' ? `/${name}` : `${at}/${name}`);
    }
  }

  #own(session: bigint, path: string): void {
    const owned = this.#ephemerals.get(session);
    if (owned === undefined) this.#ephemerals.set(session, new Set([path]));
    else owned.add(path);
  }

  #disown(session: bigint, path: string): void {
    const owned = this.#ephemerals.get(session);
    if (owned === undefined) return;
    owned.delete(path);
    if (owned.size === 0) this.#ephemerals.delete(session);
  }
}

function systemNode(acl: AclList, ...children: string[]): DataNode {
  const node = new DataNode({ data: EMPTY, acl, zxid: 0n, time: 0, owner: 0n, lifetime: Lifetime.UNLIMITED });
  if (children.length > 0) node.children = new Set(children);
  return node;
}
