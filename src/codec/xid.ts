/** Reserved xids (docs/protocol.md, "Requests and replies"). */
export const Xid = { NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 } as const;

export const MAX_XID = 0x7fff_ffff;

/** The next xid: from 1 to 2^31-1, then from 1 again, never a reserved one. */
export function nextXid(xid: number): number {
  return xid >= MAX_XID ? 1 : xid + 1;
}
