// A process of ours that stands for leadership until it is killed; says so on standard output when it leads.
import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const { hosts, timeout, path, identifier } = JSON.parse(process.argv[2]);
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(`${root}node_modules/.kazoo-latch-`);
const outfile = `${folder}/kazoo-client.mjs`;
await build({
  absWorkingDir: root,
  entryPoints: ['src/kazoo-client.ts'],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
});
const { KazooClient } = await import(pathToFileURL(outfile).href);
rmSync(folder, { recursive: true });

const client = await new KazooClient({ hosts, timeout }).start();
const latch = client.leaderLatch(path, { identifier });
latch.on('leader', () => process.stdout.write('leader\n'));
latch.start();
