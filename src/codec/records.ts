import type { Id } from '../base/security.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import { boolean, buffer, int, list, long, path, record, text, vector, type Field, type ValueOf } from './fields.ts';

/** An ACL on the wire: a server may receive nulls; the client never sends them. */
export interface WireAcl {
  readonly perms: number;
  readonly id: { readonly scheme: string | null; readonly id: string | null } | Id;
}

/** Stat: 68 bytes (docs/protocol.md, "Frames"). */
export const stat: Field<ZnodeStat> = {
  least: 68,
  write(w, s) {
    w.long(s.czxid);
    w.long(s.mzxid);
    w.longNumber(s.ctime);
    w.longNumber(s.mtime);
    w.int(s.version);
    w.int(s.cversion);
    w.int(s.aversion);
    w.long(s.ephemeralOwner);
    w.int(s.dataLength);
    w.int(s.numChildren);
    w.long(s.pzxid);
  },
  read: (r) => r.stat(),
};

const acl: Field<WireAcl> = {
  least: 12,
  write(w, v) {
    w.int(v.perms);
    w.string(v.id.scheme);
    w.string(v.id.id);
  },
  read: (r) => ({ perms: r.int(), id: { scheme: r.string(), id: r.string() } }),
};
export const acls: Field<readonly WireAcl[] | null> = vector(acl);
/** Children's names, or paths in a reply. */
export const names: Field<readonly string[]> = {
  ...list(text),
  read: (reader) => reader.texts(Math.max(0, reader.count(text.least))),
};

export const requestHeader = record({ xid: int, type: int });
export const replyHeader = record({ xid: int, zxid: long, err: int });
export const multiHeader = record({ type: int, done: boolean, err: int });
export type MultiHeader = ValueOf<typeof multiHeader>;

/** ConnectRequest; servers before 3.4 do not know `readOnly` and do not read it. */
export const connectRequest = record({
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: boolean,
});
/** The reply without its trailing `readOnly` byte, which is present only if the client sent one. */
export const connectResponse = record({ protocolVersion: int, timeOut: int, sessionId: long, passwd: buffer });

export const pathVersionRequest = record({ path, version: int });
export const pathStatResponse = record({ path, stat });

// The most frequent records are written out: a record built from a list of fields looks up its names for every value.

export const watcherEvent: Field<{ type: number; state: number; path: string }> = {
  least: 12,
  write(w, v) {
    w.int(v.type);
    w.int(v.state);
    w.string(v.path);
  },
  read: (r) => ({ type: r.int(), state: r.int(), path: r.text() }),
};
export const createRequest: Field<{ path: string; data: Buffer | null; acl: readonly WireAcl[] | null; flags: number }> = {
  least: 16,
  write(w, v) {
    w.string(v.path);
    w.buffer(v.data);
    acls.write(w, v.acl);
    w.int(v.flags);
  },
  read: (r) => ({ path: path.read(r), data: r.buffer(), acl: acls.read(r), flags: r.int() }),
};
export const setDataRequest: Field<{ path: string; data: Buffer | null; version: number }> = {
  least: 12,
  write(w, v) {
    w.string(v.path);
    w.buffer(v.data);
    w.int(v.version);
  },
  read: (r) => ({ path: path.read(r), data: r.buffer(), version: r.int() }),
};
export const pathRequest: Field<{ path: string }> = {
  least: 4,
  write: (w, v) => w.string(v.path),
  read: (r) => ({ path: path.read(r) }),
};
export const pathWatchRequest: Field<{ path: string; watch: boolean }> = {
  least: 5,
  write(w, v) {
    w.string(v.path);
    w.boolean(v.watch);
  },
  read: (r) => ({ path: path.read(r), watch: r.boolean() }),
};
export const statResponse: Field<{ stat: ZnodeStat }> = {
  least: stat.least,
  write: (w, v) => stat.write(w, v.stat),
  read: (r) => new StatReply(r.stat()),
};
export const dataResponse: Field<{ data: Buffer | null; stat: ZnodeStat }> = {
  least: 4 + stat.least,
  write(w, v) {
    w.buffer(v.data);
    stat.write(w, v.stat);
  },
  read: (r) => new DataReply(r.buffer(), r.stat()),
};
export const childrenResponse: Field<{ children: readonly string[] }> = {
  least: 4,
  write: (w, v) => names.write(w, v.children),
  read: (r) => new ChildrenReply(names.read(r)),
};

// Classes, not literals: for a literal the engine tracks how long its objects live, and with many calls in flight it would allocate them
// in the old generation, where each keeps young ones alive until a full collection.

class StatReply {
  readonly stat: ZnodeStat;

  constructor(stat: ZnodeStat) {
    this.stat = stat;
  }
}

class DataReply {
  readonly data: Buffer | null;
  readonly stat: ZnodeStat;

  constructor(data: Buffer | null, stat: ZnodeStat) {
    this.data = data;
    this.stat = stat;
  }
}

class ChildrenReply {
  readonly children: readonly string[];

  constructor(children: readonly string[]) {
    this.children = children;
  }
}

/** An empty record: nothing on the wire. */
export const nothing: Field<undefined> = { write: () => undefined, read: () => undefined, least: 0 };
