import { isObject, isWhole } from './expectations.ts';
import { describeType, describeValue } from './paths.ts';

/** The bits of an ACL's `perms` (programmer's guide, "ACL Permissions"). */
export const Permissions = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

/** Whom an ACL applies to: a scheme (`world`, `auth`, `digest`, `ip`, `sasl`, `x509`) and an id in that scheme. */
export class Id {
  readonly scheme: string;
  readonly id: string;

  constructor(scheme: string, id: string) {
    requireString('scheme', scheme);
    requireString('id', id);
    this.scheme = scheme;
    this.id = id;
  }
}

/** Permissions for one id. */
export class ACL {
  /** Bits of {@link Permissions}. */
  readonly perms: number;
  /** Whom they apply to. */
  readonly id: Id;

  constructor(perms: number, id: Id) {
    if (!isWhole(perms, 0) || perms > Permissions.ALL) {
      const Kind = Number.isInteger(perms) ? RangeError : TypeError;
      throw new Kind(`perms must be a whole number from 0 to 31, not ${describeValue(perms)}`);
    }
    if (typeof id?.scheme !== 'string' || typeof id.id !== 'string')
      throw new TypeError(`id must be an Id, not ${describeValue(id)}`);
    this.perms = perms;
    this.id = id;
  }

  /** The names of the permissions: `['ALL']`, or those that are set. */
  get aclList(): string[] {
    if ((this.perms & Permissions.ALL) === Permissions.ALL) return ['ALL'];
    return (['READ', 'WRITE', 'CREATE', 'DELETE', 'ADMIN'] as const).filter((name) => (this.perms & Permissions[name]) !== 0);
  }
}

/** An ACL as stored on a server, with any bits. */
export function storedAcl(perms: number, id: Id): ACL {
  return Object.assign(Object.create(ACL.prototype) as ACL, { perms, id });
}

/** Everybody. */
export const ANYONE_ID_UNSAFE: Id = new Id('world', 'anyone');
/** Whoever is authenticated on the connection that sets the ACL. */
export const AUTH_IDS: Id = new Id('auth', '');
/** Everybody may do everything: the default. */
export const OPEN_ACL_UNSAFE: ACL[] = readyMade(Permissions.ALL, ANYONE_ID_UNSAFE);
/** The authenticated creator of the node may do everything. */
export const CREATOR_ALL_ACL: ACL[] = readyMade(Permissions.ALL, AUTH_IDS);
/** Everybody may read. */
export const READ_ACL_UNSAFE: ACL[] = readyMade(Permissions.READ, ANYONE_ID_UNSAFE);

/** Frozen, because it is shared. */
function readyMade(perms: number, id: Id): ACL[] {
  return Object.freeze([Object.freeze(new ACL(perms, Object.freeze(id)))]) as ACL[];
}

/** The permissions of an ACL. `all` overrides the rest. */
export interface PermissionFlags {
  /** Read its data, and the names of its children. */
  read?: boolean | undefined;
  /** Change its data. */
  write?: boolean | undefined;
  /** Create children. */
  create?: boolean | undefined;
  /** Delete children. */
  delete?: boolean | undefined;
  /** Change its ACL. */
  admin?: boolean | undefined;
  all?: boolean | undefined;
}

/** `user:base64(sha1(user:password))`: the id under which the server knows a digest user. */
export function makeDigestAclCredential(user: string, password: string): string {
  requireString('user', user);
  if (user.includes(':')) throw new RangeError('user must not contain a colon');
  requireString('password', password, describeType);
  // Loaded on first use: few programs need it.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `${user}:${createHash('sha1').update(`${user}:${password}`, 'utf8').digest('base64')}`;
}

/** An ACL of any scheme. */
export function makeAcl(scheme: string, credential: string, perms: PermissionFlags = {}): ACL {
  return new ACL(permsOf(perms), new Id(scheme, credential));
}

/** An ACL for a digest user, from the plain-text password (which is not kept). */
export function makeDigestAcl(user: string, password: string, perms: PermissionFlags = {}): ACL {
  return makeAcl('digest', makeDigestAclCredential(user, password), perms);
}

const FLAGS = {
  read: Permissions.READ,
  write: Permissions.WRITE,
  create: Permissions.CREATE,
  delete: Permissions.DELETE,
  admin: Permissions.ADMIN,
  all: Permissions.ALL,
} as const satisfies Record<keyof PermissionFlags, number>;

function permsOf(flags: PermissionFlags): number {
  if (!isObject(flags)) throw new TypeError(`perms must be an object such as { read: true }, not ${describeValue(flags)}`);
  let perms = 0;
  for (const [name, value] of Object.entries(flags)) {
    if (!Object.hasOwn(FLAGS, name))
      throw new TypeError(`unknown permission "${name}"; expected ${Object.keys(FLAGS).join(', ')}`);
    if (value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`permission "${name}" must be a boolean, not ${describeValue(value)}`);
    if (value === true) perms |= FLAGS[name as keyof typeof FLAGS];
  }
  return perms;
}

function requireString(name: string, value: unknown, describe = describeValue): void {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${describe(value)}`);
}
