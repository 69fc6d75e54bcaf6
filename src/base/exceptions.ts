// The errors without a ZooKeeper code; a separate module, because the worker thread of a WorkerThreadHandler needs only these.

/** The base class of this package's errors (Kazoo's `KazooException`). */
export class KazooException extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A wait was cancelled by `cancel()`. */
export class CancelledError extends KazooException {}
/** An invalid option, or an invalid combination of options. */
export class ConfigurationError extends KazooException {}
/** A connection ended, or a session with it. */
export class ConnectionDropped extends KazooException {
  /**
   * `event-loop-stall`: this process read nothing for a whole session timeout. For a session: `expired`: a server said so; `presumed`: no server can have kept it,
   * though none could be asked; `stopped`: this side ended it. For an attempt to connect: `overdue`: the server took too long; or the system's code, such as `ECONNREFUSED`.
   * Undefined if anything else ended the connection.
   */
  readonly code: string | undefined;

  constructor(message?: string, options?: ErrorOptions & { code?: string | undefined }) {
    super(message, options);
    this.code = options?.code;
  }
}
/** A lock or semaphore could not be acquired in time. */
export class LockTimeout extends KazooException {}
/** A SASL mechanism failed on this side. */
export class SASLException extends KazooException {}

/** Restores the class names that errors show: a bundler may have shortened them. */
export function keepNames(classes: Readonly<Record<string, object>>): void {
  for (const [value, type] of Object.entries(classes)) Object.defineProperty(type, 'name', { value });
}

keepNames({ KazooException, CancelledError, ConfigurationError, ConnectionDropped, LockTimeout, SASLException });
