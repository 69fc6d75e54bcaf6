// A child process that speaks lines: the workers and the servers.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

export class LineProcess {
  #child;
  #lines;
  #noise = '';
  #name;

  constructor(name, [command, args, env]) {
    this.#name = name;
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.#child);
    this.#child.once('exit', () => running.delete(this.#child));
    this.#child.on('error', (error) => (this.#noise += error.message));
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.on('data', (chunk) => (this.#noise = (this.#noise + chunk).slice(-2000)));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it prints. Rejects when it ends or is silent for longer than `timeout` ms. */
  async line(timeout = 120_000) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.#name} said nothing for ${timeout / 1000} s; ${this.#lastNoise()}`)),
        timeout,
      );
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done) throw new Error(`${this.#name} ended; ${this.#lastNoise()}`);
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next line that is JSON: whatever else a peer prints is not for us. */
  async json(timeout) {
    for (;;) {
      const line = await this.line(timeout);
      if (line.startsWith('{')) return JSON.parse(line);
    }
  }

  say(line) {
    this.#child.stdin.write(line + '\n');
  }

  /** Ends it: first by closing its input, then, after `grace` ms, by force. */
  async end(grace = 3000) {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), grace);
    await exited;
    clearTimeout(timer);
  }

  #lastNoise() {
    const lines = this.#noise.trim().split('\n');
    return lines.find((line) => /^\w*(Error|Exception)/.test(line)) ?? lines.at(-1);
  }
}
