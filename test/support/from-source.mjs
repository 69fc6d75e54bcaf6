import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Imports a source module in a plain process. The bundle lies where its dependencies are found, and only until it is read. */
export async function importSource(entry) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = mkdtempSync(`${root}node_modules/.kazoo-source-`);
  const outfile = `${folder}/bundle.mjs`;
  try {
    await build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
