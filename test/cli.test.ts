import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddedZooKeeper } from '../src/server/embedded-zookeeper.ts';
import { fourLetterWord } from './conformance/wire.ts';

const PACKAGE = fileURLToPath(new URL('../package.json', import.meta.url));
let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kazoo-cli-'));
  copyFileSync(PACKAGE, join(folder, 'package.json'));
  await build({
    entryPoints: [fileURLToPath(new URL('../src/cli.ts', import.meta.url))],
    outfile: join(folder, 'dist', 'cli.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    // The one dependency of the server's is CommonJS, which asks for `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(...args: string[]): { child: ChildProcess; outcome: Promise<Outcome>; line: Promise<string> } {
  const child = spawn(process.execPath, [join(folder, 'dist', 'cli.mjs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { out: '', err: '' };
  child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
  const line = new Promise<string>((resolve) =>
    child.stdout.on('data', (chunk: Buffer) => resolve((text.out += chunk.toString()))),
  );
  const outcome = once(child, 'close').then(([code]) => ({ code: code as number | null, ...text }));
  return { child, outcome, line };
}

test.each(['--help', '-h'])('%s says how it is used', async (flag) => {
  expect(await run(flag).outcome).toMatchObject({ code: 0, out: expect.stringContaining('Usage: kazoo server'), err: '' });
});

test.each(['--version', '-v'])('%s says which version of the package it is of', async (flag) => {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
  expect(await run(flag).outcome).toEqual({ code: 0, out: `${version}\n`, err: '' });
});

test.each([
  [['server', '--prot', '1'], '--prot'],
  [['serve'], '"serve"'],
  [[], 'server'],
  [['server', '--port', 'x'], '--port'],
  [['server', '--port', '65536'], '--port'],
  [['server', '--tick-time', '0'], '--tick-time'],
  [['server', '--host='], '--host'],
])('%j is refused with the usage', async (args, culprit) => {
  const { code, out, err } = await run(...args).outcome;
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(culprit);
  expect(err).toContain('Usage: kazoo server');
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'the server says where it is and what it is not, serves, and stops at %s',
  async (signal) => {
    const { child, outcome, line } = run('server', '--port', '0', '--tick-time', '500', '--host', '127.0.0.1');
    const text = await line;
    expect(text).toContain('keeps nothing on disk');
    expect(text).toContain('in production use an ensemble of Apache ZooKeeper');
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(text)![1]);
    expect(await fourLetterWord('127.0.0.1', port, 'conf')).toContain('tickTime=500\n');
    child.kill(signal);
    expect(await outcome).toMatchObject({ code: 0, err: '' });
  },
);

test('a port that is taken is said to be, without a stack', async () => {
  await using taken = await EmbeddedZooKeeper.start();
  const { code, err } = await run('server', '--port', String(taken.port)).outcome;
  expect(code).toBe(1);
  expect(err).toMatch(/^kazoo: the server could not start: .*EADDRINUSE.*\n$/);
});
