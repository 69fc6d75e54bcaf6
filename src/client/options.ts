import type { ConnectionOptions } from 'node:tls';
import { type Clock, systemClock } from '../base/clock.ts';
import { ConfigurationError } from '../base/errors.ts';
import {
  boolean,
  callable,
  clock,
  expectOptions,
  expectValue,
  hasFunctions,
  isObject,
  isWhole,
  LONGEST,
  type Expectation,
} from '../base/expectations.ts';
import { debugLogger, guardedLogger, type Logger } from '../base/logger.ts';
import { describeValue } from '../base/paths.ts';
import type { KazooRetryOptions, RetryPolicy } from '../base/retry.ts';
import type { ACL } from '../base/security.ts';
import { resolveHost } from '../connection/dial.ts';
import { EventLoopHandler, type Handler } from '../connection/handler.ts';
import type { SaslOptions } from '../connection/sasl.ts';
import type { Resolver } from '../session/cycle.ts';
import { checkAcls, refuseSasl } from './arguments.ts';
import type { ClientId } from './recipe-client.ts';

/** Options of a client. All durations are milliseconds. */
export interface KazooClientOptions {
  /** Servers and chroot: `h1:2181,[::1]:2181/chroot`, or a list. Default `127.0.0.1:2181`. */
  hosts?: string | string[] | undefined;
  /** The session timeout to request; the server decides. Default 10 000. */
  timeout?: number | undefined;
  /** Resume this session. Two clients using the same session at once keep taking it from each other. */
  clientId?: ClientId | undefined;
  /** Where the connection lives and callbacks run. Default: a new EventLoopHandler. */
  handler?: Handler | undefined;
  /** The ACL of nodes created without one; null (default) means open to all. */
  defaultAcl?: ACL[] | null | undefined;
  /** Presented on every connection, in this order. */
  authData?: Iterable<readonly [scheme: string, credential: string | Uint8Array]> | undefined;
  /** SASL authentication, before anything else on every connection. Default: none. */
  sasl?: SaslOptions | undefined;
  /** Accept a server that is cut off from the ensemble and serves only reads. Such a server accepts a new session only if `localSessionsEnabled` is set (3.9), or always (3.6). Default false. */
  readOnly?: boolean | undefined;
  /** Try the servers in random order. Default true. */
  randomizeHosts?: boolean | undefined;
  /** When to retry connecting. Default: for ever, from 100 ms doubling to at most 10 s and a fifth of the session timeout, with jitter. */
  connectionRetry?: RetryPolicy | KazooRetryOptions | undefined;
  /** The policy of `client.retry`; queues, counters and others use it in calls without a `timeout` or `signal`. Default: for ever, from 100 ms doubling to 10 s, with jitter. */
  commandRetry?: RetryPolicy | KazooRetryOptions | undefined;
  /** Never receives credentials or data. Default: the `debug` package, `DEBUG=kazoo:*`. */
  logger?: Logger | undefined;
  /** Use TLS; the TLS options below need it. Default false. */
  useSsl?: boolean | undefined;
  /** The certificates to trust: PEM path or text, like `certfile` and `keyfile`; files are read again for every connection. Default: Node's. */
  ca?: string | Uint8Array | undefined;
  /** This client's certificate, and its key unless `keyfile` is given. */
  certfile?: string | Uint8Array | undefined;
  /** The key of `certfile`. */
  keyfile?: string | Uint8Array | undefined;
  /** The password of an encrypted key. */
  keyfilePassword?: string | undefined;
  /** Refuse a server whose certificate is not trusted. Default true. */
  verifyCerts?: boolean | undefined;
  /** Refuse a server whose certificate is for another host name. Default true, unless `verifyCerts` is false. */
  checkHostname?: boolean | undefined;
  /** Merged last into the options for `tls.connect`. */
  tls?: ConnectionOptions | undefined;
  /** Maximum number of unanswered requests; the rest wait their turn. Default: no limit. */
  maxInFlight?: number | undefined;
  /** Largest request, bytes; the server's `jute.maxbuffer` must allow it. Default 1 048 575. */
  maxRequestBytes?: number | undefined;
  /** Largest reply, bytes. Default 64 MiB. */
  maxResponseBytes?: number | undefined;
  /** The source of time; for tests. */
  clock?: Clock | undefined;
  /** Looks up a host's addresses before each dial. Default: the system's resolver. */
  resolver?: Resolver | undefined;
  /** The first request's number (xid), from 1; for tests of its wraparound. */
  firstXid?: number | undefined;
}

/** The options with every default in place. */
export type ResolvedOptions = KazooClientOptions & {
  hosts: string | string[];
  timeout: number;
  handler: Handler;
  defaultAcl: ACL[] | null;
  readOnly: boolean;
  randomizeHosts: boolean;
  logger: Logger;
  useSsl: boolean;
  verifyCerts: boolean;
  checkHostname: boolean;
  maxInFlight: number;
  maxRequestBytes: number;
  maxResponseBytes: number;
  clock: Clock;
  resolver: Resolver;
};

/** @throws ConfigurationError naming the option, its value and what is expected */
export function resolveOptions(given: string | KazooClientOptions = {}): ResolvedOptions {
  const options: KazooClientOptions = typeof given === 'string' ? { hosts: given } : given;
  if (!isObject(options)) throw new ConfigurationError(`options must be a string or an object, not ${describeValue(options)}`);
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name as keyof KazooClientOptions] : undefined;
    if (rule === undefined)
      throw new ConfigurationError(`unknown option "${name}"; expected one of ${Object.keys(RULES).join(', ')}`);
    expectValue(name, value, rule);
  }
  const set: KazooClientOptions = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  // An iterator can be read once.
  if (set.authData !== undefined) set.authData = [...set.authData];
  if (set.logger !== undefined) set.logger = guardedLogger(set.logger);
  checkMixes(set);
  return { ...defaults(), ...set } as ResolvedOptions;
}

function defaults(): Partial<ResolvedOptions> {
  return {
    hosts: '127.0.0.1:2181',
    timeout: 10_000,
    handler: new EventLoopHandler(),
    defaultAcl: null,
    readOnly: false,
    randomizeHosts: true,
    logger: debugLogger('client'),
    useSsl: false,
    verifyCerts: true,
    checkHostname: true,
    maxInFlight: Infinity,
    maxRequestBytes: 1_048_575,
    maxResponseBytes: 64 * 1024 * 1024,
    clock: systemClock,
    resolver: resolveHost,
  };
}

const secret: Expectation = ['a string', (value) => typeof value === 'string', true];
const object: Expectation = ['an object', isObject];
const pem: Expectation = [
  'a PEM path, PEM text or bytes',
  (value) => (typeof value === 'string' && value !== '') || value instanceof Uint8Array,
  true,
];
const bytes: Expectation = ['a whole number of bytes, at least 64', (value) => isWhole(value, 64)];

const RULES = {
  hosts: ['a string or an array of strings', (value) => typeof value === 'string' || Array.isArray(value)],
  timeout: [
    'a session timeout in milliseconds, from 100 to 2147483647 (a smaller number looks like seconds)',
    (value) => typeof value === 'number' && value >= 100 && value <= LONGEST,
  ],
  clientId: [
    '{ sessionId: bigint of 64 bits, password: Buffer }',
    (value) => isObject(value) && isId(value['sessionId']) && value['password'] instanceof Uint8Array,
    true,
  ],
  handler: ['a Handler, made with new', (value) => hasFunctions(value, 'dial', 'dispatch', 'start', 'stop')],
  defaultAcl: ['an array of ACL, or null', (value) => value === null || isAclList(value)],
  authData: ['pairs of scheme and credential', (value) => Object(value) === value && Symbol.iterator in (value as object), true],
  sasl: ['{ mechanism, ... }', (value) => isObject(value) && typeof value['mechanism'] === 'string', true],
  readOnly: boolean,
  randomizeHosts: boolean,
  connectionRetry: object,
  commandRetry: object,
  logger: ['an object with debug, info, warn and error', (value) => hasFunctions(value, 'debug', 'info', 'warn', 'error')],
  useSsl: boolean,
  ca: pem,
  certfile: pem,
  keyfile: pem,
  keyfilePassword: secret,
  verifyCerts: boolean,
  checkHostname: boolean,
  tls: ['an object', isObject, true],
  maxInFlight: ['a whole number from 1, or Infinity', (value) => value === Infinity || isWhole(value, 1)],
  maxRequestBytes: bytes,
  maxResponseBytes: bytes,
  clock,
  resolver: callable,
  firstXid: ['a whole number from 1 to 2147483647', (value) => isWhole(value, 1) && Number(value) <= LONGEST],
} as const satisfies Record<keyof KazooClientOptions, Expectation>;

function checkMixes(options: KazooClientOptions): void {
  const { useSsl, verifyCerts, checkHostname, keyfile, certfile, sasl } = options;
  const tlsOnly = (['ca', 'certfile', 'keyfile', 'keyfilePassword', 'tls'] as const).find((name) => options[name] !== undefined);
  if (useSsl !== true && tlsOnly !== undefined) throw new ConfigurationError(`option "${tlsOnly}" needs useSsl: true`);
  if (verifyCerts === false && checkHostname === true)
    throw new ConfigurationError(
      'checkHostname: true needs verifyCerts: true: a name in an unverified certificate proves nothing',
    );
  if (keyfile !== undefined && certfile === undefined) throw new ConfigurationError('option "keyfile" needs "certfile"');
  if (sasl !== undefined) checkSasl(sasl);
  for (const pair of options.authData ?? []) {
    if (
      !Array.isArray(pair) ||
      pair.length !== 2 ||
      typeof pair[0] !== 'string' ||
      pair[0] === '' ||
      !(typeof pair[1] === 'string' || (pair[1] as unknown) instanceof Uint8Array)
    ) {
      throw new ConfigurationError(
        'option "authData" must contain pairs of a scheme and a credential: [["digest", "user:password"]]',
      );
    }
    refuseSasl(pair[0]);
  }
}

function checkSasl(sasl: SaslOptions): void {
  if ('create' in sasl) {
    if (typeof sasl.create !== 'function') throw new ConfigurationError('a custom SASL mechanism needs a function "create"');
    return;
  }
  const { mechanism } = sasl;
  if (!Object.hasOwn(SASL_RULES, mechanism))
    throw new ConfigurationError(
      `SASL mechanism ${describeValue(mechanism)} is not built in; expected DIGEST-MD5, GSSAPI or an object with a function "create"`,
    );
  expectOptions(`SASL ${mechanism}`, sasl, SASL_RULES[mechanism]);
  if (mechanism === 'DIGEST-MD5' && (sasl.username === undefined || sasl.password === undefined))
    throw new ConfigurationError('SASL DIGEST-MD5 needs username and password, both strings');
}

const SASL_RULES = {
  'DIGEST-MD5': { mechanism: secret, username: secret, password: secret, service: secret },
  GSSAPI: { mechanism: secret, service: secret, principal: secret },
} as const;

/** Signed or unsigned: servers print ids unsigned. */
function isId(value: unknown): boolean {
  return typeof value === 'bigint' && [BigInt.asIntN(64, value), BigInt.asUintN(64, value)].includes(value);
}

function isAclList(value: unknown): boolean {
  try {
    checkAcls(value as ACL[]);
    return true;
  } catch {
    return false;
  }
}
