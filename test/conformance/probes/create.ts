import { expect } from 'vitest';
import { bool, bytes, cat, int, op, OP } from '../wire.ts';
import type { CreateOptions, RawConnection, Reply, Text } from '../wire.ts';
import { probe } from './trial.ts';
import type { Probe } from './trial.ts';

const LIMIT = 0xfffff;

/** One failed create: its code, its zxid, no body. */
const refused = (
  id: string,
  title: string,
  code: number,
  path: (p: string) => Text,
  options?: CreateOptions,
  needs: Probe['needs'] = 'default',
): Probe =>
  probe(
    id,
    title,
    async (t) => {
      const { a, p } = await t.start();
      await t.fails(a, code, () => a.create(path(p), options));
      expect((await a.children(p)).children).toEqual([]);
    },
    { needs },
  );

const errors = async (replies: Promise<Reply>[]): Promise<(number | 'closed')[]> =>
  (await Promise.all(replies)).map(({ err }) => err);

/** Creates P/x…y with the character in the middle. */
const component = (a: RawConnection, p: string, text: string): Promise<Reply> => a.create(`${p}/x${text}y`);

export const create: readonly Probe[] = [
  probe('C-01', 'create answers with the path alone', async (t) => {
    const a = await t.connect();
    await t.moves(a, 1, async () => {
      const reply = await a.create(t.p);
      expect([reply.err, reply.path, reply.extra]).toEqual([0, t.p, undefined]);
    });
  }),
  probe('C-02', 'the stat of a new node', async (t) => {
    const a = await t.connect();
    const { zxid } = await a.create(t.p, { data: 'abc' });
    const { stat } = await a.exists(t.p);
    expect(stat).toMatchObject({
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
    });
    expect(stat).toMatchObject({ numChildren: 0, dataLength: 3 });
    expect(stat?.ctime).toBe(stat?.mtime);
  }),
  probe('C-03', 'create2 answers with path and stat', async (t) => {
    const a = await t.connect();
    const reply = await a.create2(t.p, { data: 'abc' });
    expect(reply).toMatchObject({ err: 0, path: t.p });
    expect(reply.stat).toEqual((await a.exists(t.p)).stat);
    expect(reply.stat?.czxid).toBe(reply.zxid);
  }),
  refused('C-04', 'create of an existing node fails and takes a zxid', -110, (p) => p),
  refused('C-05', 'create below a missing parent', -101, (p) => `${p}/missing/x`),
  probe('C-06', 'create with a null or an empty ACL', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -114, () => a.create(`${p}/a`, { acl: null }));
    await t.fails(a, -114, () => a.create(`${p}/a`, { acl: [] }));
  }),
  refused('C-07', 'create "foo"', -8, () => 'foo'),
  refused('C-08', 'create "foo/bar" looks for the parent first', -101, () => 'foo/bar'),
  refused('C-09', 'create ""', -8, () => ''),
  probe('C-10', 'create with a null path', async (t) => {
    const { a } = await t.start();
    expect((await a.create(null)).err).toBe(-5);
    await t.zxid(a);
  }),
  refused('C-11', 'create "/"', -110, () => '/'),
  refused('C-12', 'create with a trailing slash', -8, (p) => `${p}/`),
  refused('C-13', 'create with an empty component', -101, (p) => `${p}//a`),
  probe('C-14', 'create of . and ..', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -8, () => a.create(`${p}/.`));
    await t.fails(a, -8, () => a.create(`${p}/..`));
  }),
  probe('C-15', 'names that only look odd', async (t) => {
    const { a, p } = await t.start();
    for (const name of ['...', '.a', 'a.', 'a b']) expect((await a.create(`${p}/${name}`)).err, name).toBe(0);
    expect((await a.children(p)).children).toEqual(['...', '.a', 'a b', 'a.']);
  }),
  probe('C-16', 'characters no path may hold', async (t) => {
    const { a, p } = await t.start();
    const bad = ['\u0000', '\u0001', '\u001f', '\u007f', '\u009f', '\ue000', '\uf8ff', '\ufff0', '\uffff', '\u{1f600}'];
    expect(await errors(bad.map((text) => component(a, p, text)))).toEqual(bad.map(() => -8));
    expect((await a.create(Buffer.from(`${p}/x\u00ffy`, 'latin1'))).err, 'a raw 0xff byte').toBe(-8);
  }),
  probe('C-17', 'characters beyond ASCII that a path may hold', async (t) => {
    const { a, p } = await t.start();
    const good = ['\u00a0', '\uf900', '\uffef', 'é', '世'];
    expect(await errors(good.map((text) => component(a, p, text)))).toEqual(good.map(() => 0));
    expect((await a.children(p)).children).toEqual(good.map((text) => `x${text}y`).sort());
  }),
  probe('C-18', 'a component of ten thousand characters', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/${'n'.repeat(10_000)}`)).err).toBe(0);
  }),
  probe('C-19', 'null data stays null', async (t) => {
    const { a, p } = await t.start({ data: null });
    expect(await a.get(p)).toMatchObject({ err: 0, data: null, stat: { dataLength: 0 } });
  }),
  probe('C-20', 'empty data stays empty', async (t) => {
    const { a, p } = await t.start({ data: '' });
    expect(await a.get(p)).toMatchObject({ err: 0, data: '', stat: { dataLength: 0 } });
  }),
  probe('C-21', 'unknown create flags', async (t) => {
    const { a, p } = await t.start();
    for (const flags of [7, 8, 100, -1]) {
      await t.fails(a, -8, () => a.create(`${p}/a`, { flags }));
      await t.fails(a, -8, () => a.create2(`${p}/a`, { flags }));
    }
  }),
  probe('C-22', 'container flags with create make a plain node', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/a`, { flags: 4 })).err).toBe(0);
    expect(await a.create2(`${p}/b`, { flags: 4 })).toMatchObject({ err: 0, stat: { ephemeralOwner: 0n } });
    expect((await a.exists(`${p}/a`)).stat?.ephemeralOwner).toBe(0n);
  }),
  probe('C-23', 'TTL flags with create where TTL nodes are off', async (t) => {
    const { a, p } = await t.start();
    for (const flags of [5, 6]) {
      await t.fails(a, -6, () => a.create(`${p}/a`, { flags }));
      await t.fails(a, -6, () => a.create2(`${p}/a`, { flags }));
    }
  }),
  probe(
    'C-24',
    'TTL flags with create where TTL nodes are on',
    async (t) => {
      const { a, p } = await t.start();
      for (const flags of [5, 6]) {
        await t.fails(a, -8, () => a.create(`${p}/a`, { flags }));
        await t.fails(a, -8, () => a.create2(`${p}/a`, { flags }));
      }
    },
    { needs: 'extended' },
  ),
  probe('C-25', 'an ephemeral is owned by its session', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/e`, { flags: 1 })).err).toBe(0);
    expect((await a.exists(`${p}/e`)).stat?.ephemeralOwner).toBe(a.session?.sessionId);
  }),
  probe('C-26', 'create below an ephemeral', async (t) => {
    const { a, p } = await t.start();
    const plain = await a.create(`${p}/e`, { flags: 1 });
    const sequential = await a.create(`${p}/s`, { flags: 3 });
    await t.fails(a, -108, () => a.create(`${plain.path}/x`));
    await t.fails(a, -108, () => a.create(`${sequential.path}/x`));
    await t.fails(a, -108, () => a.create(`${plain.path}/x`, { flags: 2 }));
  }),
  probe('C-27', 'which error wins', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create('nos', { flags: 9 })).err).toBe(-8);
    expect((await a.create(`${p}/a`, { flags: 9, acl: [] })).err).toBe(-8);
    expect((await a.create(`${p}/missing/a`, { acl: [] })).err).toBe(-114);
  }),
  probe('C-28', 'a packet of exactly jute.maxbuffer', async (t) => {
    const a = await t.connect();
    const data = 'x'.repeat(LIMIT - (8 + 4 + t.p.length + 4 + 4 + 23 + 4));
    expect((await a.create(t.p, { data })).err).toBe(0);
    const reply = await a.get(t.p);
    expect(reply.data === data, 'data come back whole').toBe(true);
    for (const entry of a.replies) if (entry.data !== undefined) entry.data = `${entry.data?.length} characters`;
  }),
  probe('C-29', 'a packet one byte larger', async (t) => {
    const a = await t.connect();
    const data = 'x'.repeat(LIMIT + 1 - (8 + 4 + t.p.length + 4 + 4 + 23 + 4));
    expect((await a.create(t.p, { data })).err).toBe('closed');
    const b = await t.connect();
    expect((await b.exists(t.p)).err).toBe(-101);
  }),
  probe('C-30', 'a truncated create', async (t) => {
    const { a, p } = await t.start();
    await t.moves(a, t.isAtLeast('3.9.0') ? 0 : 1, async () => {
      expect((await a.send(OP.create, cat(bytes(`${p}/a`), int(0)))).err).toBe(-5);
    });
  }),
  probe('C-31', 'the parent of a new child', async (t) => {
    const { a, p } = await t.start();
    const before = (await a.exists(p)).stat!;
    const { zxid } = await a.create(`${p}/a`);
    expect((await a.exists(p)).stat).toEqual({ ...before, cversion: 1, numChildren: 1, pzxid: zxid });
  }),
  probe('C-32', 'the parent after a failed create', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    const before = (await a.exists(p)).stat;
    expect((await a.create(`${p}/a`)).err).toBe(-110);
    expect((await a.exists(p)).stat).toEqual(before);
  }),
  probe('C-33', 'a node created again starts over', async (t) => {
    const { a, p } = await t.start();
    await a.set(p, '1');
    await a.setACL(p, [[31, 'world', 'anyone']]);
    await a.create(`${p}/a`);
    await a.delete(`${p}/a`);
    await a.delete(p);
    const { zxid } = await a.create(p);
    expect((await a.exists(p)).stat).toMatchObject({ version: 0, cversion: 0, aversion: 0, czxid: zxid });
  }),
  probe('C-34', 'no CREATE permission hides that the node exists', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await a.setACL(p, [[1, 'world', 'anyone']]);
    await t.fails(a, -102, () => a.create(`${p}/a`));
  }),
];

const suffix = (reply: Reply): string => reply.path?.slice(-10) ?? `err ${reply.err}`;
const next = async (a: RawConnection, prefix: string, flags = 2): Promise<string> => suffix(await a.create(prefix, { flags }));

export const sequential: readonly Probe[] = [
  probe('Q-01', 'the first sequential', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/a`, { flags: 2 })).path).toBe(`${p}/a0000000000`);
  }),
  probe('Q-02', 'every create counts, deletes do not', async (t) => {
    const { a, p } = await t.start();
    expect(await next(a, `${p}/a`)).toBe('0000000000');
    await a.create(`${p}/plain`);
    await a.delete(`${p}/plain`);
    expect(await next(a, `${p}/a`)).toBe('0000000002');
  }),
  probe('Q-03', 'a number is not used again', async (t) => {
    const { a, p } = await t.start();
    await a.delete((await a.create(`${p}/a`, { flags: 2 })).path!);
    expect(await next(a, `${p}/a`)).toBe('0000000001');
  }),
  probe('Q-04', 'failed creates take no number', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/plain`);
    expect((await a.create(`${p}/plain`)).err).toBe(-110);
    expect((await a.create(`${p}/missing/x`, { flags: 2 })).err).toBe(-101);
    expect(await next(a, `${p}/a`)).toBe('0000000001');
  }),
  probe('Q-05', 'a plain create of the next name', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/a0000000000`)).err).toBe(0);
    expect(await next(a, `${p}/a`)).toBe('0000000001');
  }),
  probe('Q-06', 'a prefix that is only a slash', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await a.create(`${p}/b`);
    expect((await a.create(`${p}/`, { flags: 2 })).path).toBe(`${p}/0000000002`);
  }),
  probe('Q-07', 'a prefix of one dot', async (t) => {
    const { a, p } = await t.start();
    expect((await a.create(`${p}/.`, { flags: 2 })).path).toBe(`${p}/.0000000000`);
  }),
  probe('Q-08', 'a prefix of two slashes', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -101, () => a.create(`${p}//`, { flags: 2 }));
  }),
  probe('Q-09', 'a missing parent and a slash', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -101, () => a.create(`${p}/missing/`, { flags: 2 }));
  }),
  probe('Q-10', 'a sequential right below the root', async (t) => {
    const a = await t.connect();
    const { err, path } = await a.create('/', { flags: 2 });
    expect([err, /^\/\d{10}$/.test(path ?? '')]).toEqual([0, true]);
    await a.delete(path!);
  }),
  probe('Q-11', 'one counter for persistent and ephemeral', async (t) => {
    const { a, p } = await t.start();
    const got = [await next(a, `${p}/x`, 2), await next(a, `${p}/y`, 3), await next(a, `${p}/z`, 2)];
    expect(got).toEqual(['0000000000', '0000000001', '0000000002']);
  }),
  probe('Q-12', 'a parent created again counts from nothing', async (t) => {
    const { a, p } = await t.start();
    await a.delete((await a.create(`${p}/a`, { flags: 2 })).path!);
    await a.delete(p);
    await a.create(p);
    expect(await next(a, `${p}/a`)).toBe('0000000000');
  }),
  probe('Q-13', 'two sequentials in one multi', async (t) => {
    const { a, p } = await t.start();
    const { results } = await inMulti(a, [`${p}/a`, `${p}/b`]);
    expect(results?.map(({ path }) => path)).toEqual([`${p}/a0000000000`, `${p}/b0000000001`]);
  }),
  probe('Q-14', 'a failed multi leaves no gap', async (t) => {
    const { a, p } = await t.start();
    const { results } = await inMulti(a, [`${p}/a`, `${p}/b`, `${p}/missing/c`]);
    expect(results?.map(({ err }) => err)).toEqual([0, 0, -101]);
    expect(await next(a, `${p}/a`)).toBe('0000000000');
  }),
  probe('Q-15', 'a sequential container', async (t) => {
    const { a, p } = await t.start();
    expect((await a.createContainer(`${p}/c`, { flags: 2 })).path).toBe(`${p}/c0000000000`);
  }),
];

const inMulti = (a: RawConnection, prefixes: string[]): Promise<Reply> =>
  a.multi(...prefixes.map((path) => op.create(path, { flags: 2 })));

export const deletion: readonly Probe[] = [
  probe('D-01', 'delete of a leaf', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await a.create(`${p}/b`);
    await t.moves(a, 1, async () => expect(await a.delete(`${p}/a`)).toMatchObject({ err: 0 }));
    expect((await a.delete(`${p}/b`, 0)).err).toBe(0);
  }),
  probe('D-02', 'the parent after a delete', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    const before = (await a.exists(p)).stat!;
    const { zxid } = await a.delete(`${p}/a`);
    expect((await a.exists(p)).stat).toEqual({ ...before, cversion: 2, numChildren: 0, pzxid: zxid });
  }),
  probe('D-03', 'delete of a node with children', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await t.fails(a, -111, () => a.delete(p));
  }),
  probe('D-04', 'a wrong version wins over children', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await t.fails(a, -103, () => a.delete(p, 5));
  }),
  probe('D-05', 'delete with a wrong version', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -103, () => a.delete(p, 1));
    await t.fails(a, -103, () => a.delete(p, -2));
  }),
  probe('D-06', 'delete of a missing node', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -101, () => a.delete(`${p}/missing`));
  }),
  probe('D-07', 'delete below a missing parent', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -101, () => a.delete(`${p}/missing/x`));
  }),
  probe('D-08', 'delete with a trailing slash', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await t.fails(a, -101, () => a.delete(`${p}/a/`));
  }),
  probe('D-09', 'delete of the system nodes', async (t) => {
    const { a } = await t.start();
    for (const path of ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']) await t.fails(a, -8, () => a.delete(path));
  }),
  probe('D-10', 'delete of impossible paths', async (t) => {
    const { a, p } = await t.start();
    for (const path of ['', 'abc', `${p}/\u0000`]) await t.fails(a, -8, () => a.delete(path));
  }),
  probe('D-11', 'delete after a set', async (t) => {
    const { a, p } = await t.start();
    await a.set(p, 'x');
    expect(await errors([a.delete(p, 0), a.delete(p, 1)])).toEqual([-103, 0]);
  }),
  probe('D-12', 'no DELETE permission hides whether the node exists, since 3.6', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await a.setACL(p, [[1, 'world', 'anyone']]);
    expect(await errors([a.delete(`${p}/a`), a.delete(`${p}/missing`)])).toEqual([-102, t.isAtLeast('3.6.0') ? -102 : -101]);
  }),
  probe('D-13', 'the node’s own ACL has no say in its deletion', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`, { acl: [[0, 'world', 'anyone']] });
    expect((await a.delete(`${p}/a`)).err).toBe(0);
  }),
  probe('D-14', 'a truncated delete', async (t) => {
    const { a, p } = await t.start();
    await t.moves(a, t.isAtLeast('3.9.0') ? 0 : 1, async () => {
      expect((await a.send(OP.delete, cat(bytes(p), bool(0)))).err).toBe(-5);
    });
  }),
];
