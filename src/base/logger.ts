type Debug = (area: string) => (line: string) => void;

/** Receives the package's log lines. They never contain credentials, session passwords or node data. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A logger that uses the `debug` package; enable it with `DEBUG=kazoo:*`. */
export function debugLogger(area: string): Logger {
  if (process.env.DEBUG !== undefined) void load();
  let log: ReturnType<Debug> | undefined;
  const write = (line: string): void => {
    if (log !== undefined) log(line);
    else void load().then((debug) => (log ??= debug(`kazoo:${area}`))(line));
  };
  const at = (level: string) => (message: string) => write(`${level} ${message}`);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** `logger`, made safe: if it throws, the line goes to {@link debugLogger} instead, with the reason. */
export function guardedLogger(logger: Logger): Logger {
  const instead = debugLogger('client');
  const at = (level: keyof Logger) => (message: string) => {
    try {
      logger[level](message);
    } catch (error) {
      instead[level](`${message} (the logger failed: ${String(error)})`);
    }
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

let loaded: Promise<Debug> | undefined;

/**
 * Loaded with the first line: `debug` and its look at the terminal take longer to load than this package. Lines keep their order meanwhile.
 * It is CommonJS, which not every bundle can run: there the lines are dropped, rather than ending the process.
 */
function load(): Promise<Debug> {
  loaded ??= import('debug').then(
    (module) => module.default,
    (error: unknown) => {
      if (process.env.DEBUG !== undefined)
        process.emitWarning(`nothing is logged, as the "debug" package failed to load: ${String(error)}`);
      return () => () => undefined;
    },
  );
  return loaded;
}
