import { expect } from 'vitest';
import { ReconfigDisabledError } from '../../../src/base/errors.ts';
import type { Spec, World } from './world.ts';

interface CapabilityRow {
  /** The first release that has it. */
  readonly since: string;
  /** The smallest use of it. */
  readonly use: (world: World) => Promise<unknown>;
}

/** What has come to ZooKeeper since 3.3, and how it is asked for: the one place where the suite knows versions. */
export const CAPABILITIES = {
  transactions: { since: '3.4.0', use: ({ client, at }) => client.transaction().create(at('a')).commit() },
  includeData: {
    since: '3.5.0',
    use: async ({ client, at }) => expect((await client.create(at('a'), 'x', { includeData: true }))[1].dataLength).toBe(1),
  },
  configuration: { since: '3.5.0', use: ({ client }) => client.getConfig() },
  reconfiguration: {
    since: '3.5.0',
    use: ({ client }) =>
      client.reconfig({ leaving: '9' }).catch((error: unknown) => {
        if (!(error instanceof ReconfigDisabledError)) throw error;
      }),
  },
  removeWatches: {
    since: '3.5.0',
    use: async ({ client, at }) => {
      await client.exists(at('a'), { watch: () => undefined });
      await client.removeWatches(at('a'), 'data');
    },
  },
  containers: { since: '3.5.1', use: ({ client, at }) => client.create(at('a'), '', { container: true }) },
  timeToLive: { since: '3.5.3', use: ({ client, at }) => client.create(at('a'), '', { ttl: 60_000 }) },
  persistentWatches: { since: '3.6.0', use: ({ client, at }) => client.addWatch(at('a'), () => undefined) },
  getEphemerals: { since: '3.6.0', use: ({ client }) => client.getEphemerals() },
  getAllChildrenNumber: { since: '3.6.0', use: ({ client, base }) => client.getAllChildrenNumber(base) },
  multiRead: { since: '3.6.0', use: ({ client, base }) => client.multiRead([{ get: base }]) },
  whoAmI: { since: '3.7.0', use: ({ client }) => client.whoAmI() },
} as const satisfies Record<string, CapabilityRow>;

export type Capability = keyof typeof CAPABILITIES;
const NAMES = Object.keys(CAPABILITIES) as Capability[];

/** Every capability: it works, or the client says what is missing, and serves on. */
export function specifyCapabilities(spec: Spec): void {
  for (const name of NAMES) {
    const { use } = CAPABILITIES[name];
    spec(`${name} can be used`, use, name);
  }

  spec('what a server is too old for costs the client nothing but that call', async (world) => {
    const { client, at, version } = world;
    const missing = NAMES.filter((name) => !has(version, name));
    for (const name of missing) {
      await Promise.allSettled([CAPABILITIES[name].use(world)]);
      // An older server hangs up on what it does not know, once; it is not asked again.
      await client.retry(() => client.ensurePath(at(name)));
    }
    const session = client.clientId!.sessionId;
    const calls = missing.flatMap((name) => [CAPABILITIES[name].use(world), client.exists(at(name))]);
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.filter((_, i) => i % 2 === 1).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(client.clientId?.sessionId).toBe(session);
  });
}

/** Whether a release has something. */
export function has(version: readonly number[], capability: Capability): boolean {
  return compareVersions(version, CAPABILITIES[capability].since.split('.').map(Number)) >= 0;
}

export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) - (b[i] ?? 0);
  return 0;
}
