import { ZnodeStat } from '../base/znode-stat.ts';
import type { AclList } from './acl.ts';

/** The initial contents of a node. */
export interface NodeSeed {
  readonly data: Buffer | null;
  readonly acl: AclList;
  readonly zxid: bigint;
  readonly time: number;
  /** The session that owns an ephemeral node; 0n for every other. */
  readonly owner: bigint;
  readonly lifetime: number;
}

/** Values of `lifetime` other than a time to live in milliseconds. */
export const Lifetime = { UNLIMITED: 0, CONTAINER: -1 } as const;

/** One znode. Kept small, because there may be many: no set of children before there are any, shared zxids and ACLs. */
export class DataNode {
  data: Buffer | null;
  acl: AclList;
  readonly czxid: bigint;
  mzxid: bigint;
  pzxid: bigint;
  readonly ctime: number;
  mtime: number;
  version = 0;
  aversion = 0;
  /** How many children were ever created: the source of sequence numbers. */
  creations = 0;
  readonly owner: bigint;
  readonly lifetime: number;
  children: Set<string> | null = null;

  constructor({ data, acl, zxid, time, owner, lifetime }: NodeSeed) {
    this.data = data;
    this.acl = acl;
    this.czxid = zxid;
    this.mzxid = zxid;
    this.pzxid = zxid;
    this.ctime = time;
    this.mtime = time;
    this.owner = owner;
    this.lifetime = lifetime;
  }

  get numChildren(): number {
    return this.children === null ? 0 : this.children.size;
  }

  /** The stat as sent. `cversion` counts creations and deletions, computed from `creations` and the number of children left. */
  stat(): ZnodeStat {
    const count = this.numChildren;
    const cversion = (2 * this.creations - count) | 0;
    const length = this.data === null ? 0 : this.data.length;
    return new ZnodeStat(
      this.czxid,
      this.mzxid,
      this.ctime,
      this.mtime,
      this.version,
      cversion,
      this.aversion,
      this.owner,
      length,
      count,
      this.pzxid,
    );
  }
}
