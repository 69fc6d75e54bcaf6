import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import { PROBES } from './probes/index.ts';
import { DEFAULT_VERSION, realVersion, startEmbedded, startReal } from './probes/servers.ts';
import type { Running } from './probes/servers.ts';
import { Trial } from './probes/trial.ts';
import type { Configuration, Probe, Target } from './probes/trial.ts';

const CONFIGURATIONS: readonly Configuration[] = ['default', 'extended', 'sasl', 'sasl-required', 'fips'];
const real = await realVersion();
const version = 'version' in real ? real.version : DEFAULT_VERSION;
if ('reason' in real) {
  console.error(
    `*** NO REAL ZOOKEEPER: the embedded server is held to the statements alone, compared with nothing (${real.reason}) ***`,
  );
}

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
    if (!probes.some((probe) => suits(probe, 'embedded'))) return;
    if ('version' in real) servers.push(await startReal(configuration, version));
    servers.push(await startEmbedded(configuration, version));
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

const reasonAgainst = (probe: Probe, name: Target['name']): string | undefined =>
  probe.skipOn({ name, version, host: '', port: 0, tickTime: 0 });
const suits = (probe: Probe, name: Target['name']): boolean => reasonAgainst(probe, name) === undefined;

/** Runs the probe on every server it may be put to, in the same moment. */
function put(probe: Probe, servers: readonly Running[]): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(servers.filter(({ name }) => suits(probe, name)).map((server) => observe(probe, server)));
}

async function observe(probe: Probe, server: Running): Promise<unknown> {
  const trial = new Trial(server, probe, token);
  try {
    const more = await probe.run(trial);
    await trial.close();
    return JSON.parse(JSON.stringify({ more: more ?? null, transcript: trial.transcript() }, bigintAsText));
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
  const able = servers.filter(({ name }) => suits(probe, name));
  if (able.length === 0) return context.skip(reasonAgainst(probe, servers[0]?.name ?? 'embedded') ?? 'no server runs here');
  const outcomes = await run();
  const failures = outcomes.flatMap((outcome, i) =>
    outcome.status === 'rejected' ? [[able[i]!.name, outcome.reason] as const] : [],
  );
  if (failures.length > 0)
    throw new AggregateError(
      failures.map(([, reason]) => reason),
      failures.map(([name, reason]) => `${name}: ${said(reason)}`).join('\n'),
    );
  const [wanted, got] = outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value);
  if (able.length === 2) expect(got, 'the embedded server answers as the real one').toEqual(wanted);
}

const said = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason));

const bigintAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
