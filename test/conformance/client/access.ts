import { expect } from 'vitest';
import { InvalidACLError, NoAuthError, AuthFailedError, BadVersionError } from '../../../src/base/errors.ts';
import {
  ACL,
  ANYONE_ID_UNSAFE,
  CREATOR_ALL_ACL,
  Id,
  makeAcl,
  makeDigestAcl,
  makeDigestAclCredential,
  OPEN_ACL_UNSAFE,
  Permissions,
  READ_ACL_UNSAFE,
} from '../../../src/base/security.ts';
import { Collected, rejection, SUPER, type Spec } from './world.ts';

/** ACLs and who one is (Kazoo section 10). */
export function specifyAccess(spec: Spec): void {
  specifyAcls(spec);
  specifyCredentials(spec);
}

// Without ADMIN a server since 3.5 shows no more than the name in a digest id.
const SEEN_BY_ALL = [new ACL(Permissions.READ | Permissions.ADMIN, ANYONE_ID_UNSAFE)];

function specifyAcls(spec: Spec): void {
  spec('a node is open to all unless told otherwise', async ({ client, at }) => {
    await client.create(at('a'));
    await client.create(at('b'), '', { acl: [] });
    expect((await client.getAcls(at('a')))[0]).toEqual(OPEN_ACL_UNSAFE);
    expect((await client.getAcls(at('b')))[0]).toEqual(OPEN_ACL_UNSAFE);
  });

  spec('getAcls gives ACL objects and the stat', async ({ client, at }) => {
    await client.create(at('a'), '', { acl: [...SEEN_BY_ALL, makeDigestAcl('bob', 'pw', { all: true })] });
    const [acls, stat] = await client.getAcls(at('a'));
    expect(acls.every((acl) => acl instanceof ACL && acl.id instanceof Id)).toBe(true);
    expect(acls.map(({ aclList }) => aclList)).toEqual([['READ', 'ADMIN'], ['ALL']]);
    expect(acls[1]?.id.id).toBe(makeDigestAclCredential('bob', 'pw'));
    expect(stat.aversion).toBe(0);
  });

  spec('setAcls checks the version of the ACL', async ({ client, at }) => {
    await client.create(at('a'));
    const acl = SEEN_BY_ALL;
    expect(await client.setAcls(at('a'), acl, { version: 0 })).toMatchObject({ aversion: 1, version: 0 });
    const stale = await rejection(client.setAcls(at('a'), acl, { version: 0 }));
    expect(stale).toBeInstanceOf(BadVersionError);
    expect(stale).toMatchObject({ path: at('a'), operation: 'setAcls' });
    expect((await client.getAcls(at('a')))[0]).toEqual(acl);
    expect(await rejection(client.set(at('a'), 'x'))).toBeInstanceOf(NoAuthError);
  });

  spec('the server refuses an ACL it cannot make sense of, and an empty one', async ({ client, at }) => {
    const call = client.create(at('a'), '', { acl: [makeAcl('nonsense', 'x', { all: true })] });
    expect(await rejection(call)).toBeInstanceOf(InvalidACLError);
    expect(await rejection(client.create(at('a'), '', { acl: CREATOR_ALL_ACL }))).toBeInstanceOf(InvalidACLError);
    await client.create(at('a'));
    expect(await rejection(client.setAcls(at('a'), []))).toBeInstanceOf(InvalidACLError);
  });

  spec('the default ACL of a client goes for create, ensurePath and transactions', async ({ connect, at, has }) => {
    const client = await connect({ defaultAcl: READ_ACL_UNSAFE });
    await client.create(at('a'));
    await client.ensurePath(at('b'));
    if (has('transactions')) await client.transaction().create(at('c')).commitOrThrow();
    for (const name of has('transactions') ? ['a', 'b', 'c'] : ['a', 'b'])
      expect((await client.getAcls(at(name)))[0]).toEqual(READ_ACL_UNSAFE);
    client.defaultAcl = null;
    await client.create(at('d'));
    expect((await client.getAcls(at('d')))[0]).toEqual(OPEN_ACL_UNSAFE);
  });
}

function specifyCredentials(spec: Spec): void {
  spec('a digest user may, a stranger and a wrong password may not', async ({ client, connect, at }) => {
    await client.create(at('a'), 'secret', { acl: [makeDigestAcl('bob', 'pw', { all: true })] });
    expect(await rejection(client.get(at('a')))).toMatchObject({ code: -102, path: at('a'), operation: 'get' });
    expect(await client.addAuth('digest', 'bob:wrong')).toBe(true);
    expect(await rejection(client.get(at('a')))).toBeInstanceOf(NoAuthError);
    expect(await client.addAuth('digest', Buffer.from('bob:pw'))).toBe(true);
    expect((await client.get(at('a')))[0]?.toString()).toBe('secret');
    const bob = await connect({ authData: [['digest', 'bob:pw']] });
    expect((await bob.get(at('a')))[0]?.toString()).toBe('secret');
  });

  spec('CREATOR_ALL_ACL becomes the id of whoever creates', async ({ connect, client, at }) => {
    const bob = await connect({ authData: [['digest', 'bob:pw']] });
    await bob.create(at('a'), '', { acl: CREATOR_ALL_ACL });
    expect((await bob.getAcls(at('a')))[0]).toEqual([makeDigestAcl('bob', 'pw', { all: true })]);
    expect(await rejection(client.delete(at('a')).then(() => client.get(at('a'))))).toMatchObject({ code: -101 });
  });

  spec('every credential is presented again on each connection, before CONNECTED', async ({ proxied, client, at }) => {
    const { client: bob, proxy } = await proxied({ authData: [['digest', 'bob:pw']] });
    await bob.addAuth('digest', 'eve:pw');
    await client.create(at('bob'), 'x', { acl: [makeDigestAcl('bob', 'pw', { all: true })] });
    await client.create(at('eve'), 'x', { acl: [makeDigestAcl('eve', 'pw', { all: true })] });
    const outcomes = new Collected<Promise<unknown>>();
    bob.on('connected', () => outcomes.add(Promise.all([bob.get(at('bob')), bob.get(at('eve'))])));
    for (const count of [1, 2]) {
      proxy.cut();
      await Promise.all(await outcomes.atLeast(count));
    }
  });

  spec('the superuser may everything', async ({ client, connect, at }) => {
    await client.create(at('a'), 'x', { acl: READ_ACL_UNSAFE });
    const boss = await connect({ authData: [['digest', SUPER]] });
    expect(await boss.set(at('a'), 'y')).toMatchObject({ version: 1 });
  });

  spec('a refused scheme fails addAuth, and start where it was given to the constructor', async ({ connect, at }) => {
    const client = await connect();
    expect(await rejection(client.addAuth('nonsense', 'x'))).toBeInstanceOf(AuthFailedError);
    expect([client.clientState, client.state]).toEqual(['AUTH_FAILED', 'LOST']);
    expect(await rejection(client.get(at('a')))).toBeInstanceOf(AuthFailedError);
    const started = performance.now();
    expect(await rejection(connect({ authData: [['nonsense', 'x']] }))).toBeInstanceOf(AuthFailedError);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  spec('after a refused addAuth the client can be started again, without the bad credential', async ({ connect, base }) => {
    const client = await connect();
    await rejection(client.addAuth('nonsense', 'x'));
    await client.start();
    expect(await client.exists(base)).not.toBeNull();
    await client.stop();
    await client.start();
    expect(client.state).toBe('CONNECTED');
  });
}
