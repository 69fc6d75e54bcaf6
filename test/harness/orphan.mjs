// Starts a server as managed-zookeeper.test.ts asks, says its pid and folder, and waits to be killed.
import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(`${root}node_modules/.kazoo-orphan-`);
const outfile = `${folder}/managed-zookeeper.mjs`;
await build({
  absWorkingDir: root,
  entryPoints: ['src/harness/managed-zookeeper.ts'],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
});
const { ManagedZooKeeper } = await import(pathToFileURL(outfile).href);
rmSync(folder, { recursive: true });
const server = await ManagedZooKeeper.start();
console.log(JSON.stringify({ pid: server.pid, workingPath: server.workingPath }));
setInterval(() => undefined, 1000);
