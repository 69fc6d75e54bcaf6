import { expect } from 'vitest';
import * as errors from '../../../src/base/errors.ts';
import { READ_ACL_UNSAFE } from '../../../src/base/security.ts';
import { rejection, SCAN, until, type Spec } from './world.ts';

/** Nodes: made, read, changed, deleted (Kazoo sections 3, 9 and 13). */
export function specifyNodes(spec: Spec): void {
  specifyCreate(spec);
  specifyShortLived(spec);
  specifyEnsurePath(spec);
  specifyReads(spec);
  specifyWrites(spec);
  specifyDelete(spec);
}

function specifyCreate(spec: Spec): void {
  spec('create gives the path, and the data is there', async ({ client, at }) => {
    const path = at('a');
    expect(await client.create(path, 'text')).toBe(path);
    expect((await client.get(path))[0]).toEqual(Buffer.from('text'));
  });

  spec('data is a string, bytes, empty or null, and comes back so', async ({ client, at }) => {
    const bytes = Uint8Array.from([0, 255, 128]);
    await client.create(at('string'), 'žluť 漢字');
    await client.create(at('bytes'), bytes);
    await client.create(at('view'), new Uint8Array(bytes.buffer, 1, 1));
    await client.create(at('nothing'));
    await client.create(at('null'), null);
    expect((await client.get(at('string')))[0]?.toString()).toBe('žluť 漢字');
    expect((await client.get(at('bytes')))[0]).toEqual(Buffer.from(bytes));
    expect((await client.get(at('view')))[0]).toEqual(Buffer.from([255]));
    expect((await client.get(at('nothing')))[0]).toEqual(Buffer.alloc(0));
    expect((await client.get(at('null')))[0]).toBeNull();
  });

  spec(
    'includeData gives the stat of the new node',
    async ({ client, at }) => {
      const [path, stat] = await client.create(at('a'), '12345', { includeData: true });
      expect(path).toBe(at('a'));
      expect(stat).toMatchObject({ version: 0, cversion: 0, aversion: 0, dataLength: 5, numChildren: 0, ephemeralOwner: 0n });
      expect(stat).toEqual(await client.exists(path));
      const [numbered, { ownerSessionId }] = await client.create(at('s-'), 'x', {
        sequence: true,
        ephemeral: true,
        includeData: true,
      });
      expect([numbered, ownerSessionId]).toEqual([at('s-0000000001'), client.clientId!.sessionId]);
      const [again, { dataLength }] = await client.create(at('lock-'), 'xy', { protected: true, includeData: true });
      expect(dataLength).toBe(2);
      expect((await client.get(again))[0]).toEqual(Buffer.from('xy'));
    },
    'includeData',
  );

  spec('a sequential node has ten digits that grow', async ({ client, at, base }) => {
    const first = await client.create(at('s-'), '', { sequence: true });
    const second = await client.create(at('s-'), '', { sequence: true });
    expect([first, second]).toEqual([`${base}/s-0000000000`, `${base}/s-0000000001`]);
  });

  spec('a sequential node in a path with a trailing slash is named by its number alone', async ({ client, base }) => {
    expect(await client.create(`${base}/`, '', { sequence: true })).toBe(`${base}/0000000000`);
  });

  spec('makepath makes the parents, persistent, empty and with the same ACL', async ({ client, at }) => {
    const acl = READ_ACL_UNSAFE;
    await client.create(at('x/y/z'), 'deep', { makepath: true, ephemeral: true });
    const [data, stat] = await client.get(at('x/y'));
    expect([data, stat.ephemeralOwner]).toEqual([Buffer.alloc(0), 0n]);
    expect((await client.exists(at('x/y/z')))?.ephemeralOwner).toBe(client.clientId!.sessionId);
    const refused = await rejection(client.create(at('p/q/r'), '', { makepath: true, acl }));
    // The parent got the ACL too, which lets nobody create below it.
    expect(refused).toBeInstanceOf(errors.NoAuthError);
    expect((await client.getAcls(at('p')))[0]).toEqual(acl);
  });

  spec('makepath with a trailing slash makes one node', async ({ client, at }) => {
    expect(await client.create(at('m/n/'), 'x', { makepath: true })).toBe(at('m/n'));
    expect(await client.create(at('o/p/'), 'x', { makepath: true, sequence: true })).toBe(at('o/p/0000000000'));
  });

  spec('create without a parent, or twice, says which path and why', async ({ client, at }) => {
    const missing = await rejection(client.create(at('none/child')));
    expect(missing).toBeInstanceOf(errors.NoNodeError);
    expect(missing).toMatchObject({ code: -101, path: at('none/child'), operation: 'create' });
    await client.create(at('a'));
    const twice = await rejection(client.create(at('a'), '', { makepath: true }));
    expect(twice).toBeInstanceOf(errors.NodeExistsError);
    expect(twice).toMatchObject({ code: -110, path: at('a') });
  });

  spec('a protected node carries an id of ours, and its sequence number', async ({ client, at, base }) => {
    const path = await client.create(at('lock-'), 'x', { protected: true, sequence: true, ephemeral: true });
    expect(path.slice(base.length + 1)).toMatch(/^_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-\d{10}$/);
    expect(await client.getChildren(base)).toEqual([path.slice(base.length + 1)]);
  });
}

function specifyShortLived(spec: Spec): void {
  spec('an ephemeral node goes with its session, and has no children', async (world) => {
    const other = await world.connect();
    await other.create(world.at('e'), 'x', { ephemeral: true });
    expect((await world.client.exists(world.at('e')))?.ownerSessionId).toBe(other.clientId!.sessionId);
    const refused = await rejection(world.client.create(world.at('e/child')));
    expect(refused).toBeInstanceOf(errors.NoChildrenForEphemeralsError);
    await other.stop();
    expect(await world.client.exists(world.at('e'))).toBeNull();
  });

  spec(
    'a container goes once its last child has gone',
    async ({ client, at }) => {
      expect(await client.create(at('box'), 'x', { container: true })).toBe(at('box'));
      await client.create(at('box/a'));
      await client.delete(at('box/a'));
      await until(async () => (await client.exists(at('box'))) === null);
    },
    'containers',
  );

  spec(
    'a node with a time to live goes when it was not touched so long',
    async ({ client, at }) => {
      const [path, stat] = await client.create(at('ttl'), 'x', { ttl: 50, includeData: true });
      expect([path, stat.dataLength]).toEqual([at('ttl'), 1]);
      const numbered = await client.create(at('ttl-'), 'x', { ttl: 60_000, sequence: true });
      expect(numbered).toMatch(/ttl-\d{10}$/);
      await until(async () => (await client.exists(at('ttl'))) === null);
      await new Promise((resolve) => setTimeout(resolve, SCAN));
      expect(await client.exists(numbered)).not.toBeNull();
    },
    'timeToLive',
  );
}

function specifyEnsurePath(spec: Spec): void {
  spec('ensurePath makes what is missing, and is true where nothing is', async ({ client, at, base }) => {
    expect(await client.ensurePath(base)).toBe(true);
    expect(await client.ensurePath(at('a/b/c'))).toBe(at('a/b/c'));
    expect(await client.ensurePath(at('a/b/c'))).toBe(true);
    expect(await client.ensurePath(at('d/e/'))).toBe(at('d/e'));
    expect((await client.get(at('a/b')))[0]).toEqual(Buffer.alloc(0));
    expect(await client.ensurePath('/')).toBe(true);
  });

  spec('ensurePath gives every node it makes the ACL', async ({ client, at }) => {
    await client.ensurePath(at('a'), { acl: READ_ACL_UNSAFE });
    expect((await client.getAcls(at('a')))[0]).toEqual(READ_ACL_UNSAFE);
  });

  spec('ensurePath of the same path many times at once leaves one node', async ({ client, at }) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ensurePath(at('x/y/z'))));
    expect(answers.filter((answer) => answer !== true).length).toBeGreaterThanOrEqual(1);
    expect(await client.getChildren(at('x/y'))).toEqual(['z']);
  });
}

function specifyReads(spec: Spec): void {
  spec('exists gives the stat, or null', async ({ client, at }) => {
    expect(await client.exists(at('none'))).toBeNull();
    await client.create(at('a'), 'abc');
    expect(await client.exists(at('a'))).toMatchObject({ dataLength: 3, version: 0 });
  });

  spec('a stat has its derived values, and can be made JSON', async ({ client, at }) => {
    await client.create(at('e'), 'abc', { ephemeral: true });
    const stat = (await client.exists(at('e')))!;
    expect(stat.ownerSessionId).toBe(client.clientId!.sessionId);
    expect([stat.creationTransactionId, stat.lastModifiedTransactionId]).toEqual([stat.czxid, stat.mzxid]);
    expect(stat.created.getTime()).toBe(stat.ctime);
    expect(Math.abs(stat.lastModified.getTime() - Date.now())).toBeLessThan(60_000);
    const json = JSON.parse(JSON.stringify(stat)) as Record<string, unknown>;
    expect(json).toMatchObject({
      czxid: String(stat.czxid),
      ephemeralOwner: String(stat.ephemeralOwner),
      dataLength: 3,
      version: 0,
    });
  });

  spec('get and getChildren of a missing node fail with NoNodeError, and the connection serves on', async ({ client, at }) => {
    for (const call of [client.get(at('x')), client.getChildren(at('x')), client.getAcls(at('x')), client.set(at('x'), '')]) {
      expect(await rejection(call)).toMatchObject({ code: -101, path: at('x') });
    }
    expect(client.connected).toBe(true);
  });

  spec('getChildren gives names, and with includeData the stat', async ({ client, at, base }) => {
    await client.create(at('b'));
    await client.create(at('a'));
    expect((await client.getChildren(base)).sort()).toEqual(['a', 'b']);
    const [names, stat] = await client.getChildren(base, { includeData: true });
    expect(names.sort()).toEqual(['a', 'b']);
    expect(stat).toMatchObject({ numChildren: 2, cversion: 2 });
    expect(await client.getChildren(at('a'))).toEqual([]);
  });

  spec('paths are normalised: relative, doubled and trailing slashes', async ({ client, base }) => {
    await client.create(`${base.slice(1)}//a/`, 'x');
    expect(await client.getChildren(`${base}/`)).toEqual(['a']);
    expect((await client.get(`/${base}///a`))[0]).toEqual(Buffer.from('x'));
    expect(await client.exists(`${base}/..a`)).toBeNull();
  });

  spec('a reply of many children and a large value arrive whole', async ({ client, at, base }) => {
    const value = Buffer.alloc(900_000, 7);
    await client.create(at('large'), value);
    await Promise.all(Array.from({ length: 500 }, (_, i) => client.create(at(`child-with-a-long-name-${i}`))));
    expect((await client.get(at('large')))[0]?.equals(value)).toBe(true);
    expect(await client.getChildren(base)).toHaveLength(501);
  });

  spec('sync gives the path, also of a node that does not exist', async ({ client, at }) => {
    expect(await client.sync(at('nothing'))).toBe(at('nothing'));
    expect(await client.sync('/')).toBe('/');
  });
}

function specifyWrites(spec: Spec): void {
  spec('set gives the new stat, and checks the version', async ({ client, at }) => {
    await client.create(at('a'), 'x');
    expect(await client.set(at('a'), 'yy')).toMatchObject({ version: 1, dataLength: 2 });
    expect(await client.set(at('a'), null, { version: 1 })).toMatchObject({ version: 2, dataLength: 0 });
    const stale = await rejection(client.set(at('a'), 'z', { version: 1 }));
    expect(stale).toBeInstanceOf(errors.BadVersionError);
    expect(stale).toMatchObject({ code: -103, path: at('a'), operation: 'set' });
    expect((await client.get(at('a')))[0]).toBeNull();
  });
}

function specifyDelete(spec: Spec): void {
  spec('delete checks the version and the children', async ({ client, at }) => {
    await client.create(at('a/b'), '', { makepath: true });
    expect(await rejection(client.delete(at('a')))).toBeInstanceOf(errors.NotEmptyError);
    expect(await rejection(client.delete(at('a/b'), { version: 3 }))).toBeInstanceOf(errors.BadVersionError);
    expect(await client.delete(at('a/b'), { version: 0 })).toBe(true);
    expect(await rejection(client.delete(at('a/b')))).toBeInstanceOf(errors.NoNodeError);
  });

  spec('a recursive delete takes everything below, and is content with nothing', async ({ client, at }) => {
    for (const path of ['t/a/b', 't/a/c', 't/d', 't/e/f/g']) await client.create(at(path), '', { makepath: true });
    expect(await client.delete(at('t'), { recursive: true, version: 77 })).toBe(true);
    expect(await client.exists(at('t'))).toBeNull();
    expect(await client.delete(at('t'), { recursive: true })).toBe(true);
  });

  spec('a recursive delete of a large, growing tree succeeds while the growth ends', async ({ client, at }) => {
    await client.ensurePath(at('t'));
    await Promise.all(Array.from({ length: 1200 }, (_, i) => client.create(at(`t/n${i}`))));
    const deleted = client.delete(at('t'), { recursive: true });
    await client.create(at('t/late/child'), '', { makepath: true }).catch(() => undefined);
    expect(await deleted).toBe(true);
    expect(await client.exists(at('t'))).toBeNull();
  });
}
