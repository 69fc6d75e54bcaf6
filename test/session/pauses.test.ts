import { expect, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { until } from '../support/waiting.ts';

test('the pauses of an outage grow no longer than the session timeout: a client is back within twice that', async () => {
  const failed: number[] = [];
  await using client = new KazooClient({ hosts: '127.0.0.1:1', timeout: 200 });
  client.on('connectFailed', () => failed.push(performance.now()));
  const start = client.start().catch(() => undefined);
  await until(() => failed.length === 9, 'nine failures', 50_000);
  // Doubled without an end, these three would be 6 s, 12 s and 10 s.
  for (const index of [6, 7, 8]) expect(failed[index]! - failed[index - 1]!).toBeLessThan(4_000);
  await client.stop();
  await start;
});
