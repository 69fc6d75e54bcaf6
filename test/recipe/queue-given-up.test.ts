import { describe, expect, test } from 'vitest';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { FaultyLine, type Loss } from '../support/faulty-line.ts';
import { workbench } from './workbench.ts';

/** More than a consumer of two items sends. */
const REQUESTS = 7;
const ITEMS = ['a', 'b'];
const LOSSES: readonly Loss[] = ['none', 'lost', 'reply lost'];

/** What the consumer does at a request. */
const ENDS: Readonly<Record<string, (client: KazooClient, controller: AbortController) => unknown>> = {
  'is stopped': (client) => client.stop(),
  'aborts its call': (_, controller) => controller.abort(new Error('enough')),
};
const CASES = Object.keys(ENDS).flatMap((end) => LOSSES.map((loss) => [end, loss] as const));

describe('every item is given or still there, at whatever request the consumer', () => {
  test.each(CASES)('%s, the request being: %s', async (end, loss) => {
    for (let request = 1; request <= REQUESTS; request++) {
      const { given, left } = await consume(request, loss, ENDS[end]!);
      expect([...new Set([...given, ...left])].sort(), `request ${request}: ${given.join()} given, ${left.join()} left`).toEqual(
        ITEMS,
      );
    }
  });
});

async function consume(request: number, loss: Loss, end: (typeof ENDS)[string]): Promise<Record<'given' | 'left', string[]>> {
  const { client: other, connect } = await workbench();
  for (const item of ITEMS) await other.queue('/queue').put(item);
  const line = new FaultyLine();
  const client = await connect({ handler: line });
  const controller = new AbortController();
  let ending: unknown;
  line.breakAt(request, loss, () => (ending = end(client, controller)));
  const queue = client.queue('/queue');
  const given = [await item(queue.get({ signal: controller.signal })), await item(queue.get({ signal: controller.signal }))];
  await ending;
  return { given: given.flat(), left: await all(other) };
}

/** None where the call is refused. */
async function item(getting: Promise<Buffer | null>): Promise<string[]> {
  const outcome = await getting.catch(() => null);
  return outcome === null ? [] : [outcome.toString()];
}

async function all(client: KazooClient): Promise<string[]> {
  const queue = client.queue('/queue');
  const left: string[] = [];
  while ((await queue.size()) > 0) left.push(...(await item(queue.get())));
  return left;
}
