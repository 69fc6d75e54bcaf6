// Bundles the package into dist/: few files, so that importing it costs few reads, and declarations beside them.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

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
  // Node prints the whole line at which an uncaught error was thrown.
  lineLimit: 500,
  chunkNames: 'chunks/[name]-[hash]',
};
await build({ ...options, entryPoints: entries.map((name) => `src/${name}.ts`), splitting: true });
// By themselves: the little they share would otherwise make chunks of its own, which every import of the package would read.
await build({ ...options, entryPoints: ['src/connection-worker.ts', 'src/quickstart.ts'] });
const declarations = `${root}dist/declarations`;
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}.config/tsconfig.build.json`], {
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(1);
// What the entry points lead to, in one file that both share: a class seen through either is the same type.
const types = await rollup({
  input: { index: `${declarations}/index.d.ts`, testing: `${declarations}/testing.d.ts` },
  plugins: [dts()],
  external: (id) => !/^[./]/.test(id),
});
await types.write({
  dir: `${root}dist/types`,
  entryFileNames: '[name].d.ts',
  chunkFileNames: 'kazoo.d.ts',
  minifyInternalExports: false,
});
rmSync(declarations, { recursive: true });
