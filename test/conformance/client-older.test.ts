import { readFileSync } from 'node:fs';
import { specifyClient } from './client/suite.ts';
import { embedded, real } from './client/world.ts';

const VERSIONS = new URL('../../.config/zookeeper-versions.json', import.meta.url);
const { default: newest, tests } = JSON.parse(readFileSync(VERSIONS, 'utf8')) as { default: string; tests: string[] };

// client.test.ts takes care of the newest, and of the one asked for.
const older = process.env['ZOOKEEPER_VERSION'] === undefined ? tests.filter((version) => version !== newest) : [];
for (const version of older) specifyClient(await real(version), [false]);
// A line in between, whose watches differ from the newest's.
if (older.length > 0) specifyClient(embedded('3.6'), [true]);
