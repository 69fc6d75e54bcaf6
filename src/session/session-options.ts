import type { Clock } from '../base/clock.ts';
import type { ConnectFailure } from '../base/errors.ts';
import type { RetryPolicy } from '../base/retry.ts';
import type { KazooState } from '../base/states.ts';
import type { DialOptions } from '../connection/dial.ts';
import type { SaslOptions } from '../connection/sasl.ts';

/** What a session is made with. */
export interface SessionOptions {
  /** Asked for, milliseconds; the server has the last word. */
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
  /** A fresh policy for one outage, which takes its time from the clock given; the timeout is what was negotiated, or is asked for. */
  readonly connectionRetry: (clock: Clock, sessionTimeout: number) => RetryPolicy;
}

/** What the server knows a session by. */
export interface SessionId {
  readonly sessionId: bigint;
  readonly password: Buffer;
}

/** What the session tells the layer above. */
export interface SessionSink {
  state(state: KazooState): void;
  connectFailed(failure: ConnectFailure): void;
  /** What a user's callback threw. */
  error(error: unknown): void;
}
