import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import { PROBES } from './probes/index.ts';
import { startEmbedded, startReal } from './probes/servers.ts';
import type { Running } from './probes/servers.ts';
import { Trial } from './probes/trial.ts';
import type { Configuration, Probe } from './probes/trial.ts';

const CONFIGURATIONS: readonly Configuration[] = ['default', 'extended', 'sasl', 'sasl-required', 'fips'];
const DEFAULT_VERSION = '3.9.5';
/** The same on both servers, so that paths compare as they are. */
const token = randomBytes(3).toString('hex');

for (const configuration of CONFIGURATIONS) {
  const probes = PROBES.filter(({ needs }) => needs === configuration);
  if (probes.length > 0) describe(`server behaviour, ${configuration} configuration`, () => differential(configuration, probes));
}

function differential(configuration: Configuration, probes: readonly Probe[]): void {
  const servers: Running[] = [];
  const waiting = new Map<Probe, Promise<PromiseSettledResult<unknown>[]>>();

  beforeAll(async () => {
    const real = await startReal(configuration);
    if (real === undefined)
      console.error('*** NO REAL ZOOKEEPER: the embedded server is held to the statements alone, compared with nothing ***');
    const embedded = await startEmbedded(configuration, real?.version ?? DEFAULT_VERSION);
    servers.push(...[real, embedded].filter((server) => server !== undefined));
  });

  afterAll(() => Promise.all(servers.map((server) => server.close())));

  for (const probe of probes.filter(({ waits }) => !waits)) {
    test(`${probe.id} ${probe.title}`, (context) => judge(probe, context, servers, () => put(probe, servers)));
  }

  // Probes that mostly wait are started together, once the others can no longer be disturbed.
  const slow = probes.filter(({ waits }) => waits);
  describe.runIf(slow.length > 0)('over time', () => {
    beforeAll(() => {
      for (const probe of slow) waiting.set(probe, put(probe, servers));
    });
    for (const probe of slow) {
      test(`${probe.id} ${probe.title}`, (context) => judge(probe, context, servers, () => waiting.get(probe)!));
    }
  });
}

/** Runs the probe on every server it may be put to, in the same moment. */
function put(probe: Probe, servers: readonly Running[]): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(
    servers.filter((server) => probe.skipOn(server) === undefined).map((server) => observe(probe, server)),
  );
}

async function observe(probe: Probe, server: Running): Promise<unknown> {
  const trial = new Trial(server, probe, token);
  try {
    const more = await probe.run(trial);
    await trial.close();
    return JSON.parse(JSON.stringify({ more: more ?? null, transcript: trial.transcript() }));
  } catch (error) {
    await trial.close().catch(() => undefined);
    throw error;
  }
}

async function judge(
  probe: Probe,
  context: TestContext,
  servers: readonly Running[],
  run: () => Promise<PromiseSettledResult<unknown>[]>,
): Promise<void> {
  const able = servers.filter((server) => probe.skipOn(server) === undefined);
  if (able.length === 0) return context.skip(servers.map(probe.skipOn)[0]);
  const outcomes = await run();
  const failures = outcomes.flatMap((outcome, i) =>
    outcome.status === 'rejected' ? [[able[i]!.name, outcome.reason] as const] : [],
  );
  if (failures.length > 0)
    throw new AggregateError(
      failures.map(([, reason]) => reason),
      failures.map(([name, reason]) => `${name}: ${said(reason)}`).join('\n'),
    );
  const [real, embedded] = outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value);
  if (able.length === 2) expect(embedded, 'the embedded server answers as the real one').toEqual(real);
}

const said = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason));
