import type { TlsOptions } from 'node:tls';
import { systemClock, type Clock } from '../base/clock.ts';
import { ConfigurationError } from '../base/errors.ts';
import {
  boolean,
  clock,
  count,
  expectOptions,
  type Expectation,
  isObject,
  isWhole,
  LONGEST,
  milliseconds,
  text,
} from '../base/expectations.ts';
import { serverVersion } from './server-version.ts';

/** Options of an embedded server. All have a default; durations are milliseconds. */
export interface EmbeddedZooKeeperOptions {
  /** The port to listen on; 0 (default) for any free one. */
  port?: number | undefined;
  /** The address to listen on; default `127.0.0.1`. */
  host?: string | undefined;
  /** The unit of session timeouts, which are limited to 2 to 20 ticks. Default 2000. */
  tickTime?: number | undefined;
  /** The shortest session timeout allowed. Default 2 ticks. */
  minSessionTimeout?: number | undefined;
  /** The longest session timeout allowed. Default 20 ticks. */
  maxSessionTimeout?: number | undefined;
  /** The release to imitate: a release line such as `'3.8'`, or one release. Default `'3.9'`. */
  version?: string | undefined;
  /** The clock for session expiry, TTL and containers. Default: the machine's clock. */
  clock?: Clock | undefined;
  /** `super:<base64 of SHA-1>`: a digest credential with this id may do everything. */
  superDigest?: string | undefined;
  /** Whether nodes may have a time to live. Default true here, unlike a real server. */
  extendedTypesEnabled?: boolean | undefined;
  /** Whether hard quotas are enforced. Default false. */
  enforceQuota?: boolean | undefined;
  /** The interval for checking containers and nodes with a TTL. Default 60 000. */
  containerCheckIntervalMs?: number | undefined;
  /** The time after which a container that never had a child is deleted; 0 for never. Default: as in the release. */
  containerMaxNeverUsedIntervalMs?: number | undefined;
  /** Connections allowed from one address; 0 (default here) for any number. */
  maxClientCnxns?: number | undefined;
  /** Four-letter words to answer, comma-separated. Default `'*'` here, unlike a real server. */
  whitelist?: string | undefined;
  /** Users and passwords for SASL DIGEST-MD5, as in a JAAS file. */
  jaasUsers?: Readonly<Record<string, string>> | undefined;
  /** Whether connections must authenticate by SASL. Default false. */
  sessionRequireClientSASLAuth?: boolean | undefined;
  /** Whether DIGEST-MD5 is refused, as a real server in FIPS mode does. Default false. */
  fipsMode?: boolean | undefined;
  /** Whether the server starts read-only, like a partitioned member of an ensemble. Default false. */
  readOnly?: boolean | undefined;
  /** Whether `reconfig` is allowed: it then fails with Unimplemented, as on any standalone server, otherwise with ReconfigDisabled. Default false. */
  reconfigEnabled?: boolean | undefined;
  /** Largest request, bytes. Default 1 048 575. */
  juteMaxbuffer?: number | undefined;
  /** Use TLS, with these options for `tls.createServer`. */
  tls?: TlsOptions | undefined;
}

/** The options with every default filled in. */
export type ServerOptions = {
  [K in Exclude<keyof EmbeddedZooKeeperOptions, Bare>]-?: NonNullable<EmbeddedZooKeeperOptions[K]>;
} & Pick<EmbeddedZooKeeperOptions, Bare>;

/** Options without a default. */
type Bare = 'superDigest' | 'jaasUsers' | 'tls';

const EXPECTED = {
  port: ['a port number from 0 to 65535', (value) => isWhole(value, 0) && Number(value) <= 65_535],
  host: text,
  tickTime: milliseconds,
  minSessionTimeout: milliseconds,
  maxSessionTimeout: milliseconds,
  version: text,
  clock,
  superDigest: text,
  extendedTypesEnabled: boolean,
  enforceQuota: boolean,
  containerCheckIntervalMs: milliseconds,
  containerMaxNeverUsedIntervalMs: count,
  maxClientCnxns: count,
  whitelist: ['a string', (value) => typeof value === 'string'],
  jaasUsers: [
    'an object of passwords by user',
    (value) => isObject(value) && Object.values(value).every((entry) => typeof entry === 'string'),
  ],
  sessionRequireClientSASLAuth: boolean,
  fipsMode: boolean,
  readOnly: boolean,
  reconfigEnabled: boolean,
  juteMaxbuffer: ['a whole number of bytes above 0', (value) => isWhole(value, 1)],
  tls: ['an object of TLS options', isObject],
} as const satisfies Record<keyof EmbeddedZooKeeperOptions, Expectation>;

/** @throws ConfigurationError naming an option that is unknown or has the wrong type */
export function resolveServerOptions(options: EmbeddedZooKeeperOptions = {}): ServerOptions {
  expectOptions('EmbeddedZooKeeper', options, EXPECTED);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<ServerOptions>;
  const tickTime = given.tickTime ?? 2000;
  const { features } = serverVersion(given.version ?? '3.9');
  const resolved = {
    port: 0,
    host: '127.0.0.1',
    tickTime,
    minSessionTimeout: Math.min(2 * tickTime, LONGEST),
    maxSessionTimeout: Math.min(20 * tickTime, LONGEST),
    version: '3.9',
    clock: systemClock,
    extendedTypesEnabled: true,
    enforceQuota: false,
    containerCheckIntervalMs: 60_000,
    containerMaxNeverUsedIntervalMs: features.neverUsedContainersGo ? 300_000 : 0,
    maxClientCnxns: 0,
    whitelist: '*',
    sessionRequireClientSASLAuth: false,
    fipsMode: false,
    readOnly: false,
    reconfigEnabled: false,
    juteMaxbuffer: 0xf_ffff,
    ...given,
  };
  if (resolved.minSessionTimeout <= resolved.maxSessionTimeout) return resolved;
  throw new ConfigurationError(
    `minSessionTimeout ${resolved.minSessionTimeout} is above maxSessionTimeout ${resolved.maxSessionTimeout}`,
  );
}
