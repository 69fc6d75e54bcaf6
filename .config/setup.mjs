// Makes a fresh checkout ready, by steps that cost nothing when already done: dependencies, build, real servers.
//   --build    build dist/ unless it is newer than every source
//   --servers  also provision the real ZooKeeper that tests run against, where Java and Maven are found
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wants = (flag) => process.argv.includes(flag);

function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newest(directory) {
  return Math.max(0, ...readdirSync(directory, { recursive: true }).map((name) => modified(join(directory, name))));
}

if (modified(join(root, 'node_modules/.package-lock.json')) < modified(join(root, 'package-lock.json'))) {
  run('npm', ['ci', '--no-audit', '--no-fund']);
}
if (wants('--build')) {
  const sources = Math.max(
    newest(join(root, 'src')),
    modified(join(root, 'package.json')),
    modified(join(root, '.config/build.mjs')),
  );
  if (modified(join(root, 'dist/types/index.d.ts')) < sources) run(process.execPath, ['.config/build.mjs']);
}
if (wants('--servers') && existsSync(join(root, '.config/zookeeper-install.mjs'))) {
  run(process.execPath, ['.config/zookeeper-install.mjs', '--if-possible']);
}
