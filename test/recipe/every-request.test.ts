import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { within } from '../ensemble/lock-model.ts';
import { FaultyLine } from '../support/faulty-line.ts';
import { JOURNEYS, type Journey, type Pair } from './journeys.ts';
import { eventually, watchCount } from './workbench.ts';
import { hearThrown } from '../support/thrown.ts';

/** Runs at the same time. */
const AT_ONCE = 6;
const PATIENCE = 30_000;
/** How long something may take to go by itself. */
const LEFT_FOR = 10_000;
const EVENTS = ['state', 'connected', 'suspended', 'lost'] as const;

interface Stage extends Pair {
  readonly server: EmbeddedZooKeeper;
  readonly line: FaultyLine;
}

type Strike = (stage: Stage, request: number) => void;

/** What may become of the connection at a request. */
const FAULTS: Readonly<Record<string, Strike>> = {
  'is cut before that is served': ({ line }, request) => line.breakAt(request, 'lost'),
  'is cut after that was served, before its reply': ({ line }, request) => line.breakAt(request, 'reply lost'),
  'ends with its session, before that is served': (stage, request) => stage.line.breakAt(request, 'lost', expiry(stage)),
  'ends with its session, after that was served': (stage, request) => stage.line.breakAt(request, 'reply lost', expiry(stage)),
};

describe.each(Object.entries(JOURNEYS))(
  'a %s comes to the same, and leaves nothing, at whatever request the connection',
  (_, journey) => {
    test.each(Object.entries(FAULTS))('%s', async (_, strike) => {
      const thrown = hearThrown();
      const { requests, result, left } = await travel(journey);
      expect(left).toEqual(NOTHING);
      const outcomes = await someAtOnce(requests, (request) => struck(journey, strike, request));
      expect(outcomes).toMatchObject(outcomes.map(({ request }) => ({ request, result, left })));
      // What is asked for may depend on who is faster, and so may the number of requests: but not by much.
      expect(outcomes.filter(({ broken }) => broken).length).toBeGreaterThan(requests / 2);
      expect(thrown).toEqual([]);
    });
  },
);

interface Outcome {
  readonly requests: number;
  readonly broken: boolean;
  readonly result: unknown;
  readonly left: unknown;
}

async function struck(journey: Journey, strike: Strike, request: number): Promise<Partial<Outcome> & { request: number }> {
  const outcome = await travel(journey, (stage) => strike(stage, request)).catch((error: unknown) => ({ result: error }));
  return { ...outcome, request };
}

/** One journey with a server of its own, and what is left of it. */
async function travel(journey: Journey, strike: (stage: Stage) => void = () => undefined): Promise<Outcome> {
  await using server = await EmbeddedZooKeeper.start({ tickTime: 500 });
  const line = new FaultyLine();
  const quick = { maxTries: -1, delay: 5, maxDelay: 20 };
  await using client = new KazooClient({
    hosts: server.connectString,
    handler: line,
    connectionRetry: quick,
    commandRetry: quick,
  });
  await using other = new KazooClient({ hosts: server.connectString });
  await Promise.all([client.start(), other.start()]);
  const look = onlooker(server, client, other);
  line.breakAt(Infinity, 'lost');
  strike({ server, client, other, line });
  const result = await within('the journey ends', PATIENCE, journey({ client, other }));
  const { requests, broken } = line;
  return { requests, broken, result, left: await settled(look) };
}

function expiry({ server, client }: Stage): () => void {
  return () => server.expireSession(client.clientId!.sessionId);
}

const NOTHING = { connected: true, errors: [], listeners: [], ephemerals: [], watches: 0 };
type Left = { readonly [K in keyof typeof NOTHING]: unknown };

/** Tells what there is now that was not there before. */
function onlooker(server: EmbeddedZooKeeper, client: KazooClient, other: KazooClient): () => Promise<Left> {
  const errors: unknown[] = [];
  client.on('error', (error) => void errors.push(error));
  const before = EVENTS.map((event) => client.listenerCount(event));
  return async () => ({
    connected: client.connected,
    errors,
    listeners: EVENTS.filter((event, index) => client.listenerCount(event) !== before[index]),
    ephemerals: server.sessions().flatMap(({ ephemerals }) => ephemerals),
    watches: await watchCount(other),
  });
}

/** What is found once nothing is left; or what is left after a while. */
async function settled(look: () => Promise<Left>): Promise<Left> {
  let found = await look();
  await eventually(async () => isDeepStrictEqual((found = await look()), NOTHING), LEFT_FOR).catch(() => undefined);
  return found;
}

/** Does something for each number from 1. */
async function someAtOnce<T>(count: number, run: (number: number) => Promise<T>): Promise<T[]> {
  const outcomes: T[] = [];
  let last = 0;
  const work = async (): Promise<void> => {
    while (last < count) {
      const number = (last += 1);
      outcomes[number - 1] = await run(number);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcomes;
}
