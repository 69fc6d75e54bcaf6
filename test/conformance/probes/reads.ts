import { expect } from 'vitest';
import { bool, bytes, cat, int, OP } from '../wire.ts';
import type { RawConnection, Reply, Text } from '../wire.ts';
import { probe, since } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const every = (a: RawConnection, path: Text): Promise<Reply>[] => [
  a.exists(path),
  a.get(path),
  a.children(path),
  a.children2(path),
];
const codes = async (replies: Promise<Reply>[]): Promise<(number | 'closed')[]> =>
  (await Promise.all(replies)).map(({ err }) => err);

/** P/g1, P/g2 and P/h, ephemeral, of connection A. */
async function withEphemerals(t: Trial): Promise<{ a: RawConnection; p: string; all: string[] }> {
  const { a, p } = await t.start();
  const all = [`${p}/g1`, `${p}/g2`, `${p}/h`];
  for (const path of all) await a.create(path, { flags: 1 });
  return { a, p, all };
}

export const reads: readonly Probe[] = [
  probe('R-01', 'reads take no zxid', async (t) => {
    const { a, p } = await t.start();
    const before = await t.zxid(a);
    const replies = await Promise.all(every(a, p));
    expect(replies.map(({ err, zxid }) => [err, zxid])).toEqual(replies.map(() => [0, before]));
  }),
  probe('R-02', 'reads of a missing node', async (t) => {
    const { a, p } = await t.start();
    expect(await codes([...every(a, `${p}/missing`), a.getACL(`${p}/missing`)])).toEqual([-101, -101, -101, -101, -101]);
  }),
  probe('R-03', 'reads with a trailing slash', async (t) => {
    const { a, p } = await t.start();
    expect(await codes(every(a, `${p}/`))).toEqual([-101, -101, -101, -101]);
  }),
  probe('R-04', 'reads of "//" and "abc"', async (t) => {
    const { a } = await t.start();
    expect(await codes([...every(a, '//'), ...every(a, 'abc')])).toEqual(Array(8).fill(-101));
  }),
  probe('R-05', 'the empty path is the root', async (t) => {
    const { a, p } = await t.start();
    expect(await codes([a.get(''), a.exists('')])).toEqual([0, 0]);
    const { children } = await a.children('');
    expect(children).toContain('zookeeper');
    expect(children).toContain(p.slice(1));
  }),
  probe('R-06', 'reads of a null path', async (t) => {
    const { a } = await t.start();
    expect(await codes(every(a, null))).toEqual([-5, -5, -5, -5]);
  }),
  probe('R-07', 'a path with NUL', async (t) => {
    const { a, p } = await t.start();
    expect(await codes([a.exists(`${p}/\u0000`), a.get(`${p}/\u0000`)])).toEqual([-8, -101]);
  }),
  probe('R-08', 'the children of a leaf', async (t) => {
    const { a, p } = await t.start();
    expect(await a.children(p)).toMatchObject({ err: 0, children: [] });
  }),
  probe('R-09', 'getChildren2 adds the stat', async (t) => {
    const { a, p } = await t.start();
    for (const name of ['c', 'a', 'b']) await a.create(`${p}/${name}`);
    expect(await a.children2(p)).toMatchObject({ children: ['a', 'b', 'c'], stat: { numChildren: 3, cversion: 3 } });
    expect((await a.children(p)).children).toEqual(['a', 'b', 'c']);
  }),
  probe('R-10', 'malformed reads', async (t) => {
    const { a, p } = await t.start();
    const records = [int(3), bytes(p), cat(int(-5), bool(0)), cat(int(3_000_000), bool(0)), Buffer.alloc(0)];
    await t.moves(a, 0, async () => {
      for (const type of [OP.exists, OP.getData]) {
        for (const record of records) expect((await a.send(type, record)).err).toBe(-5);
      }
    });
  }),
  probe('R-11', 'bytes too many', async (t) => {
    const { a, p } = await t.start();
    expect((await a.send(OP.exists, cat(bytes(p), bool(0), Buffer.from('more')))).err).toBe(0);
  }),
  probe('R-12', 'a watch byte of 2', async (t) => {
    const { a, p } = await t.start();
    await a.get(p, 2);
    await a.set(p, 'x');
    await t.sees(a, 'S(P)');
  }),
  probe('R-13', 'sync echoes any path', async (t) => {
    const { a, p } = await t.start();
    const before = await t.zxid(a);
    for (const path of [p, `${p}/missing`, '', 'bad']) expect(await a.sync(path)).toMatchObject({ err: 0, path, zxid: before });
  }),
  probe('R-14', 'sync of null', async (t) => {
    const { a } = await t.start();
    expect(await a.sync(null)).toMatchObject({ err: 0, path: null });
  }),
  probe('R-15', 'getAllChildrenNumber', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await a.create(`${p}/b`);
    expect(await a.descendants(p)).toMatchObject({ err: 0, number: 2 });
    await a.create(`${p}/b/c`);
    expect((await a.descendants(p)).number).toBe(3);
    expect((await a.descendants(`${p}/missing`)).err).toBe(-101);
  }),
  probe('R-16', 'getEphemerals matches a plain prefix', async (t) => {
    const { a, p, all } = await withEphemerals(t);
    expect((await a.ephemerals(`${p}/g`)).children).toEqual(all.slice(0, 2));
  }),
  probe('R-17', 'getEphemerals of everything', async (t) => {
    const { a, all } = await withEphemerals(t);
    for (const prefix of ['/', '', '  ', null]) expect((await a.ephemerals(prefix)).children).toEqual(all);
  }),
  probe('R-18', 'getEphemerals of another session', async (t) => {
    await withEphemerals(t);
    const b = await t.connect();
    expect(await b.ephemerals('/')).toMatchObject({ err: 0, children: [] });
  }),
  probe(
    'R-19',
    'whoAmI of a fresh connection',
    async (t) => {
      const a = await t.connect();
      expect(await a.whoAmI()).toMatchObject({ err: 0, identities: ['ip:127.0.0.1'] });
    },
    { skipOn: since('3.7.0', 'whoAmI exists') },
  ),
  probe(
    'R-20',
    'whoAmI after digest',
    async (t) => {
      const a = await t.connect();
      await a.auth('digest', 'u:p');
      expect((await a.whoAmI()).identities).toEqual(['digest:u', 'ip:127.0.0.1']);
    },
    { skipOn: since('3.7.0', 'whoAmI exists') },
  ),
];
