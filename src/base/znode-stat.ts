/**
 * What ZooKeeper keeps about a node (programmer's guide, "ZooKeeper Stat Structure").
 * Zxids and session ids are bigint; times are milliseconds since the epoch, by the server's clock.
 */
export class ZnodeStat {
  /** Zxid of the creation. */
  readonly czxid: bigint;
  /** Zxid of the last change of the data. */
  readonly mzxid: bigint;
  /** When it was created: milliseconds since 1970. */
  readonly ctime: number;
  /** When its data was last changed: milliseconds since 1970. */
  readonly mtime: number;
  /** How often the data was changed; `set` and `delete` compare it. */
  readonly version: number;
  /** How often children were created or deleted. */
  readonly cversion: number;
  /** How often the ACL was changed; `setAcls` compares it. */
  readonly aversion: number;
  /** The session that owns an ephemeral node; 0n for every other node. */
  readonly ephemeralOwner: bigint;
  /** The length of the data in bytes. */
  readonly dataLength: number;
  readonly numChildren: number;
  /** Zxid of the last creation or deletion of a child. */
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
  /** `ctime` as a Date. */
  get created(): Date {
    return new Date(this.ctime);
  }
  /** `mtime` as a Date. */
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
