// Packs the package as it would be published, and looks at what a user gets: metadata, types in every module mode, size, the two entry points.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SIZE_LIMIT = 150_000;
/** Characters: the table of operations is one expression, which the bundler does not break. */
const LINE_LIMIT = 2_400;
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kazoo-pack-'));
let failed = false;

const USER = `
import { KazooClient, type ZnodeStat } from 'kazoo';
import { EmbeddedZooKeeper, KazooTestHarness } from 'kazoo/testing';
const server = await EmbeddedZooKeeper.start();
const client: KazooClient = await new KazooClient(server.connectString).start();
const [data, stat]: [Buffer | null, ZnodeStat] = await client.get('/');
const total: number = await client.counter('/n').add(1);
const big: bigint = await client.counter('/b', { default: 0n }).add(1n);
const same: KazooClient = new KazooTestHarness().client;
client.on('state', (state) => console.log(state, data, stat, total, big, same));
export {};
`;

function check(title, command, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${title}`);
  if (status !== 0) {
    failed = true;
    console.log(stdout, stderr);
  }
  return stdout;
}

try {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' }),
  );
  const tarball = join(folder, packed.filename);
  const size = statSync(tarball).size;
  console.log(`${size <= SIZE_LIMIT ? 'ok    ' : 'FAILED'} packed size ${size} bytes, limit ${SIZE_LIMIT}`);
  failed ||= size > SIZE_LIMIT;
  // Node prints the line at which an uncaught error was thrown: it must not fill the terminal.
  const longest = Math.max(
    ...packed.files
      .filter(({ path }) => path.endsWith('.js'))
      .flatMap(({ path }) => readFileSync(join(root, path), 'utf8').split('\n'))
      .map((line) => line.length),
  );
  console.log(`${longest <= LINE_LIMIT ? 'ok    ' : 'FAILED'} longest line of code ${longest} characters, limit ${LINE_LIMIT}`);
  failed ||= longest > LINE_LIMIT;
  const names = readFileSync(join(root, 'dist/index.js'), 'utf8').includes('new URL("./connection-worker.js",import.meta.url)');
  console.log(`${names ? 'ok    ' : 'FAILED'} the worker is named in the form in which bundlers find files`);
  failed ||= !names;
  check('publint', process.execPath, ['node_modules/publint/src/cli.js', 'run', tarball, '--strict']);
  check('are the types wrong', process.execPath, [
    'node_modules/@arethetypeswrong/cli/dist/index.js',
    tarball,
    '--profile',
    'esm-only',
    '--no-color',
  ]);

  // As a user has it: unpacked into node_modules, beside its dependencies.
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'kazoo'), { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', join(modules, 'kazoo'), '--strip-components=1']);
  for (const name of ['eventemitter3', 'debug', 'ms']) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  const script =
    'if (typeof k.KazooClient !== "function" || typeof t.EmbeddedZooKeeper !== "function") throw new Error("exports are missing")';
  check(
    'import',
    process.execPath,
    ['--input-type=module', '-e', `import * as k from "kazoo"; import * as t from "kazoo/testing"; ${script}`],
    { cwd: folder },
  );
  // What few programs want, or want later, is loaded when they do: `process.moduleLoadList` knows Node's own modules.
  const late = `const names = ["tls", "crypto", "worker_threads", "net", "dns", "os", "stream"].filter((n) => process.moduleLoadList.includes("NativeModule " + n));
    names.push(...Object.keys(process.getBuiltinModule("module")._cache).filter((path) => path.includes("node_modules/debug")));
    if (names.length > 0) throw new Error("loaded by the import alone: " + names)`;
  check('import loads little', process.execPath, ['--input-type=module', '-e', `import "kazoo"; ${late}`], { cwd: folder });
  // Strict, and with the declarations themselves checked: what a careful user's build does.
  for (const name of ['@types/node', '@types/debug', '@types/ms', 'undici-types']) {
    mkdirSync(join(modules, '@types'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(folder, 'user.mts'), USER);
  const flags =
    '--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --target es2023 --lib es2023,esnext.disposable --types node';
  // The last is the compiler's own choice for CommonJS, and does not read `exports`.
  for (const mode of [
    '--module nodenext',
    '--module esnext --moduleResolution bundler',
    '--module esnext --moduleResolution node10',
  ]) {
    const args = `${flags} ${mode}`.split(' ');
    check(
      `types for a user, ${mode}`,
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), ...args, join(folder, 'user.mts')],
      { cwd: folder },
    );
  }
  const require = `const k = require("kazoo"), t = require("kazoo/testing"); ${script}`;
  check('require', process.execPath, ['--experimental-require-module', '--no-warnings', '-e', require], { cwd: folder });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
