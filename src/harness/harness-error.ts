/**
 * A real server could not be found, started or stopped. The message names what was tried, and ends with the tail of the server's log,
 * if there is one.
 */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
  /** The last lines the server wrote; `''` if it never ran. */
  readonly serverLog: string;

  constructor(message: string, options: { cause?: unknown; serverLog?: string | undefined } = {}) {
    const serverLog = options.serverLog ?? '';
    super(serverLog === '' ? message : `${message}\n--- tail of the server's log ---\n${serverLog}`, { cause: options.cause });
    this.serverLog = serverLog;
  }
}
