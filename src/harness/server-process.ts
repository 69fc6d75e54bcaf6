import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync, closeSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

const STOP_GRACE = 5_000;
const running = new Set<ChildProcess>();
const scratch = new Set<string>();

// The shell becomes the server (exec keeps its pid); the background reader kills that pid when this process dies in any way, even
// by SIGKILL, because the other end of fd 3 closes then. A line on fd 3 tells the reader that the server has already ended.
const LEASHED = '{ read -r _ <&3 || kill -9 $$; } 2>/dev/null & exec "$@" 3<&-';

/** One run of a server process. It dies with this process, and does not keep this process alive. */
export class ServerProcess {
  readonly #child: ChildProcess;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<void>;
  #failure: Error | null = null;

  constructor(command: string, args: readonly string[], options: { cwd: string; logFile: string }) {
    const log = openSync(options.logFile, 'a');
    this.#child = spawnLeashed(command, args, options.cwd, log);
    closeSync(log);
    this.exited = this.#watch(this.#child);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#failure === null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Why the process ended, in a few words. */
  get ending(): string {
    if (this.#failure !== null) return this.#failure.message;
    return this.#child.signalCode === null ? `exit code ${this.#child.exitCode}` : `signal ${this.#child.signalCode}`;
  }

  /** Asks the process to end, and kills it if it has not ended after five seconds. */
  async terminate(): Promise<void> {
    const overdue = setTimeout(() => this.#child.kill('SIGKILL'), STOP_GRACE);
    await this.signal('SIGTERM');
    clearTimeout(overdue);
  }

  /** Sends a signal that ends the process, and waits for its end. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    if (!this.alive) return;
    this.#child.ref();
    this.#child.kill(signal);
    await this.exited;
  }

  /** Freezes the process (`SIGSTOP`), like a long garbage collection, or resumes it (`SIGCONT`). */
  freeze(frozen: boolean): void {
    this.#child.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  #watch(child: ChildProcess): Promise<void> {
    running.add(child);
    child.unref();
    return new Promise((resolve) => {
      child.once('error', (error) => {
        this.#failure = error;
        ended(child, resolve);
      });
      child.once('exit', () => ended(child, resolve));
    });
  }
}

// For when this process cannot clean up (a signal, a crash): the folders arrive line by line, and the end of the input when this process is gone. Servers
// are killed at the same moment, hence the second pass.
const SWEEP =
  'while IFS= read -r folder; do set -- "$@" "$folder"; done; rm -rf "$@"; for folder; do [ ! -e "$folder" ] || { sleep 1; rm -rf "$@"; }; done';
let sweeper: Writable | null = null;

/** Removes `folder` when this process ends, in any way, if it still exists. */
export function removeAtExit(folder: string): void {
  scratch.add(folder);
  if (process.platform !== 'win32') (sweeper ??= startSweeper()).write(`${folder}\n`);
}

/** In a separate process group, which Ctrl-C does not reach. */
function startSweeper(): Writable {
  const child = spawn('/bin/sh', ['-c', SWEEP, 'kazoo'], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => undefined);
  child.unref();
  return loose(child.stdin);
}

/** A pipe is a socket, which must not keep the process alive. */
function loose(pipe: Writable): Writable {
  pipe.on('error', () => pipe.destroy());
  if (pipe instanceof Socket) pipe.unref();
  return pipe;
}

/** Undoes {@link removeAtExit}. */
export function keepAtExit(folder: string): void {
  scratch.delete(folder);
}

function spawnLeashed(command: string, args: readonly string[], cwd: string, log: number): ChildProcess {
  if (process.platform === 'win32') return spawn(command, args, { cwd, stdio: ['ignore', log, log], windowsHide: true });
  const child = spawn('/bin/sh', ['-c', LEASHED, 'zookeeper', command, ...args], { cwd, stdio: ['ignore', log, log, 'pipe'] });
  const leash = leashOf(child);
  if (leash !== null) loose(leash);
  return child;
}

function leashOf(child: ChildProcess): Writable | null {
  return (child.stdio[3] ?? null) as Writable | null;
}

function ended(child: ChildProcess, resolve: () => void): void {
  running.delete(child);
  leashOf(child)?.end('gone\n');
  resolve();
}

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of scratch) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
