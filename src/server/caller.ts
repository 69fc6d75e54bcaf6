import type { OpName } from '../codec/ops.ts';
import type { Identity } from './acl.ts';
import type { SaslExchange } from './sasl-server.ts';
import type { Session, SessionConnection } from './server-sessions.ts';
import type { Watcher } from './watch-table.ts';

/** A connection's statistics for four-letter words. */
export interface ConnectionStatistics {
  received: number;
  sent: number;
  lastXid: number;
  lastZxid: number;
  lastOp: OpName | null;
  readonly established: number;
}

/** A connection, as seen by request handlers. */
export interface Caller extends Watcher, SessionConnection {
  /** Null until the handshake is done. */
  session: Session | null;
  readonly address: string;
  readonly port: number;
  readonly statistics: ConnectionStatistics;
  sasl: SaslExchange | null;
  addIdentity(identity: Identity): void;
}
