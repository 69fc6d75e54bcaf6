/**
 * What ZooKeeper keeps about a node (programmer's guide, "ZooKeeper Stat Structure").
 * Zxids and session ids are bigint; times are milliseconds since the epoch, by the server's clock.
 */
export class ZnodeStat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;

  constructor(
    czxid: bigint,
    mzxid: bigint,
    ctime: number,
    mtime: number,
    version: number,
    cversion: number,
    aversion: number,
    ephemeralOwner: bigint,
    dataLength: number,
    numChildren: number,
    pzxid: bigint,
  ) {
    this.czxid = czxid;
    this.mzxid = mzxid;
    this.ctime = ctime;
    this.mtime = mtime;
    this.version = version;
    this.cversion = cversion;
    this.aversion = aversion;
    this.ephemeralOwner = ephemeralOwner;
    this.dataLength = dataLength;
    this.numChildren = numChildren;
    this.pzxid = pzxid;
  }

  get aclVersion(): number {
    return this.aversion;
  }
  get childrenVersion(): number {
    return this.cversion;
  }
  get childrenCount(): number {
    return this.numChildren;
  }
  get created(): Date {
    return new Date(this.ctime);
  }
  get lastModified(): Date {
    return new Date(this.mtime);
  }
  /** The session that owns an ephemeral node; null for every other node. */
  get ownerSessionId(): bigint | null {
    return this.ephemeralOwner === 0n ? null : this.ephemeralOwner;
  }
  get creationTransactionId(): bigint {
    return this.czxid;
  }
  get lastModifiedTransactionId(): bigint {
    return this.mzxid;
  }

  /** The fields, with 64-bit values as decimal strings. */
  toJSON(): Record<string, string | number> {
    return Object.fromEntries(
      Object.entries(this).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : (value as number)]),
    );
  }
}
