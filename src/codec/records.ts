import type { Id } from '../base/security.ts';
import { ZnodeStat } from '../base/znode-stat.ts';
import { boolean, buffer, int, list, long, path, record, text, ustring, vector, type Field, type ValueOf } from './fields.ts';

/** An ACL as the wire has it: the server may meet nulls, the client never sends them. */
export interface WireAcl {
  readonly perms: number;
  readonly id: { readonly scheme: string | null; readonly id: string | null } | Id;
}

/** Stat: 68 bytes (protocol.md section 5). */
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
  read(r) {
    const czxid = r.long();
    const mzxid = r.long();
    const ctime = r.longNumber();
    const mtime = r.longNumber();
    const version = r.int();
    const cversion = r.int();
    const aversion = r.int();
    const owner = r.long();
    const dataLength = r.int();
    const numChildren = r.int();
    return new ZnodeStat(czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, dataLength, numChildren, r.long());
  },
};

export const acl: Field<WireAcl> = record({ perms: int, id: record({ scheme: ustring, id: ustring }) });
export const acls: Field<readonly WireAcl[] | null> = vector(acl);
/** Children's names, or paths in a reply. */
export const names: Field<readonly string[]> = {
  ...list(text),
  read: (reader) => reader.texts(Math.max(0, reader.count(text.least))),
};

export const requestHeader = record({ xid: int, type: int });
export const replyHeader = record({ xid: int, zxid: long, err: int });
export const watcherEvent = record({ type: int, state: int, path: text });
export const multiHeader = record({ type: int, done: boolean, err: int });
export type MultiHeader = ValueOf<typeof multiHeader>;

/** ConnectRequest; servers before 3.4 do not know `readOnly`, and read nothing of it. */
export const connectRequest = record({
  protocolVersion: int,
  lastZxidSeen: long,
  timeOut: int,
  sessionId: long,
  passwd: buffer,
  readOnly: boolean,
});
/** The reply without its trailing `readOnly` byte, which is there only for a client that sent its own. */
export const connectResponse = record({ protocolVersion: int, timeOut: int, sessionId: long, passwd: buffer });

export const createRequest = record({ path, data: buffer, acl: acls, flags: int });
export const pathRequest = record({ path });
export const pathWatchRequest = record({ path, watch: boolean });
export const pathVersionRequest = record({ path, version: int });
export const statResponse = record({ stat });
export const pathStatResponse = record({ path, stat });
export const dataResponse = record({ data: buffer, stat });
/** An empty record: nothing on the wire. */
export const nothing: Field<undefined> = { write: () => undefined, read: () => undefined, least: 0 };
