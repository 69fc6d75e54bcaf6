#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEFAULT_PORT } from './base/hosts.ts';
import { EmbeddedZooKeeper, type EmbeddedZooKeeperOptions } from './testing.ts';

const USAGE = `Usage: kazoo server [options]

Runs an in-memory ZooKeeper server for development and tests: it keeps nothing on disk.
In production use an ensemble of Apache ZooKeeper.

Options:
  --port <number>       port to listen on; 0 for any free one (default ${DEFAULT_PORT})
  --host <address>      address to listen on (default 127.0.0.1)
  --tick-time <ms>      unit of session timeouts, milliseconds (default 2000)
  -h, --help            show this text
  -v, --version         show the version
`;

const OPTIONS = {
  port: { type: 'string', default: String(DEFAULT_PORT) },
  host: { type: 'string' },
  'tick-time': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const;

/** The parsed command line; a string is its error message. */
type Command = { readonly show: string } | { readonly serve: EmbeddedZooKeeperOptions } | string;

await run(parseCommand(process.argv.slice(2)));

async function run(command: Command): Promise<void> {
  if (typeof command === 'string') {
    process.stderr.write(`kazoo: ${command}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if ('show' in command) {
    process.stdout.write(command.show);
  } else {
    await serve(command.serve);
  }
}

function parseCommand(args: string[]): Command {
  try {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    if (values.help) return { show: USAGE };
    if (values.version) return { show: `${packageVersion()}\n` };
    if (positionals.length !== 1 || positionals[0] !== 'server')
      return `expected the command "server", not "${positionals.join(' ')}"`;
    return { serve: serverOptions(values) };
  } catch (error) {
    return (error as Error).message;
  }
}

function serverOptions(values: { port: string; host?: string; 'tick-time'?: string }): EmbeddedZooKeeperOptions {
  const { host, 'tick-time': tick } = values;
  if (host === '') throw new RangeError('--host must be an address, not ""');
  return {
    port: wholeNumber('--port', values.port, 0, 65_535),
    ...(host === undefined ? {} : { host }),
    ...(tick === undefined ? {} : { tickTime: wholeNumber('--tick-time', tick, 1, 2 ** 31 - 1) }),
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not "${text}"`);
}

/** `package.json` is in the folder above this file's, in `src/` as in `dist/`. */
function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function serve(options: EmbeddedZooKeeperOptions): Promise<void> {
  try {
    const server = await EmbeddedZooKeeper.start(options);
    const stop = (): void => void server.close();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    process.stdout.write(
      `ZooKeeper (in memory) listens on ${server.connectString}\n` +
        'It keeps nothing on disk: everything is gone when it stops. It is for development and tests;\n' +
        'in production use an ensemble of Apache ZooKeeper. Ctrl-C stops it.\n',
    );
  } catch (error) {
    process.stderr.write(`kazoo: the server could not start: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
