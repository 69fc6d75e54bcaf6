import debug from 'debug';

/** Where the package's log lines go. Never given credentials, session passwords or node data. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A logger over the `debug` package: `DEBUG=kazoo:*` shows it. */
export function debugLogger(area: string): Logger {
  const log = debug(`kazoo:${area}`);
  const at = (level: string) => (message: string) => log(`${level} ${message}`);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
