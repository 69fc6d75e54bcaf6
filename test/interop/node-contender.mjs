// A process of ours that takes and gives back a lock, or a lease, for ever, as `contend` in peer.py does, until it is killed.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { importSource } from '../support/from-source.mjs';

const { hosts, timeout, path, record, who, pause, kind = 'lock', options = { identifier: who } } = JSON.parse(process.argv[2]);
const { KazooClient } = await importSource('src/kazoo-client.ts');

const client = await new KazooClient({ hosts, timeout }).start();
const shared = client[kind](path, options);
for (;;) {
  await shared.acquire();
  appendFileSync(record, `enter ${who}\n`);
  await delay(pause);
  appendFileSync(record, `leave ${who}\n`);
  await shared.release();
}
