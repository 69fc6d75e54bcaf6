/** Xids with a meaning of their own (docs/protocol.md, "Requests and replies"). */
export const Xid = { NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 } as const;

export const MAX_XID = 0x7fff_ffff;

/** The xid after this one: from 1 to 2^31-1 and round again, never into the reserved ones. */
export function nextXid(xid: number): number {
  return xid >= MAX_XID ? 1 : xid + 1;
}
