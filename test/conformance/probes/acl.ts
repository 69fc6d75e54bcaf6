import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { digestId, op } from '../wire.ts';
import type { AclEntry, AclList, AclRead, RawConnection, Reply } from '../wire.ts';
import { SUPER, USERS } from './servers.ts';
import { probe, since } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const UP = 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=';
const CLOSED: AclList = [[31, 'digest', UP]];
const OPENED: AclList = [[31, 'world', 'anyone']];
const AUTH: AclList = [[31, 'auth', '']];
const world = (perms: number): AclList => [[perms, 'world', 'anyone']];

type Code = number | 'closed';
const codes = async (...replies: Promise<Reply>[]): Promise<Code[]> => (await Promise.all(replies)).map(({ err }) => err);
const aclOf = async (a: RawConnection, path: string): Promise<AclRead[] | undefined> => (await a.getACL(path)).acl;

/** A has the credential the closed node P asks for; B has none. */
async function closed(t: Trial, acl: AclList = CLOSED): Promise<{ a: RawConnection; b: RawConnection; p: string }> {
  const a = await t.connect();
  await a.auth('digest', 'u:p');
  expect((await a.create(t.p, { acl })).err).toBe(0);
  return { a, p: t.p, b: await t.connect() };
}

const BAD_ENTRIES: readonly AclEntry[] = [
  [31, 'foo', 'x'],
  [31, 'world', 'x'],
  [31, 'digest', 'nocolon'],
  [31, 'digest', 'a:b:c'],
  [31, 'digest', 'a:'],
  ...['1.2.3', '1.2.3.4/33', '127.0.0.1/-1', '/x', '/'].map((id): AclEntry => [31, 'ip', id]),
  [31, null, 'x'],
  [31, 'super', ''],
  [31, 'sasl', 'bob'],
  [31, 'x509', 'CN=x'],
];

/** The auth packet is answered, then the connection closed. */
async function authFails(t: Trial, scheme: string, data: string | null): Promise<void> {
  const a = await t.connect();
  const reply = await a.auth(scheme, data);
  expect([reply.err, reply.zxid, reply.extra]).toEqual([-115, 0n, undefined]);
  await a.ended();
}

export const acl: readonly Probe[] = [
  probe('A-01', 'entries no ACL may hold', async (t) => {
    const { a, p } = await t.start();
    for (const entry of BAD_ENTRIES) expect([entry, (await a.create(`${p}/a`, { acl: [entry] })).err]).toEqual([entry, -114]);
  }),
  probe('A-02', 'IPv6 addresses', async (t) => {
    const { a, p } = await t.start();
    const code = t.isAtLeast('3.9.4') ? 0 : -114;
    for (const [i, id] of ['::1', 'fe80::/10'].entries())
      expect((await a.create(`${p}/${i}`, { acl: [[31, 'ip', id]] })).err).toBe(code);
  }),
  probe('A-03', 'auth without any authentication', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -114, () => a.create(`${p}/a`, { acl: AUTH }));
  }),
  probe('A-04', 'one bad entry spoils the list', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -114, () =>
      a.create(`${p}/a`, {
        acl: [
          [31, 'world', 'anyone'],
          [31, 'foo', 'x'],
          [31, 'digest', UP],
        ],
      }),
    );
    expect((await a.exists(`${p}/a`)).err).toBe(-101);
  }),
  probe('A-05', 'a null id', async (t) => {
    const { a, p } = await t.start();
    for (const scheme of ['digest', 'ip', 'world'])
      expect((await a.create(`${p}/a`, { acl: [[31, scheme, null]] })).err).toBe(-5);
  }),
  probe('A-06', 'a null id with auth', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/a`, { acl: [[31, 'auth', null]] })).err).toBe(-114);
  }),
  probe('A-07', 'permissions are kept as they are', async (t) => {
    const { a, p } = await t.start();
    for (const perms of [64, -1]) {
      const acl: AclList = [
        [perms, 'digest', 'x:y'],
        [31, 'world', 'anyone'],
      ];
      expect((await a.create(`${p}/${perms}`, { acl })).err).toBe(0);
      expect(await aclOf(a, `${p}/${perms}`)).toEqual(acl);
    }
    const none: AclList = [
      [0, 'digest', 'x:y'],
      [31, 'world', 'anyone'],
    ];
    expect((await a.create(`${p}/0`, { acl: none })).err).toBe(0);
    expect(await aclOf(a, `${p}/0`)).toEqual(none);
  }),
  probe('A-08', 'the same entry twice is stored once', async (t) => {
    const { a, p } = await t.start({
      acl: [
        [31, 'world', 'anyone'],
        [31, 'world', 'anyone'],
      ],
    });
    expect(await aclOf(a, p)).toEqual(OPENED);
  }),
  probe('A-09', 'the order of entries is kept', async (t) => {
    const acl: AclList = [
      [1, 'ip', '1.2.3.4'],
      [31, 'world', 'anyone'],
      [2, 'digest', 'x:y'],
      [1, 'world', 'anyone'],
    ];
    const { a, p } = await t.start({ acl });
    expect(await aclOf(a, p)).toEqual(acl);
  }),
  probe('A-10', 'digest authentication', async (t) => {
    const a = await t.connect();
    const reply = await a.auth('digest', 'u:p');
    expect([reply.err, reply.zxid, reply.xid, reply.extra]).toEqual([0, 0n, -4, undefined]);
  }),
  probe('A-11', 'auth stands for the authenticated id', async (t) => {
    const a = await t.connect();
    await a.auth('digest', 'u:p');
    for (const [i, id] of ['', 'whatever'].entries()) {
      const path = `${t.p}-${i}`;
      expect((await a.create(path, { acl: [[21, 'auth', id]] })).err).toBe(0);
      expect(await aclOf(a, path)).toEqual([[21, 'digest', UP]]);
    }
  }),
  probe('A-12', 'auth with several ids', async (t) => {
    const a = await t.connect();
    t.silence(a);
    for (const credentials of ['u:p', 'v:q', 'u:p']) await a.auth('digest', credentials);
    await a.create(t.p, { acl: AUTH });
    const stored = (await aclOf(a, t.p))?.map(([, , id]) => id).sort();
    expect(stored).toEqual([UP, digestId('v:q')].sort());
    return stored;
  }),
  probe('A-13', 'the expansion stays in its place', async (t) => {
    const a = await t.connect();
    await a.auth('digest', 'u:p');
    await a.create(t.p, {
      acl: [
        [1, 'world', 'anyone'],
        [30, 'auth', ''],
      ],
    });
    expect(await aclOf(a, t.p)).toEqual([
      [1, 'world', 'anyone'],
      [30, 'digest', UP],
    ]);
  }),
  probe('A-14', 'without the credential nothing works', async (t) => {
    const { b, p } = await closed(t);
    const replies = [
      b.get(p),
      b.children(p),
      b.children2(p),
      b.set(p, 'x'),
      b.getACL(p),
      b.setACL(p, OPENED),
      b.create(`${p}/x`),
      b.descendants(p),
    ];
    expect(await codes(...replies)).toEqual(replies.map(() => -102));
    expect((await b.multi(op.check(p))).results?.map(({ err }) => err)).toEqual([-102]);
    expect((await b.multiRead(op.get(p), op.children(p))).results?.map(({ err }) => err)).toEqual([-102, -102]);
  }),
  probe('A-15', 'exists without the credential', async (t) => {
    const { b, p } = await closed(t);
    expect((await b.exists(p)).err).toBe(t.isAtLeast('3.8.4') ? -102 : 0);
  }),
  probe('A-16', 'with the credential all works', async (t) => {
    const { b, p } = await closed(t);
    await b.auth('digest', 'u:p');
    expect(await codes(b.get(p), b.exists(p), b.children(p), b.children2(p), b.getACL(p), b.descendants(p))).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
    expect((await b.multiRead(op.get(p))).results?.[0]?.err).toBe(0);
  }),
  probe('A-17', 'getACL without ADMIN hides digests', async (t) => {
    const { b, p } = await closed(t, [
      [1, 'world', 'anyone'],
      [31, 'digest', UP],
      [1, 'ip', '1.2.3.4'],
    ]);
    expect(await aclOf(b, p)).toEqual([
      [1, 'world', 'anyone'],
      [31, 'digest', 'u:x'],
      [1, 'ip', '1.2.3.4'],
    ]);
  }),
  probe('A-18', 'getACL with ADMIN shows them', async (t) => {
    const { a, p } = await closed(t, [
      [1, 'world', 'anyone'],
      [31, 'digest', UP],
    ]);
    expect((await aclOf(a, p))?.[1]).toEqual([31, 'digest', UP]);
  }),
  probe('A-19', 'getACL with ADMIN alone', async (t) => {
    const { a, p } = await t.start({ acl: world(16) });
    expect((await a.getACL(p)).err).toBe(0);
  }),
  probe('A-20', 'WRITE alone', async (t) => {
    const { a, p } = await t.start({ acl: world(2) });
    expect(await codes(a.get(p), a.set(p, 'x'), a.getACL(p), a.setACL(p, OPENED))).toEqual([-102, 0, -102, -102]);
  }),
  probe('A-21', 'ADMIN alone', async (t) => {
    const { a, p } = await t.start({ acl: world(16) });
    expect(await codes(a.get(p), a.getACL(p), a.setACL(p, OPENED))).toEqual([-102, 0, 0]);
  }),
  probe('A-22', 'CREATE alone', async (t) => {
    const { a, p } = await t.start({ acl: world(4) });
    expect(await codes(a.create(`${p}/x`), a.delete(`${p}/x`))).toEqual([0, -102]);
  }),
  probe('A-23', 'DELETE alone', async (t) => {
    const { a, p } = await t.start({ acl: world(8) });
    await t.fails(a, -102, () => a.create(`${p}/x`));
  }),
  probe('A-24', 'networks this address belongs to', async (t) => {
    const a = await t.connect();
    for (const [i, id] of ['127.0.0.0/8', '126.0.0.0/7', '8.8.8.8/0', '127.0.0.1'].entries()) {
      await a.create(`${t.p}-${i}`, { acl: [[31, 'ip', id]] });
      expect((await a.get(`${t.p}-${i}`)).err, id).toBe(0);
    }
  }),
  probe('A-25', 'a network it does not', async (t) => {
    const { a, p } = await t.start({ acl: [[31, 'ip', '10.0.0.0/8']] });
    expect((await a.get(p)).err).toBe(-102);
  }),
  probe('A-26', 'setACL moves the ACL version alone', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/x`);
    const [parent, before] = [(await a.exists(p)).stat, (await a.exists(`${p}/x`)).stat!];
    await t.moves(a, 1, async () => expect((await a.setACL(`${p}/x`, OPENED)).stat).toEqual({ ...before, aversion: 1 }));
    expect((await a.setACL(`${p}/x`, OPENED, 1)).stat?.aversion).toBe(2);
    expect((await a.exists(p)).stat).toEqual(parent);
  }),
  probe('A-27', 'setACL with a stale version', async (t) => {
    const { a, p } = await t.start();
    await a.setACL(p, OPENED);
    await t.fails(a, -103, () => a.setACL(p, OPENED, 0));
  }),
  probe('A-28', 'setACL of a missing node', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -101, () => a.setACL(`${p}/missing`, OPENED));
    await t.fails(a, -114, () => a.setACL(`${p}/missing`, []));
  }),
  probe('A-29', 'setACL with a trailing slash', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -8, () => a.setACL(`${p}/`, OPENED));
  }),
  probe('A-30', 'setACL without ADMIN', async (t) => {
    const { a, p } = await t.start({ acl: world(1) });
    expect(await codes(a.setACL(p, [[31, 'foo', 'x']]), a.setACL(p, OPENED), a.setACL(p, OPENED, 9))).toEqual([-114, -102, -102]);
  }),
  probe('A-31', 'setACL of the root', async (t) => {
    expect((await (await t.connect()).setACL('/', OPENED)).err).toBe(0);
  }),
  probe('A-32', 'digest without a colon, or empty', async (t) => {
    const a = await t.connect();
    expect(await codes(a.auth('digest', 'nocolon'), a.auth('digest', ''))).toEqual([0, 0]);
  }),
  probe('A-33', 'digest without a buffer', (t) => authFails(t, 'digest', null)),
  probe('A-34', 'schemes nobody can authenticate with', async (t) => {
    for (const scheme of ['foo', 'sasl', 'world', 'super', 'x509']) await authFails(t, scheme, 'x');
  }),
  probe('A-35', 'the ip scheme takes anything', async (t) => {
    expect((await (await t.connect()).auth('ip', 'anything')).err).toBe(0);
  }),
  probe('A-36', 'an auth packet with another xid', async (t) => {
    expect(await (await t.connect()).auth('digest', 'u:p', 77)).toMatchObject({ xid: 77, err: 0 });
  }),
  probe('A-37', 'the type of an auth packet is ignored', async (t) => {
    expect((await (await t.connect()).auth('digest', 'u:p', -4, 99)).err).toBe(0);
  }),
  probe('A-38', 'credentials do not outlive the connection', async (t) => {
    const { a, p } = await closed(t);
    const again = await t.resume(a);
    expect((await again.get(p)).err).toBe(-102);
    await again.auth('digest', 'u:p');
    expect((await again.get(p)).err).toBe(0);
  }),
  probe(
    'A-39',
    'the super user passes every ACL',
    async (t) => {
      const { b, p } = await closed(t);
      await b.auth('digest', SUPER);
      expect(await codes(b.get(p), b.set(p, 'x'), b.setACL(p, world(0)), b.create(`${p}/x`), b.delete(`${p}/x`))).toEqual([
        0, 0, 0, 0, 0,
      ]);
      expect(await codes(b.set('/zookeeper/config', 'x'), b.set('/zookeeper/config', ''))).toEqual([0, 0]);
    },
    { needs: 'extended' },
  ),
  probe(
    'A-40',
    'the super user’s auth ACL is its digest',
    async (t) => {
      const a = await t.connect();
      await a.auth('digest', SUPER);
      await a.create(t.p, { acl: AUTH });
      expect(await aclOf(a, t.p)).toEqual([[31, 'digest', digestId(SUPER)]]);
    },
    { needs: 'extended' },
  ),
  probe(
    'A-41',
    'who the super user is',
    async (t) => {
      const a = await t.connect();
      await a.auth('digest', SUPER);
      expect((await a.whoAmI()).identities).toEqual(['digest:super', 'ip:127.0.0.1', 'super:']);
    },
    { needs: 'extended', skipOn: since('3.7.0', 'whoAmI exists') },
  ),
  probe('A-42', 'an ACL id beyond the basic plane comes back as surrogates', async (t) => {
    const { a, p } = await t.start({
      acl: [
        [31, 'world', 'anyone'],
        [31, 'digest', '\u{1f600}:x'],
      ],
    });
    expect((await aclOf(a, p))?.[1]).toEqual([31, 'digest', 'hex:eda0bdedb8803a78']);
  }),
  probe('A-43', 'SASL where nothing is set up for it', async (t) => {
    const a = await t.connect();
    expect(await a.sasl('')).toMatchObject({ err: 0, token: null });
    expect((await a.exists('/')).err).toBe(0);
  }),
  probe('A-49', 'a create before an auth packet does not profit from it', async (t) => {
    const { a, p } = await t.start();
    t.silence(a);
    const replies = await codes(a.create(`${p}/a`, { acl: AUTH }), a.auth('digest', 'u:p'), a.create(`${p}/b`, { acl: AUTH }));
    expect(replies).toEqual([-114, 0, 0]);
    return replies;
  }),
  probe('A-50', 'a closed parent tells nothing about its children', async (t) => {
    const { a, b, p } = await closed(t);
    await a.create(`${p}/x`);
    expect(await codes(b.create(`${p}/x`), b.create(`${p}/y`), b.delete(`${p}/x`), b.delete(`${p}/y`))).toEqual([
      -102, -102, -102, -102,
    ]);
  }),
  probe('A-51', 'an open child of a closed parent', async (t) => {
    const { a, b, p } = await closed(t);
    await a.create(`${p}/x`);
    expect((await b.get(`${p}/x`)).err).toBe(0);
  }),
  probe('A-52', 'a reconnect without its credentials', async (t) => {
    const { a, p } = await closed(t);
    const again = await t.resume(a);
    expect(await codes(again.get(p), again.create(`${t.p}-x`, { acl: AUTH }))).toEqual([-102, -114]);
  }),
];

// ---- SASL ----------------------------------------------------------------------------------------------------------------------------

const md5 = (...parts: (string | Buffer)[]): Buffer => {
  const hash = createHash('md5');
  parts.forEach((part) => hash.update(part));
  return hash.digest();
};

const field = (challenge: string, name: string): string => new RegExp(`${name}="?([^",]*)"?`).exec(challenge)?.[1] ?? '';

/** RFC 2831's answer to a challenge, and the rspauth the server must prove itself with. */
function digestMd5(challenge: string, user: string, password: string): { response: string; rspauth: string } {
  const [realm, nonce, cnonce, nc, qop, uri] = [
    field(challenge, 'realm'),
    field(challenge, 'nonce'),
    'OA6MHXh6VqTrRk',
    '00000001',
    'auth',
    'zookeeper/zk-sasl-md5',
  ];
  const ha1 = md5(md5(`${user}:${realm}:${password}`), `:${nonce}:${cnonce}`).toString('hex');
  const proof = (a2: string): string => md5(`${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${md5(a2).toString('hex')}`).toString('hex');
  const response = `charset=utf-8,username="${user}",realm="${realm}",nonce="${nonce}",nc=${nc},cnonce="${cnonce}",digest-uri="${uri}",maxbuf=65536,response=${proof(`AUTHENTICATE:${uri}`)},qop=${qop}`;
  return { response, rspauth: `rspauth=${proof(`:${uri}`)}` };
}

const withoutNonce = ({ token, ...reply }: Reply): object => ({ ...reply, token: token?.replace(/nonce="[^"]*"/, 'nonce="…"') });

async function challengeOf(a: RawConnection): Promise<{ first: Reply; challenge: string }> {
  const first = await a.sasl('');
  expect([first.err, first.zxid]).toEqual([0, 0n]);
  return { first, challenge: first.token ?? '' };
}

/** The reply to a good answer carries the server's own proof. */
async function authenticate(a: RawConnection): Promise<Reply> {
  const { first, challenge } = await challengeOf(a);
  const { response, rspauth } = digestMd5(challenge, 'bob', USERS.bob);
  expect(await a.sasl(response)).toMatchObject({ err: 0, zxid: 0n, token: rspauth });
  return first;
}

export const sasl: readonly Probe[] = [
  probe(
    'A-44',
    'DIGEST-MD5',
    async (t) => {
      const a = await t.connect();
      t.silence(a);
      const first = await authenticate(a);
      expect(first.token).toMatch(/^realm="zk-sasl-md5",nonce="[^"]+",charset=utf-8,algorithm=md5-sess$/);
      expect((await a.create(t.p, { acl: AUTH })).err).toBe(0);
      expect(await aclOf(a, t.p)).toEqual([[31, 'sasl', 'bob']]);
      const { identities } = t.isAtLeast('3.7.0') ? await a.whoAmI() : { identities: [] };
      return [withoutNonce(first), identities];
    },
    { needs: 'sasl' },
  ),
  probe(
    'A-45',
    'DIGEST-MD5 with a wrong password',
    async (t) => {
      const a = await t.connect();
      t.silence(a);
      const { challenge } = await challengeOf(a);
      const reply = await a.sasl(digestMd5(challenge, 'bob', 'wrong').response);
      expect([reply.err, reply.zxid, reply.token]).toEqual([-115, 0n, null]);
      await a.ended();
      return reply;
    },
    { needs: 'sasl' },
  ),
  probe(
    'A-46',
    'FIPS mode knows no DIGEST-MD5',
    async (t) => {
      const a = await t.connect();
      expect(await a.sasl('')).toMatchObject({ err: -115, zxid: 0n, token: null });
      await a.ended();
    },
    { needs: 'fips', skipOn: since('3.10.0', 'the server heeds FIPS mode') },
  ),
  probe(
    'A-47',
    'nothing works before SASL where it is required',
    async (t) => {
      const requests: ((a: RawConnection) => Promise<Reply>)[] = [
        (a) => a.exists('/'),
        (a) => a.create(t.p),
        (a) => a.ping(),
        (a) => a.auth('digest', 'u:p').then(() => a.get('/')),
      ];
      for (const request of requests) {
        const a = await t.connect({ timeout: 2 * t.tick });
        t.settle(a);
        const reply = await request(a);
        expect([reply.err, reply.zxid]).toEqual([-124, 0n]);
        await a.ended();
      }
      const b = await t.connect();
      t.silence(b);
      await authenticate(b);
      expect((await b.exists('/')).err).toBe(0);
    },
    { needs: 'sasl-required' },
  ),
  probe(
    'A-48',
    'a sasl id must read as a Kerberos name',
    async (t) => {
      const { a, p } = await t.start();
      await t.fails(a, -114, () => a.create(`${p}/a`, { acl: [[31, 'sasl', 'a/b/c@d@e']] }));
      for (const [i, id] of ['bob', 'bob/host', 'bob/host@REALM'].entries()) {
        expect((await a.create(`${p}/${i}`, { acl: [[31, 'sasl', id]] })).err, id).toBe(0);
      }
    },
    { needs: 'sasl' },
  ),
];
