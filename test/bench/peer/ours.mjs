// The package under test, as built, through its public interface.
import { readFileSync } from 'node:fs';
import { KazooClient } from '../../../dist/index.js';
import { DATA, PATHS, lanes, serve } from './shell.mjs';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

await serve(async ({ address, op, inFlight, path = PATHS[op] }) => {
  const client = new KazooClient({ hosts: address, timeout: 60_000, maxResponseBytes: 32 << 20 });
  await client.start();
  const issue = {
    get: () => client.get(path),
    set: () => client.set(path, DATA),
    exists: () => client.exists(path),
    getChildren: () => client.getChildren(path),
    create: () => client.create(path, DATA, { sequence: true }),
  }[op];
  return { version, run: (count) => lanes(issue, count, inFlight), close: () => client.stop() };
});
