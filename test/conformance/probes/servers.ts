import { createHash } from 'node:crypto';
import { ManagedZooKeeper } from '../../../src/harness/managed-zookeeper.ts';
import type { ManagedZooKeeperOptions } from '../../../src/harness/managed-zookeeper.ts';
import { EmbeddedZooKeeper } from '../../../src/server/embedded-zookeeper.ts';
import type { EmbeddedZooKeeperOptions } from '../../../src/server/server-options.ts';
import type { Configuration, Target } from './trial.ts';

export const TICK = 500;
export const SCAN = 300;
/** What the embedded server is by default, and what it is held to where no real one can run. */
export const DEFAULT_VERSION = '3.9.5';
export const SUPER = 'super:secret';
export const USERS = { bob: 'bobsecret' };

interface Setup {
  readonly real: ManagedZooKeeperOptions;
  readonly embedded: EmbeddedZooKeeperOptions;
}

const superDigest = `super:${createHash('sha1').update(SUPER).digest('base64')}`;
const jaas = `Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="${USERS.bob}";\n};\n`;
const plain = { maxSessionTimeout: 20 * TICK, extendedTypesEnabled: false };

const SETUPS: Record<Configuration, Setup> = {
  default: {
    real: { configuration: plain },
    embedded: { whitelist: '*' },
  },
  extended: {
    real: {
      superDigest,
      systemProperties: { 'znode.container.checkIntervalMs': SCAN },
      configuration: {
        ...plain,
        extendedTypesEnabled: true,
        enforceQuota: true,
        '4lw.commands.whitelist': 'srvr',
      },
    },
    embedded: { extendedTypesEnabled: true, enforceQuota: true, superDigest, containerCheckIntervalMs: SCAN, whitelist: 'srvr' },
  },
  sasl: {
    real: {
      jaas,
      systemProperties: { 'znode.container.checkIntervalMs': SCAN, 'znode.container.maxNeverUsedIntervalMs': 3000 },
      configuration: plain,
    },
    embedded: { jaasUsers: USERS, containerCheckIntervalMs: SCAN, containerMaxNeverUsedIntervalMs: 3000, whitelist: '*' },
  },
  'sasl-required': {
    real: { jaas, configuration: { ...plain, sessionRequireClientSASLAuth: true, maxClientCnxns: 3 } },
    embedded: { jaasUsers: USERS, sessionRequireClientSASLAuth: true, maxClientCnxns: 3 },
  },
  fips: {
    real: { jaas, systemProperties: { 'zookeeper.fips-mode': true }, configuration: plain },
    embedded: { jaasUsers: USERS, fipsMode: true },
  },
};

export type Running = Target & { close(): Promise<void> };

const asked = process.env['ZOOKEEPER_VERSION'];
const jars = asked === undefined ? {} : { version: asked };

/** The version of the real server this machine can run, or why it can run none. */
export async function realVersion(): Promise<{ version: string } | { reason: string }> {
  const found = await ManagedZooKeeper.available(jars);
  return found.available ? { version: found.version ?? DEFAULT_VERSION } : { reason: found.reason };
}

export async function startReal(configuration: Configuration, version: string): Promise<Running> {
  const server = await ManagedZooKeeper.start({ tickTime: TICK, ...jars, ...SETUPS[configuration].real });
  return { name: 'real', host: '127.0.0.1', port: server.clientPort, version, tickTime: TICK, close: () => server.destroy() };
}

export async function startEmbedded(configuration: Configuration, version: string): Promise<Running> {
  const options = { tickTime: TICK, version, extendedTypesEnabled: false, ...SETUPS[configuration].embedded };
  const server = await EmbeddedZooKeeper.start(options);
  return { name: 'embedded', host: '127.0.0.1', port: server.port, version, tickTime: TICK, close: () => server.close() };
}
