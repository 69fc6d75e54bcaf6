import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import type { ManagedZooKeeperOptions } from '../../src/harness/managed-zookeeper.ts';
import type { ServerJarsOptions } from '../../src/harness/server-jars.ts';

/**
 * A real server for one test, or the sentence to skip it with where this machine has none. Rejects when a server is there and does not start.
 *
 * @example
 * test('…', async ({ skip }) => {
 *   const server = await startRealZooKeeper();
 *   if (typeof server === 'string') return skip(server);
 *   await using _ = server;
 */
export async function startRealZooKeeper(options: ManagedZooKeeperOptions = {}): Promise<ManagedZooKeeper | string> {
  const missing = await whyNoRealZooKeeper(options);
  return missing ?? (await ManagedZooKeeper.start(options));
}

/** Why no real server can run here, `null` when one can: `describe.skipIf(await whyNoRealZooKeeper())`. Says so loudly, once a process. */
export async function whyNoRealZooKeeper(options: ServerJarsOptions = {}): Promise<string | null> {
  const found = await ManagedZooKeeper.available(options);
  if (found.available) return null;
  const sentence = `NO REAL ZOOKEEPER: ${found.reason}`;
  if (!told.has(sentence)) process.stderr.write(`*** ${sentence}; tests against real servers are skipped ***\n`);
  told.add(sentence);
  return sentence;
}

const told = new Set<string>();
