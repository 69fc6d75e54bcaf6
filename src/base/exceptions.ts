// The errors without a code of ZooKeeper's: apart, as the worker thread of a WorkerThreadHandler needs no others.

/** The root of every error of this package (Kazoo's `KazooException`). */
export class KazooException extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A wait was cancelled by `cancel()`. */
export class CancelledError extends KazooException {}
/** An option, or a mix of options, that cannot work. */
export class ConfigurationError extends KazooException {}
/** One connection ended, or a session with it. */
export class ConnectionDropped extends KazooException {
  /**
   * `event-loop-stall`: this process read nothing for a whole session timeout. Of a session: `expired`, a server said so; `presumed`, none can have kept it, though none
   * could be asked; `stopped`, by this side. Of an attempt to connect: `overdue`, the server took too long, or the system's, such as `ECONNREFUSED`.
   * Undefined for whatever else ended the connection.
   */
  readonly code: string | undefined;

  constructor(message?: string, options?: ErrorOptions & { code?: string | undefined }) {
    super(message, options);
    this.code = options?.code;
  }
}
/** A lock or semaphore was not to be had in the time allowed. */
export class LockTimeout extends KazooException {}
/** A SASL mechanism could not do its part on this side. */
export class SASLException extends KazooException {}

/** An error tells its class's name, which an application that is bundled may have shortened. */
export function keepNames(classes: Readonly<Record<string, object>>): void {
  for (const [value, type] of Object.entries(classes)) Object.defineProperty(type, 'name', { value });
}

keepNames({ KazooException, CancelledError, ConfigurationError, ConnectionDropped, LockTimeout, SASLException });
