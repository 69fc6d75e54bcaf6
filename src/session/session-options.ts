import type { Clock } from '../base/clock.ts';
import type { ConnectFailure } from '../base/errors.ts';
import type { RetryPolicy } from '../base/retry.ts';
import type { KazooState } from '../base/states.ts';
import type { DialOptions } from '../connection/dial.ts';
import type { SaslOptions } from '../connection/sasl.ts';

/** Options of a session. */
export interface SessionOptions {
  /** The timeout to request, milliseconds; the server decides. */
  readonly timeout: number;
  /** A session to resume. */
  readonly clientId: SessionId | undefined;
  readonly readOnly: boolean;
  readonly chroot: string;
  readonly sasl: SaslOptions | undefined;
  readonly dial: DialOptions;
  readonly maxInFlight: number;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  readonly firstXid: number | undefined;
  /** Creates a policy for one outage, based on the given clock; the timeout is the negotiated one, or the one to request. */
  readonly connectionRetry: (clock: Clock, sessionTimeout: number) => RetryPolicy;
}

/** The identity of a session on the server. */
export interface SessionId {
  readonly sessionId: bigint;
  readonly password: Buffer;
}

/** The layer above the session. */
export interface SessionSink {
  state(state: KazooState): void;
  connectFailed(failure: ConnectFailure): void;
  /** Called with what a user's callback threw. */
  error(error: unknown): void;
}
