import { describeValue } from '../base/paths.ts';
import { requireOptions } from './arguments.ts';

/** DYNAMIC: gone with the session that registered it. STATIC, PERMANENT: stays until unregistered. */
export type ServiceType = 'DYNAMIC' | 'STATIC' | 'PERMANENT';

/** A piece of a uri template: text, or the name of a variable. */
export interface UriPart {
  readonly value: string;
  readonly variable: boolean;
}

/** One provider of a service, as Curator writes it down. */
export interface ServiceInstance {
  readonly name: string;
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly sslPort: number | null;
  /** Any JSON. Curator marks objects with their class, under `@class`: it is kept. */
  readonly payload: unknown;
  /** Milliseconds since the epoch. */
  readonly registrationTimeUTC: number;
  readonly serviceType: ServiceType | 'DYNAMIC_SEQUENTIAL';
  readonly uriSpec: { readonly parts: readonly UriPart[] } | null;
  readonly enabled: boolean;
}

export interface ServiceInstanceOptions {
  name: string;
  /** Default: a random uuid. */
  id?: string | undefined;
  address?: string | undefined;
  port?: number | undefined;
  sslPort?: number | undefined;
  payload?: unknown;
  /** Default DYNAMIC. */
  serviceType?: ServiceType | undefined;
  /** A template such as `{scheme}://{address}:{port}`. */
  uriSpec?: string | undefined;
  /** Default true. */
  enabled?: boolean | undefined;
}

/**
 * A new instance, to be registered.
 *
 * @param now milliseconds since the epoch
 * @throws TypeError for a name or id that cannot be a node's, and for an unknown type
 */
export function makeServiceInstance(options: ServiceInstanceOptions, now = Date.now()): ServiceInstance {
  const {
    name,
    id = crypto.randomUUID(),
    address = null,
    port = null,
    sslPort = null,
    payload = null,
    serviceType = 'DYNAMIC',
    uriSpec,
    enabled = true,
  } = requireOptions(options) as ServiceInstanceOptions;
  requireName('name', name);
  requireName('id', id);
  if (!TYPES.includes(serviceType))
    throw new TypeError(`serviceType must be one of ${TYPES.join(', ')}, not ${describeValue(serviceType)}`);
  return {
    name,
    id,
    address,
    port,
    sslPort,
    payload,
    registrationTimeUTC: now,
    serviceType,
    uriSpec: uriSpec === undefined ? null : { parts: parseUriTemplate(uriSpec) },
    enabled,
  };
}

/** The bytes that Curator writes, field by field in its order. `enabled` is left out while true, as in its compatible mode: older readers do not know it. */
export function serializeServiceInstance(instance: ServiceInstance): Buffer {
  const { name, id, address, port, sslPort, payload, registrationTimeUTC, serviceType, uriSpec, enabled } = instance;
  return Buffer.from(
    JSON.stringify({
      name,
      id,
      address,
      port,
      sslPort,
      payload,
      registrationTimeUTC,
      serviceType,
      uriSpec,
      ...(enabled ? {} : { enabled }),
    }),
  );
}

/** What Curator, or we, wrote. Unknown fields are ignored, missing ones are null; `enabled` is true unless false. @throws SyntaxError, TypeError for anything else */
export function parseServiceInstance(data: Buffer | null): ServiceInstance {
  const given: unknown = JSON.parse(data?.toString() ?? '');
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`a service instance must be a JSON object, not ${describeValue(given)}`);
  const read = given as Partial<ServiceInstance>;
  requireName('name', read.name);
  requireName('id', read.id);
  return {
    name: read.name!,
    id: read.id!,
    address: read.address ?? null,
    port: read.port ?? null,
    sslPort: read.sslPort ?? null,
    payload: read.payload ?? null,
    registrationTimeUTC: read.registrationTimeUTC ?? 0,
    serviceType: read.serviceType ?? 'DYNAMIC',
    uriSpec: read.uriSpec ?? null,
    enabled: read.enabled !== false,
  };
}

/** The instance's uri, from its template; null if it has none. `variables` override the instance's own; unknown ones vanish, as in Curator. */
export function serviceUri(instance: ServiceInstance, variables: Readonly<Record<string, string>> = {}): string | null {
  if (instance.uriSpec === null) return null;
  const values: Readonly<Record<string, string | number | null>> = {
    scheme: instance.sslPort === null ? 'http' : 'https',
    name: instance.name,
    id: instance.id,
    address: instance.address,
    port: instance.port,
    'ssl-port': instance.sslPort,
    'registration-time-utc': instance.registrationTimeUTC,
    'service-type': instance.serviceType.toLowerCase(),
    '[': '{',
    ']': '}',
    ...variables,
  };
  return instance.uriSpec.parts.map(({ value, variable }) => (variable ? String(values[value] ?? '') : value)).join('');
}

const TYPES: readonly ServiceType[] = ['DYNAMIC', 'STATIC', 'PERMANENT'];

function parseUriTemplate(template: string): UriPart[] {
  return template
    .split(/(\{[^{}]*\})/)
    .filter((part) => part !== '')
    .map((part) =>
      part.startsWith('{') && part.endsWith('}')
        ? { value: part.slice(1, -1), variable: true }
        : { value: part, variable: false },
    );
}

function requireName(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '' || value.includes('/'))
    throw new TypeError(`the ${what} of a service instance must be the name of a node, not ${describeValue(value)}`);
}
