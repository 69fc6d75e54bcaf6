import { describe, expect, test } from 'vitest';
import * as security from '../../src/base/security.ts';

const { ACL, Id, makeAcl, makeDigestAcl, makeDigestAclCredential } = security;

describe('digest credentials', () => {
  test.each([
    ['super', 'test', 'super:D/InIHSb7yEEbrWz8b9l71RjZJU='],
    ['user', 'pass', 'user:smGaoVKd/cQkjm7b88GyorAUz20='],
    ['user', 'password', 'user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY='],
    ['bob', '', 'bob:tK1fpNO1hB0F++FhHpSq0Fa4tv0='],
  ])('of %s and %j', (user, password, wanted) => expect(makeDigestAclCredential(user, password)).toBe(wanted));

  test('take any characters, as UTF-8', () => {
    expect(makeDigestAclCredential('žluť', 'heslo:s:dvojtečkou')).toMatch(/^žluť:[A-Za-z0-9+/]{27}=$/);
  });

  test.each([undefined, null, 5, {}])('are refused for %o', (wrong) => {
    expect(() => makeDigestAclCredential(wrong as string, 'x')).toThrow(/^user must be a string, not /);
    expect(() => makeDigestAclCredential('x', wrong as string)).toThrow(/^password must be a string, not /);
  });

  test('are refused for a user with a colon, whom no server could know', () => {
    for (const make of [
      () => makeDigestAclCredential('bob:hunter2', 'x'),
      () => makeDigestAcl('bob:hunter2', 'x', { all: true }),
    ])
      expect(make).toThrow(new RangeError('user must not contain a colon'));
  });

  test('are refused without a word of the password', () => {
    expect(() => makeDigestAclCredential('x', 4711 as unknown as string)).toThrow(/^password must be a string, not a number$/);
  });
});

describe('an ACL', () => {
  test.each([
    [{ read: true }, 1, ['READ']],
    [{ write: true }, 2, ['WRITE']],
    [{ create: true }, 4, ['CREATE']],
    [{ delete: true }, 8, ['DELETE']],
    [{ admin: true }, 16, ['ADMIN']],
    [{ read: true, admin: true, write: false }, 17, ['READ', 'ADMIN']],
    [{ all: true, read: false }, 31, ['ALL']],
    [{}, 0, []],
  ] as const)('of %o has the bits %i', (flags, perms, list) => {
    const acl = makeAcl('ip', '10.0.0.0/8', flags);
    expect(acl).toEqual(new ACL(perms, new Id('ip', '10.0.0.0/8')));
    expect(acl.aclList).toEqual(list);
  });

  test('of a digest user never holds the password', () => {
    const acl = makeDigestAcl('user', 'password', { all: true });
    expect(acl.id).toEqual({ scheme: 'digest', id: 'user:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=' });
    expect(JSON.stringify(acl)).not.toContain('password');
  });

  test.each([
    [1.5, TypeError],
    ['1', TypeError],
    [null, TypeError],
    [undefined, TypeError],
    [Number.NaN, TypeError],
    [-1, RangeError],
    [32, RangeError],
    [64, RangeError],
    [2 ** 31, RangeError],
  ])('is refused with the perms %o', (perms, kind) => {
    const make = (): unknown => new ACL(perms as number, security.ANYONE_ID_UNSAFE);
    expect(make).toThrow(kind);
    expect(make).toThrow(/^perms must be a whole number from 0 to 31, not /);
  });

  test.each([undefined, null, 'world:anyone', {}, { scheme: 'world' }, { scheme: 1, id: 'x' }])(
    'is refused with the id %o',
    (id) => {
      expect(() => new ACL(1, id as security.Id)).toThrow(/^id must be an Id, not /);
    },
  );

  test('is refused with permissions that do not exist or are no booleans', () => {
    expect(() => makeAcl('ip', 'x', { reed: true } as object)).toThrow(
      'unknown permission "reed"; expected read, write, create, delete, admin, all',
    );
    expect(() => makeAcl('ip', 'x', { read: 1 } as object)).toThrow('permission "read" must be a boolean, not 1');
    for (const perms of [null, [], new Map()])
      expect(() => makeAcl('ip', 'x', perms as unknown as object)).toThrow(/^perms must be an object such as /);
    expect(() => makeAcl(5 as unknown as string, 'x')).toThrow('scheme must be a string, not 5');
    expect(() => makeAcl('ip', null as unknown as string)).toThrow('id must be a string, not null');
  });

  test.each([
    ['OPEN_ACL_UNSAFE', 31, 'world', 'anyone'],
    ['CREATOR_ALL_ACL', 31, 'auth', ''],
    ['READ_ACL_UNSAFE', 1, 'world', 'anyone'],
  ] as const)('%s is as Kazoo has it', (name, perms, scheme, id) =>
    expect(security[name]).toEqual([new ACL(perms, new Id(scheme, id))]),
  );

  test.each(['OPEN_ACL_UNSAFE', 'CREATOR_ALL_ACL', 'READ_ACL_UNSAFE'] as const)('%s cannot be changed', (name) => {
    const [acl] = security[name];
    expect([security[name], acl, acl!.id].every(Object.isFrozen)).toBe(true);
  });
});
