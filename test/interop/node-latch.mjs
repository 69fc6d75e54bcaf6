// A process of ours that stands for leadership until it is killed; says so on standard output when it leads.
import { importSource } from '../support/from-source.mjs';

const { hosts, timeout, path, identifier } = JSON.parse(process.argv[2]);
const { KazooClient } = await importSource('src/kazoo-client.ts');

const client = await new KazooClient({ hosts, timeout }).start();
const latch = client.leaderLatch(path, { identifier });
latch.on('leader', () => process.stdout.write('leader\n'));
latch.start();
