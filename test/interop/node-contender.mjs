// A process of ours that takes and gives back a lock for ever, as `contend` in peer.py does, until it is killed.
import { build } from 'esbuild';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const { hosts, timeout, path, record, who, pause } = JSON.parse(process.argv[2]);
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(`${root}node_modules/.kazoo-contender-`);
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
const lock = client.lock(path, { identifier: who });
for (;;) {
  await lock.withLock(async () => {
    appendFileSync(record, `enter ${who}\n`);
    await delay(pause);
    appendFileSync(record, `leave ${who}\n`);
  });
}
