import { execFile, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const REQUIREMENTS = ['kazoo==2.11.0', 'pure-sasl==0.6.2'];
const INSTALL_TIMEOUT = 240_000;
// The holder of the lock touches it more often than this; an older one was left by a process that died.
const STALE_LOCK = 60_000;

/** A Python that has Kazoo. */
export interface PythonKazoo {
  /** The interpreter. */
  readonly python: string;
  /** Starts `script` (a path) with `args`, to talk with it in lines of JSON. */
  start(script: string, args?: readonly string[]): PythonProcess;
  /** Runs `script` to its end with `input` as lines of JSON; gives the lines of JSON it printed. Rejects, with what it said, if it fails. */
  run(script: string, args?: readonly string[], input?: readonly unknown[]): Promise<unknown[]>;
}

/**
 * Python with Kazoo 2.11.0 and pure-sasl, in an environment of its own in the cache folder, made once for all processes that ask; or the
 * sentence to skip a test with, said loudly once. Never rejects.
 */
export async function pythonKazoo(): Promise<PythonKazoo | string> {
  asked ??= provide().catch((error: unknown) => missing(messageOf(error)));
  return asked;
}

let asked: Promise<PythonKazoo | string> | undefined;

/** A running script: what is sent to it, and what it prints, are lines of JSON. It is killed when disposed of. */
export class PythonProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<number | null>;
  #complaints = '';

  constructor(python: string, script: string, args: readonly string[]) {
    this.#child = spawn(python, ['-u', '-B', script, ...args], { stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    // A script that has died is told of by receive() and end(), not by the pipe to it.
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve).once('error', () => resolve(null)));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** What it wrote to standard error so far. */
  get complaints(): string {
    return this.#complaints;
  }

  send(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** The next line it prints. Rejects, with what it said, when there is none. */
  async receive(): Promise<unknown> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error(`the Python script ended (exit code ${await this.#ended}): ${this.#complaints}`);
    return JSON.parse(next.value) as unknown;
  }

  /** {@link send}, then {@link receive}. */
  ask(message: unknown): Promise<unknown> {
    this.send(message);
    return this.receive();
  }

  /** Closes its standard input and waits for its end; gives the lines nobody received. Rejects, with what it said, if it fails. */
  async end(): Promise<unknown[]> {
    this.#child.stdin.end();
    const rest: unknown[] = [];
    for (let next = await this.#lines.next(); next.done !== true; next = await this.#lines.next())
      rest.push(JSON.parse(next.value));
    const code = await this.#ended;
    if (code !== 0) throw new Error(`the Python script failed (exit code ${code}): ${this.#complaints}`);
    return rest;
  }

  /** Kills it at once, as a crash would: its sessions stay with the server until they expire. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

async function provide(): Promise<PythonKazoo | string> {
  const base = process.platform === 'win32' ? 'python' : 'python3';
  const version = await execute(base, ['--version']).catch(() => null);
  if (version === null) return missing(`there is no ${base} on the PATH`);
  const cache = process.env['KAZOO_CACHE'] || join(homedir(), '.cache', 'kazoo');
  const home = join(cache, `python-${REQUIREMENTS.join('-').replaceAll('==', '-')}`);
  await mkdir(cache, { recursive: true });
  await withLock(`${home}.lock`, home, () => install(base, home));
  return environment(interpreter(home));
}

async function install(base: string, home: string): Promise<void> {
  await rm(home, { recursive: true, force: true });
  await execute(base, ['-m', 'venv', home], { timeout: INSTALL_TIMEOUT });
  await execute(interpreter(home), ['-m', 'pip', 'install', '--quiet', ...REQUIREMENTS], { timeout: INSTALL_TIMEOUT });
  await writeFile(join(home, 'ready'), '');
}

/** Does `work` unless another process has done it or does it now: then waits for that one. */
async function withLock(lock: string, home: string, work: () => Promise<void>): Promise<void> {
  while (!existsSync(join(home, 'ready'))) {
    if (await acquired(lock)) {
      const keepFresh = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), STALE_LOCK / 6);
      try {
        if (!existsSync(join(home, 'ready'))) await work();
      } finally {
        clearInterval(keepFresh);
        await rm(lock, { recursive: true, force: true });
      }
    } else {
      const age = Date.now() - (await stat(lock).then(({ mtimeMs }) => mtimeMs, Date.now));
      if (age > STALE_LOCK) await rm(lock, { recursive: true, force: true });
      await delay(200);
    }
  }
}

function acquired(lock: string): Promise<boolean> {
  return mkdir(lock).then(
    () => true,
    () => false,
  );
}

function interpreter(home: string): string {
  return process.platform === 'win32' ? join(home, 'Scripts', 'python.exe') : join(home, 'bin', 'python');
}

function environment(python: string): PythonKazoo {
  return {
    python,
    start: (script, args = []) => new PythonProcess(python, script, args),
    async run(script, args = [], input = []) {
      await using running = new PythonProcess(python, script, args);
      for (const message of input) running.send(message);
      return await running.end();
    },
  };
}

function missing(reason: string): string {
  const sentence = `NO PYTHON KAZOO: ${reason}`;
  process.stderr.write(`*** ${sentence}; tests beside Python Kazoo are skipped ***\n`);
  return sentence;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(-3).join(' ');
}
