import { OPEN_ACL_UNSAFE, Permissions } from '../base/security.ts';
import type { WireAcl } from '../codec/records.ts';
import { isInNetwork, parseNetwork } from './ip-address.ts';
import { Code, refusal } from './refusal.ts';

/** A node's ACL: never empty, except for nodes that everybody may access. */
export type AclList = readonly WireAcl[];

/** An identity of a connection, in one scheme. */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

/** The schemes that an ACL may use besides `world`, `auth`, `ip` and `digest`. */
export interface AclSchemes {
  readonly sasl: boolean;
  readonly ipv6: boolean;
}

/** The open ACL, shared by all nodes that have it: most of them. */
export const OPEN: AclList = OPEN_ACL_UNSAFE;

/** Whether one of these identities has one of the wanted permissions. */
export function permits(acl: AclList, wanted: number, identities: readonly Identity[]): boolean {
  if (acl === OPEN || acl.length === 0 || isSuper(identities)) return true;
  return acl.some(({ perms, id }) => (perms & wanted) !== 0 && includes(id.scheme ?? '', id.id ?? '', identities));
}

/** @throws Refusal with NoAuth */
export function demand(acl: AclList, wanted: number, identities: readonly Identity[]): void {
  if (!permits(acl, wanted, identities)) throw refusal(Code.NO_AUTH);
}

/**
 * The ACL to store for a requested one: without duplicates, and with `auth` replaced by the connection's identities.
 *
 * @throws Refusal with InvalidACL; with MarshallingError for a null id, as on a real server
 */
export function fixUpAcl(asked: readonly WireAcl[] | null, identities: readonly Identity[], schemes: AclSchemes): AclList {
  if (asked === null || asked.length === 0) throw refusal(Code.INVALID_ACL);
  if (asked.length === 1 && isOpen(asked[0]!)) return OPEN;
  return withoutDuplicates(asked).flatMap((entry) => expand(entry, identities, schemes));
}

/** The ACL as shown to clients that may read but not administer: digests without their hash. */
export function withoutHashes(acl: AclList): AclList {
  return acl.map((entry) => {
    const { scheme, id } = entry.id;
    return scheme === 'digest' ? { perms: entry.perms, id: { scheme, id: `${id?.split(':', 1)[0]}:x` } } : entry;
  });
}

function isSuper(identities: readonly Identity[]): boolean {
  for (const { scheme } of identities) if (scheme === 'super') return true;
  return false;
}

function includes(scheme: string, id: string, identities: readonly Identity[]): boolean {
  if (scheme === 'world' && id === 'anyone') return true;
  return identities.some((identity) => identity.scheme === scheme && matches(scheme, identity.id, id));
}

function matches(scheme: string, own: string, id: string): boolean {
  if (scheme === 'ip') return isInNetwork(own, id);
  return own === id || (scheme === 'sasl' && own === 'super');
}

function isOpen({ perms, id }: WireAcl): boolean {
  return perms === Permissions.ALL && id.scheme === 'world' && id.id === 'anyone';
}

function withoutDuplicates(acl: AclList): AclList {
  const seen = new Set<string>();
  return acl.filter(({ perms, id }) => {
    const key = JSON.stringify([perms, id.scheme, id.id]);
    return !seen.has(key) && seen.add(key);
  });
}

function expand(entry: WireAcl, identities: readonly Identity[], schemes: AclSchemes): AclList {
  const { scheme, id } = entry.id;
  if (scheme === null) throw refusal(Code.INVALID_ACL);
  if (scheme === 'auth') return asAuthenticated(entry.perms, identities);
  const isValid = Object.hasOwn(VALIDATORS, scheme) ? VALIDATORS[scheme] : undefined;
  if (isValid === undefined) throw refusal(Code.INVALID_ACL);
  // Java would dereference null here, and answer as for an unexpected exception.
  if (id === null) throw refusal(Code.MARSHALLING);
  if (!isValid(id, schemes)) throw refusal(Code.INVALID_ACL);
  return [entry];
}

const AUTHENTICATED: ReadonlySet<string> = new Set(['digest', 'sasl', 'x509']);

function asAuthenticated(perms: number, identities: readonly Identity[]): AclList {
  const expanded = identities.filter(({ scheme }) => AUTHENTICATED.has(scheme)).map((id) => ({ perms, id }));
  if (expanded.length === 0) throw refusal(Code.INVALID_ACL);
  return expanded;
}

const VALIDATORS: Readonly<Partial<Record<string, (id: string, schemes: AclSchemes) => boolean>>> = {
  world: (id) => id === 'anyone',
  digest: (id) => /^[^:]*:[^:]+:*$/.test(id),
  // A real server accepts IPv6 only without a zone, and without IPv4 at the end.
  ip: (id, { ipv6 }) => parseNetwork(id, ipv6) !== null && !/:.*[.%]/.test(id),
  sasl: (id, { sasl }) => sasl && (!id.includes('@') || /^[^/@]*(\/[^/@]*)?@[^/@]*$/.test(id)),
};
