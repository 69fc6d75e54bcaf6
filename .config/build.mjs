// Bundles the package into dist/: few files, so that importing it costs few reads, and declarations beside them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const root = fileURLToPath(new URL('..', import.meta.url));
const entries = ['index', 'testing', 'cli'];

rmSync(`${root}dist`, { recursive: true, force: true });
const shape = {
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  // Node prints the whole line at which an uncaught error was thrown.
  lineLimit: 400,
};
// Whoever looks into a running application at night looks at recipes, those files of them that src/index.ts names. Beneath them, and in the test servers,
// variables get short names; whatever has a name that is exported, or is a method, keeps it.
const named = readFileSync(`${root}src/index.ts`, 'utf8');
const shortened = {
  name: 'shortened',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/(codec|connection|base|session|client|recipe|server|harness)\/[\w-]+\.ts$/ }, async ({ path }) => {
      if (path.includes('/recipe/') && named.includes(`/recipe/${basename(path)}`)) return undefined;
      const { code } = await transform(readFileSync(path, 'utf8'), {
        ...shape,
        format: undefined,
        loader: 'ts',
        minifyIdentifiers: true,
        lineLimit: 0,
      });
      return { contents: code, loader: 'js' };
    });
  },
};
const options = {
  ...shape,
  plugins: [shortened],
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  packages: 'external',
  chunkNames: 'chunks/[name]-[hash]',
};
const { metafile } = await build({
  ...options,
  entryPoints: entries.map((name) => `src/${name}.ts`),
  splitting: true,
  metafile: true,
});
// What no application runs, the test servers: what is shared between their files gets short names, too. Classes and functions keep theirs, for whoever looks at one.
const applications = new Set(metafile.outputs['dist/index.js'].imports.map(({ path }) => path));
for (const path of Object.keys(metafile.outputs).filter((path) => path.startsWith('dist/chunks/') && !applications.has(path))) {
  const { code } = await transform(readFileSync(root + path), { ...shape, minifyIdentifiers: true, keepNames: true });
  writeFileSync(root + path, code);
}
// The optional package is imported by Node, not found by webpack; esbuild takes the comments of the sources away.
for (const path of applications) {
  const code = readFileSync(root + path, 'utf8');
  writeFileSync(root + path, code.replace(/\bimport\((?=[\w$]+\))/, '$&/* webpackIgnore: true */'));
}
// By themselves: the little they share would otherwise make chunks of its own, which every import of the package would read.
await build({ ...options, entryPoints: ['src/connection-worker.ts', 'src/quickstart.ts'] });
const declarations = `${root}dist/declarations`;
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}.config/tsconfig.build.json`], {
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(1);
// A file for each entry point; what the second needs of the public surface it takes from the first: a class seen through either is the same type.
const PUBLIC = /\/declarations\/(base|client)\/|\/kazoo-client\.d\.ts$/;
const surface = {
  name: 'surface',
  async resolveId(source, importer) {
    const found = await this.resolve(source, importer, { skipSelf: true });
    return PUBLIC.test(found?.id) ? { id: './index.js', external: true } : found;
  },
};
for (const [name, plugins] of [
  ['index', []],
  ['testing', [surface]],
]) {
  const types = await rollup({
    input: `${declarations}/${name}.d.ts`,
    plugins: [...plugins, dts()],
    external: (id) => !/^[./]/.test(id),
  });
  const { output } = await types.generate({});
  mkdirSync(`${root}dist/types`, { recursive: true });
  // Two spaces a level, as in the sources.
  const code = output[0].code.replace(/^( {4})+/gm, (indent) => indent.slice(indent.length / 2));
  writeFileSync(`${root}dist/types/${name}.d.ts`, exportedInPlace(code));
}
rmSync(declarations, { recursive: true });

/** What the lists at the end export is exported where it is declared: each name once. An empty list stays, without which all there is would be public. */
function exportedInPlace(code) {
  const names = [...code.matchAll(/^export (?:type )?\{ (.*) \};$/gm)].flatMap(([, list]) => list.split(', '));
  let placed = code.replace(/^export (?:type )?\{ .* \};\n*/gm, '');
  for (const name of names) {
    const declaration = new RegExp(`^(?=(?:declare )?(?:abstract )?(?:class|const|function|interface|type) ${name}\\b)`, 'gm');
    if (!declaration.test(placed)) throw new Error(`the declarations export ${name}, and do not declare it`);
    placed = placed.replace(declaration, 'export ');
  }
  return `${placed}export {};\n`;
}
