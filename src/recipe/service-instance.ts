import { requireOptions } from '../base/arguments.ts';
import { describeValue } from '../base/paths.ts';

/** DYNAMIC: removed with the session that registered it; DYNAMIC_SEQUENTIAL: likewise, with a node numbered by the server. STATIC, PERMANENT: stays until unregistered. */
export type ServiceType = 'DYNAMIC' | 'DYNAMIC_SEQUENTIAL' | 'STATIC' | 'PERMANENT';

/** A part of a URI template: text, or the name of a variable. */
export interface UriPart {
  readonly value: string;
  readonly variable: boolean;
}

/** One instance of a service, as Curator stores it. */
export interface ServiceInstance {
  readonly name: string;
  /** Unique within the service. */
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly sslPort: number | null;
  /** Any JSON. Curator marks objects with their class, under `@class`, and writes anything else but text, numbers and booleans as `[class, value]`: both are kept. */
  readonly payload: unknown;
  /** Milliseconds since the epoch. */
  readonly registrationTimeUTC: number;
  readonly serviceType: ServiceType;
  /** The URI template; see {@link serviceUri}. */
  readonly uriSpec: { readonly parts: readonly UriPart[] } | null;
  /** Whether a {@link ServiceProvider} may choose it. */
  readonly enabled: boolean;
}

/** Options of {@link makeServiceInstance}. */
export interface ServiceInstanceOptions {
  name: string;
  /** Default: a random uuid. */
  id?: string | undefined;
  address?: string | undefined;
  port?: number | undefined;
  sslPort?: number | undefined;
  /** Any JSON. Default null. */
  payload?: unknown;
  /** Default DYNAMIC. */
  serviceType?: ServiceType | undefined;
  /** A template such as `{scheme}://{address}:{port}`. */
  uriSpec?: string | undefined;
  /** Default true. */
  enabled?: boolean | undefined;
}

/**
 * Creates an instance to register.
 *
 * @param now milliseconds since the epoch
 * @throws TypeError for a name or id that is not a valid node name, an unknown type, and anything Curator could not read
 */
export function makeServiceInstance(options: ServiceInstanceOptions, now = Date.now()): ServiceInstance {
  const given = requireOptions<ServiceInstanceOptions>(options, OPTIONS);
  const { uriSpec } = given;
  const instance: ServiceInstance = {
    name: given.name,
    id: given.id ?? crypto.randomUUID(),
    address: given.address ?? null,
    port: given.port ?? null,
    sslPort: given.sslPort ?? null,
    payload: given.payload ?? null,
    registrationTimeUTC: now,
    serviceType: given.serviceType ?? 'DYNAMIC',
    uriSpec: uriSpec === undefined ? null : { parts: parseUriTemplate(uriSpec) },
    enabled: given.enabled ?? true,
  };
  requireInstance(instance);
  return instance;
}

/**
 * The bytes that Curator writes, with its order of fields. `enabled` is omitted if true, as in its compatible mode: older readers do not know it.
 *
 * @throws TypeError for anything Curator could not read: one such instance would make its queries fail for all
 */
export function serializeServiceInstance(instance: ServiceInstance): Buffer {
  requireInstance(instance);
  const { name, id, address, port, sslPort, payload, registrationTimeUTC, serviceType, uriSpec, enabled } = instance;
  const flag = enabled ? {} : { enabled };
  const fields = { name, id, address, port, sslPort, payload, registrationTimeUTC, serviceType, uriSpec, ...flag };
  return Buffer.from(JSON.stringify(fields).replace(ESCAPED, (text, code?: string) => jacksonEscape(text, code)));
}

/** Parses what Curator or this package wrote. Unknown fields are ignored, missing ones are null; `enabled` is true unless false. @throws SyntaxError, TypeError for anything else */
export function parseServiceInstance(data: Buffer | null): ServiceInstance {
  const given: unknown = JSON.parse(data?.toString() ?? '');
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`a service instance must be a JSON object, not ${describeValue(given)}`);
  const read = given as Partial<ServiceInstance>;
  const instance: ServiceInstance = {
    name: read.name!,
    id: read.id!,
    address: read.address ?? null,
    port: read.port ?? null,
    sslPort: read.sslPort ?? null,
    payload: read.payload ?? null,
    registrationTimeUTC: read.registrationTimeUTC ?? 0,
    serviceType: read.serviceType ?? 'DYNAMIC',
    uriSpec: Array.isArray(read.uriSpec?.parts) ? { parts: read.uriSpec.parts } : null,
    enabled: read.enabled !== false,
  };
  // The payload is accepted as it is.
  requireInstance({ ...instance, payload: null });
  return instance;
}

/** The instance's URI, from its template; null if it has none. `variables` override the instance's own; unknown ones become empty, as in Curator. */
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
  const valueOf = (name: string): string => String((Object.hasOwn(values, name) ? values[name] : null) ?? '');
  return instance.uriSpec.parts.map(({ value, variable }) => (variable ? valueOf(value) : value)).join('');
}

const TYPES: readonly string[] = ['DYNAMIC', 'DYNAMIC_SEQUENTIAL', 'STATIC', 'PERMANENT'] satisfies ServiceType[];
const OPTIONS = ['name', 'id', 'address', 'port', 'sslPort', 'payload', 'serviceType', 'uriSpec', 'enabled'] as const;

/** Where Jackson's escapes differ from JSON.stringify's: upper-case hexadecimal digits, and two escapes for code points beyond 16 bits. */
const ESCAPED = /\\(?:u([0-9a-f]{4})|.)|[\ud800-\udfff]/g;

function jacksonEscape(text: string, code = text.length === 1 ? text.charCodeAt(0).toString(16) : undefined): string {
  return code === undefined ? text : `\\u${code.toUpperCase()}`;
}

/** As in Curator's UriSpec. */
function parseUriTemplate(template: string): UriPart[] {
  const parts: UriPart[] = [];
  let variable = false;
  for (const token of template.split(/([{}])/)) {
    if (token === '{' || token === '}') {
      if (variable === (token === '{'))
        throw new TypeError(`unbalanced "${token}" in the URI template ${describeValue(template)}`);
      variable = !variable;
    } else if (token !== '') parts.push({ value: variable ? token.trim() : token, variable });
  }
  if (variable) throw new TypeError(`a variable is not closed in the URI template ${describeValue(template)}`);
  return parts;
}

/** @throws TypeError for anything but a valid node name */
export function requireNodeName(what: string, value: unknown): void {
  if (!NAME[0](value)) throw new TypeError(`the ${what} of a service instance must be ${NAME[1]}, not ${describeValue(value)}`);
}

function requireInstance(instance: ServiceInstance): void {
  for (const [field, [isFit, expected]] of Object.entries(FIELDS)) {
    const value: unknown = instance[field as keyof ServiceInstance];
    if (!isFit(value)) throw new TypeError(`the ${field} of a service instance must be ${expected}, not ${describeValue(value)}`);
  }
}

type Check = readonly [isFit: (value: unknown) => boolean, expected: string];

const NAME: Check = [(value) => typeof value === 'string' && value !== '' && !value.includes('/'), 'the name of a node'];
const PORT: Check = [
  (value) => value === null || (Number.isInteger(value) && Math.abs(value as number) < 2 ** 31),
  'a whole number or null',
];

const FIELDS: Partial<Record<keyof ServiceInstance, Check>> = {
  name: NAME,
  id: NAME,
  address: [(value) => value === null || typeof value === 'string', 'a string or null'],
  port: PORT,
  sslPort: PORT,
  payload: [
    (value) => !Array.isArray(value) || (value.length === 2 && typeof value[0] === 'string'),
    'a list only as Java writes it: ["java.util.ArrayList", […]]',
  ],
  registrationTimeUTC: [Number.isSafeInteger, 'milliseconds since the epoch'],
  serviceType: [(value) => TYPES.includes(value as string), `one of ${TYPES.join(', ')}`],
  enabled: [(value) => typeof value === 'boolean', 'a boolean'],
};
