// Bundles the package into dist/: few files, so that importing it costs few reads, and declarations beside them.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleDeclarations } from './bundle-declarations.mjs';
import { shortenNames } from './shorten-names.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const entries = ['index', 'testing', 'cli'];

rmSync(`${root}dist`, { recursive: true, force: true });
const options = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  minifySyntax: true,
  minifyWhitespace: true,
  chunkNames: 'chunks/[name]-[hash]',
};
await build({ ...options, entryPoints: entries.map((name) => `src/${name}.ts`), splitting: true });
// By themselves: the little they share would otherwise make chunks of its own, which every import of the package would read.
await build({ ...options, entryPoints: ['src/connection-worker.ts', 'src/quickstart.ts'] });
for (const name of readdirSync(`${root}dist`, { recursive: true })) {
  const file = join(root, 'dist', name);
  if (name.endsWith('.js')) writeFileSync(file, await shortenNames(readFileSync(file, 'utf8')));
}
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}.config/tsconfig.build.json`], {
  stdio: 'inherit',
});
bundleDeclarations(`${root}dist/types`, ['index', 'testing']);
process.exit(tsc.status ?? 1);
