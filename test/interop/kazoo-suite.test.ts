import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { pythonKazoo, type PythonKazoo } from '../support/python.ts';

const SCRIPT = fileURLToPath(new URL('./kazoo_suite.py', import.meta.url));

/** Side by side: each list runs by itself, on a server of its own. They mostly wait. */
const SHARES = [
  ['test_client.TestClient', 'test_client.TestCallbacks', 'test_client.TestNonChrootClient', 'test_client.TestClientTransitions'],
  [
    'test_client.TestConnection',
    'test_client.TestAuthentication',
    'test_client.TestClientTransactions',
    'test_client.TestSessionCallbacks',
  ],
  ['test_lock', 'test_lease', 'test_counter', 'test_election', 'test_party', 'test_barrier', 'test_interrupt'],
  ['test_partitioner', 'test_queue'],
  ['test_watchers', 'test_cache.KazooTreeCacheTests', 'test_connection'],
];

/** What needs more than one server; and a race of a drop against a long write, which the embedded server may win by being quick. */
const WITHOUT = ['TestReadOnlyMode', 'test_update_host_list', 'test_connection_dropped'];

type Line = { readonly order: 'stop' | 'run' } | { readonly test: string; readonly outcome: string };

const kazoo = await pythonKazoo();

describe.skipIf(typeof kazoo === 'string')("Kazoo's own tests, run by Python on the embedded server", () => {
  test.concurrent.each(SHARES.map((share) => [share.join(' '), share] as const))(
    '%s',
    async (_, share) => {
      const outcomes = await runTests(kazoo as PythonKazoo, share);
      expect(outcomes.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'skipped')).toEqual([]);
      expect(outcomes.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThanOrEqual(10);
    },
    120_000,
  );
});

async function runTests(python: PythonKazoo, names: readonly string[]): Promise<{ test: string; outcome: string }[]> {
  await using server = await EmbeddedZooKeeper.start();
  await using running = python.start(SCRIPT, [server.connectString, names.join(','), WITHOUT.join(',')]);
  const outcomes: { test: string; outcome: string }[] = [];
  for (;;) {
    const line = (await running.receive().catch((error: unknown) => endOf(error))) as Line | null;
    if (line === null) return outcomes;
    if ('test' in line) {
      outcomes.push(line);
      continue;
    }
    server.refuseConnections(line.order === 'stop');
    if (line.order === 'stop') server.dropConnections();
    running.send('done');
  }
}

/** null for a script that has come to its end. */
function endOf(error: unknown): null {
  if (error instanceof Error && error.message.includes('(exit code 0)')) return null;
  throw error;
}
