import { expect, test } from 'vitest';
import { demand, fixUpAcl, OPEN, permits, withoutHashes } from '../../src/server/acl.ts';

const SCHEMES = { sasl: true, ipv6: true };
const entry = (scheme: string | null, id: string | null, perms = 31) => ({ perms, id: { scheme, id } });
const codeOf = (action: () => unknown): number => {
  try {
    action();
    return 0;
  } catch (error) {
    return (error as { code: number }).code;
  }
};

test('the open ACL is shared by all who ask for it', () => {
  expect(fixUpAcl([entry('world', 'anyone')], [], SCHEMES)).toBe(OPEN);
});

test.each([
  ['no list', null, -114],
  ['an empty list', [], -114],
  ['somebody of the world', [entry('world', 'x')], -114],
  ['an unknown scheme', [entry('foo', 'x')], -114],
  ['no scheme', [entry(null, 'x')], -114],
  ['a scheme with the name of a method', [entry('toString', 'x')], -114],
  ['a scheme with the name of a prototype', [entry('__proto__', 'x')], -114],
  ['a digest without a colon', [entry('digest', 'nocolon')], -114],
  ['a digest with two', [entry('digest', 'a:b:c')], -114],
  ['a digest without a hash', [entry('digest', 'a:')], -114],
  ['half an address', [entry('ip', '1.2.3')], -114],
  ['too many bits', [entry('ip', '1.2.3.4/33')], -114],
  ['too many masks', [entry('ip', '1.2.3.4/8/8')], -114],
  ['an IPv4 address in an IPv6 one', [entry('ip', '::ffff:1.2.3.4')], -114],
  ['an IPv6 address with a zone', [entry('ip', 'fe80::1%eth0')], -114],
  ['a malformed Kerberos name', [entry('sasl', 'a/b/c@d@e')], -114],
  ['nobody authenticated', [entry('auth', '')], -114],
  ['a null digest', [entry('digest', null)], -5],
  ['a null of the world', [entry('world', null)], -5],
])('%s is refused', (_, acl, code) => {
  expect(codeOf(() => fixUpAcl(acl, [{ scheme: 'ip', id: '127.0.0.1' }], SCHEMES))).toBe(code);
});

test('sasl and IPv6 need a server that knows them', () => {
  const none = { sasl: false, ipv6: false };
  expect(codeOf(() => fixUpAcl([entry('sasl', 'bob')], [], none))).toBe(-114);
  expect(codeOf(() => fixUpAcl([entry('ip', '::1')], [], none))).toBe(-114);
  expect(fixUpAcl([entry('sasl', 'bob'), entry('sasl', 'a/b@c'), entry('ip', 'fe80::/10')], [], SCHEMES)).toHaveLength(3);
});

test('duplicates go, order stays, and auth becomes who is authenticated', () => {
  const identities = [
    { scheme: 'ip', id: '127.0.0.1' },
    { scheme: 'digest', id: 'u:h' },
    { scheme: 'super', id: '' },
  ];
  expect(
    fixUpAcl([entry('world', 'anyone', 1), entry('auth', 'x', 30), entry('world', 'anyone', 1)], identities, SCHEMES),
  ).toEqual([entry('world', 'anyone', 1), entry('digest', 'u:h', 30)]);
});

test('a permission is one of those wanted, of one of the identities', () => {
  const acl = [entry('digest', 'u:h', 2), entry('ip', '10.0.0.0/8', 1)];
  expect(permits(acl, 2, [{ scheme: 'digest', id: 'u:h' }])).toBe(true);
  expect(permits(acl, 4, [{ scheme: 'digest', id: 'u:h' }])).toBe(false);
  expect(permits(acl, 1, [{ scheme: 'ip', id: '10.1.2.3' }])).toBe(true);
  expect(permits(acl, 4, [{ scheme: 'super', id: '' }])).toBe(true);
  expect(permits([entry('sasl', 'bob')], 1, [{ scheme: 'sasl', id: 'super' }])).toBe(true);
  expect(permits([], 1, [])).toBe(true);
  expect(codeOf(() => demand(acl, 1, []))).toBe(-102);
});

test('a digest is shown without its hash', () => {
  expect(withoutHashes([entry('digest', 'u:h'), entry('world', 'anyone')])).toEqual([
    entry('digest', 'u:x'),
    entry('world', 'anyone'),
  ]);
});
