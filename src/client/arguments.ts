// The global `Buffer` is a getter, which costs a little on every access.
import { Buffer } from 'node:buffer';
import { requireBoolean, requireFunction } from '../base/arguments.ts';
import { ConfigurationError } from '../base/errors.ts';
import { describeValue } from '../base/paths.ts';
import type { ACL } from '../base/security.ts';
import type { WatchListener } from '../base/states.ts';
import type { ZnodeData } from './call-options.ts';

/** A node's data as bytes; empty if none is given. @throws TypeError */
export function checkData(value: ZnodeData | undefined): Buffer | null {
  return value === undefined ? EMPTY : checkGivenData(value);
}

/** Like {@link checkData}, but without a default: forgetting the value must not empty a node. @throws TypeError */
export function checkGivenData(value: ZnodeData): Buffer | null {
  if (value === null) return null;
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  // An empty Buffer may be detached (its memory transferred elsewhere); then the code below throws.
  if (Buffer.isBuffer(value) && value.length > 0) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`value must be a string, a Uint8Array or null, not ${describeValue(value)}`);
}

const EMPTY = Buffer.alloc(0);

/** A version as the wire format takes it. @throws TypeError for anything but a whole number; RangeError beyond 32 bits */
export function checkVersion(version: number | undefined, name = 'version'): number {
  if (version === undefined) return -1;
  if (typeof version !== 'number' || !Number.isInteger(version))
    throw new TypeError(`${name} must be a whole number, not ${describeValue(version)}`);
  if (version < -(2 ** 31) || version >= 2 ** 31) throw new RangeError(`${name} must fit in 32 bits, ${version} does not`);
  return version;
}

/** @throws TypeError unless it is an array of ACL */
export function checkAcls(acls: readonly ACL[]): readonly ACL[] {
  const isArray: boolean = Array.isArray(acls);
  if (!isArray) throw new TypeError(`acl must be an array of ACL, not ${describeValue(acls)}`);
  for (const acl of acls as readonly (Partial<ACL> | null)[]) {
    const { perms, id } = acl ?? {};
    if (typeof perms !== 'number' || !Number.isInteger(perms) || typeof id?.scheme !== 'string' || typeof id.id !== 'string') {
      throw new TypeError(`acl must contain ACL objects only, not ${describeValue(acl)}`);
    }
    checkVersion(perms, 'perms');
  }
  return acls;
}

/** @throws TypeError unless every flag given is a boolean */
export function checkFlags<K extends string>(options: { readonly [P in K]?: unknown }, names: readonly K[]): void {
  for (const name in options) {
    if (!(names as readonly string[]).includes(name)) continue;
    const value = options[name as unknown as K];
    if (value !== undefined) requireBoolean(name, value as boolean);
  }
}

/** @throws TypeError unless it is a function or absent */
export function checkWatch(watch: WatchListener | undefined): WatchListener | undefined {
  if (watch !== undefined) requireFunction('watch', watch);
  return watch;
}

/** A server refuses a credential with the scheme "sasl", and ends the session. @throws ConfigurationError */
export function refuseSasl(scheme: string): void {
  if (scheme === 'sasl') throw new ConfigurationError('the scheme of a credential cannot be "sasl": use the option "sasl"');
}
