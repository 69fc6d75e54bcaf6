import { expect } from 'vitest';
import { bool, bytes, cat, int, op, OP } from '../wire.ts';
import type { RawConnection, Reply } from '../wire.ts';
import { probe, since } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const types = ({ results }: Reply): number[] | undefined => results?.map(({ type }) => type);
const codes = ({ results }: Reply): number[] | undefined => results?.map(({ err }) => err);

/** The whole multi is refused: no results, nothing done, one zxid taken. */
const refuses = (t: Trial, a: RawConnection, request: () => Promise<Reply>): Promise<void> => t.fails(a, -5, request);

export const multi: readonly Probe[] = [
  probe('M-01', 'create, set, check and delete in one', async (t) => {
    const { a, p } = await t.start();
    const before = await t.zxid(a);
    const reply = await a.multi(op.create(`${p}/a`), op.set(`${p}/a`, 'x'), op.check(`${p}/a`, 1), op.delete(`${p}/a`));
    expect(reply).toMatchObject({ err: 0, zxid: before + 1n });
    expect(types(reply)).toEqual([1, 5, 13, 2]);
    expect(reply.results?.[0]?.path).toBe(`${p}/a`);
    expect(reply.results?.[1]?.stat?.version).toBe(1);
    expect((await a.exists(p)).stat).toMatchObject({ cversion: 2, pzxid: reply.zxid, numChildren: 0 });
  }),
  probe('M-02', 'one failure undoes all', async (t) => {
    const { a, p } = await t.start();
    const before = (await a.exists(p)).stat;
    await t.moves(a, 1, async () => {
      const reply = await a.multi(op.create(`${p}/a`), op.delete(`${p}/missing`), op.create(`${p}/b`));
      expect([reply.err, types(reply), codes(reply)]).toEqual([0, [-1, -1, -1], [0, -101, -2]]);
    });
    expect((await a.exists(`${p}/a`)).err).toBe(-101);
    expect((await a.exists(p)).stat).toEqual(before);
  }),
  probe('M-03', 'a failed result says its code twice', async (t) => {
    const { a, p } = await t.start();
    const { results } = await a.multi(op.set(p, 'x'), op.check(p, 9), op.delete(p));
    expect(results).toEqual([0, -103, -2].map((code) => ({ type: -1, err: code, code })));
  }),
  probe('M-04', 'an empty multi', async (t) => {
    const { a } = await t.start();
    await t.moves(a, 1, async () => expect(await a.multi()).toMatchObject({ err: 0, results: [] }));
  }),
  probe('M-05', 'checks', async (t) => {
    const { a, p } = await t.start();
    const results = await Promise.all([
      a.multi(op.check(p, -1)),
      a.multi(op.check(p, 0)),
      a.multi(op.check(p, 5)),
      a.multi(op.check(`${p}/missing`)),
    ]);
    expect(results.map(codes)).toEqual([[0], [0], [-103], [-101]]);
  }),
  probe('M-06', 'a multi of checks takes a zxid', async (t) => {
    const { a, p } = await t.start();
    await t.moves(a, 1, () => a.multi(op.check(p, 0), op.check(p, -1)));
  }),
  probe('M-07', 'versions move within a multi', async (t) => {
    const { a, p } = await t.start();
    expect(codes(await a.multi(op.set(p, 'x'), op.set(p, 'y', 1), op.set(p, 'z', 1)))).toEqual([0, 0, -103]);
    expect((await a.exists(p)).stat?.version).toBe(0);
  }),
  probe('M-08', 'the same create twice', async (t) => {
    const { a, p } = await t.start();
    expect(codes(await a.multi(op.create(`${p}/a`), op.create(`${p}/a`)))).toEqual([0, -110]);
  }),
  probe('M-09', 'a child below an ephemeral of the same multi', async (t) => {
    const { a, p } = await t.start();
    expect(codes(await a.multi(op.create(`${p}/e`, { flags: 1 }), op.create(`${p}/e/x`)))).toEqual([0, -108]);
  }),
  probe('M-10', 'a parent and its child come and go', async (t) => {
    const { a, p } = await t.start();
    const reply = await a.multi(op.create(`${p}/p`), op.create(`${p}/p/q`), op.delete(`${p}/p/q`), op.delete(`${p}/p`));
    expect(types(reply)).toEqual([1, 1, 2, 2]);
  }),
  probe('M-11', 'delete and create again', async (t) => {
    const { a, p } = await t.start({ data: 'old' });
    expect(types(await a.multi(op.delete(p), op.create(p, { data: 'new' })))).toEqual([2, 1]);
    expect((await a.get(p)).data).toBe('new');
  }),
  probe('M-12', 'bad operations are results', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    const replies = await Promise.all([a.multi(op.create('/')), a.multi(op.create('nos')), a.multi(op.delete(p))]);
    expect(replies.map(codes)).toEqual([[-110], [-8], [-111]]);
  }),
  probe('M-13', 'create2 inside a multi', async (t) => {
    const { a, p } = await t.start();
    const reply = await a.multi(op.create2(`${p}/a`));
    const full = t.isAtLeast('3.8.2') || (t.isAtLeast('3.7.2') && !t.isAtLeast('3.8.0'));
    expect(types(reply)).toEqual([full ? 15 : 1]);
    if (full) expect(reply.results?.[0]).toMatchObject({ path: `${p}/a`, stat: { czxid: reply.zxid } });
  }),
  probe('M-14', 'createContainer inside a multi', async (t) => {
    const { a, p } = await t.start();
    expect(types(await a.multi(op.createContainer(`${p}/c`)))).toEqual([15]);
  }),
  probe(
    'M-15',
    'container flags inside a multi make a container',
    async (t) => {
      const { a, p } = await t.start();
      expect(types(await a.multi(op.create(`${p}/c`, { flags: 4 })))).toEqual([15]);
      await a.exists(`${p}/c`, true);
      await a.create(`${p}/c/x`);
      await a.delete(`${p}/c/x`);
      await t.gone(`${p}/c`);
      await t.sees(a, 'D(P/c)');
    },
    { needs: 'extended', waits: true },
  ),
  probe('M-16', 'createTTL inside a multi, TTL nodes off', async (t) => {
    const { a, p } = await t.start();
    expect(codes(await a.multi(op.createTTL(`${p}/a`, { ttl: 1000 })))).toEqual([-6]);
  }),
  probe(
    'M-16b',
    'createTTL inside a multi, TTL nodes on',
    async (t) => {
      const { a, p } = await t.start();
      expect(types(await a.multi(op.createTTL(`${p}/a`, { ttl: 100_000 })))).toEqual([15]);
      expect(codes(await a.multi(op.createTTL(`${p}/b`, { ttl: 0 })))).toEqual([-8]);
    },
    { needs: 'extended' },
  ),
  probe('M-16c', 'createTTL with unknown flags inside a multi', async (t) => {
    const { a, p } = await t.start();
    expect(codes(await a.multi(op.create(`${p}/a`), op.createTTL(`${p}/b`, { flags: 9, ttl: 1000 })))).toEqual([0, -8]);
  }),
  probe('M-17', 'TTL flags with create inside a multi', async (t) => {
    const { a, p } = await t.start();
    await refuses(t, a, () => a.multi(op.create(`${p}/b`), op.create(`${p}/a`, { flags: 5 })));
    expect((await a.children(p)).children).toEqual([]);
  }),
  probe(
    'M-18',
    'unknown flags inside a multi',
    async (t) => {
      const { a, p } = await t.start();
      await refuses(t, a, () => a.multi(op.create(`${p}/b`), op.create(`${p}/a`, { flags: 9 })));
      expect((await a.children(p)).children).toEqual([]);
    },
    { skipOn: since('3.8.2', 'the whole multi is refused') },
  ),
  probe('M-19', 'operations that no multi may hold', async (t) => {
    const { a, p } = await t.start();
    await refuses(t, a, () => a.multi(op.get(p)));
    await refuses(t, a, () => a.multi(op.create(`${p}/a`), op.get(p)));
    await refuses(t, a, () => a.multi(op.create(`${p}/a`), op.setACL(p, [[31, 'world', 'anyone']])));
    expect((await a.children(p)).children).toEqual([]);
  }),
  probe('M-20', 'a truncated multi', async (t) => {
    const { a, p } = await t.start();
    await refuses(t, a, () => a.send(OP.multi, cat(int(OP.create), bool(0), int(-1), bytes(`${p}/a`))));
  }),
  probe('M-21', 'nodes of one multi share zxid and time', async (t) => {
    const { a, p } = await t.start();
    await a.multi(op.create(`${p}/a`), op.create(`${p}/b`));
    const [x, y] = [(await a.exists(`${p}/a`)).stat!, (await a.exists(`${p}/b`)).stat!];
    expect([x.czxid, x.ctime, x.mtime]).toEqual([y.czxid, y.ctime, x.ctime]);
  }),
  probe('M-22', 'each set answers with its own stat', async (t) => {
    const { a, p } = await t.start();
    const { results } = await a.multi(op.set(p, '1'), op.set(p, '22'));
    expect(results?.map(({ stat }) => [stat?.version, stat?.dataLength])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  }),
  probe('M-23', 'one operation lacks permission', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`, { acl: [[1, 'world', 'anyone']] });
    expect(codes(await a.multi(op.set(p, 'x'), op.set(`${p}/a`, 'x'), op.set(p, 'y')))).toEqual([0, -102, -2]);
    expect((await a.exists(p)).stat?.version).toBe(0);
  }),
  probe('M-24', 'an ephemeral of a multi ends with its session', async (t) => {
    const { a, p } = await t.start();
    const b = await t.connect();
    await b.multi(op.create(`${p}/e`, { flags: 1 }));
    expect((await a.exists(`${p}/e`)).stat?.ephemeralOwner).toBe(b.session?.sessionId);
    await b.closeSession();
    t.settle(b);
    expect((await a.exists(`${p}/e`)).err).toBe(-101);
  }),
  probe('M-25', 'one-shots are spent by the first operation that matches', async (t) => {
    const { a, p } = await t.start();
    const k = await t.connect();
    await k.get(p, true);
    await k.children(p, true);
    await a.multi(op.set(p, '1'), op.set(p, '2'), op.create(`${p}/x`), op.delete(`${p}/x`), op.delete(p));
    await t.sees(k, 'S(P)', 'K(P)');
  }),
  probe('M-26', 'delete and create again of a watched node', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    const k = await t.connect();
    await k.get(`${p}/a`, true);
    await k.children(p, true);
    await a.multi(op.delete(`${p}/a`), op.create(`${p}/a`));
    await t.sees(k, 'D(P/a)', 'K(P)');
  }),
  probe('M-27', 'an exists watch sees only the create', async (t) => {
    const { a, p } = await t.start();
    const k = await t.connect();
    await k.exists(`${p}/z`, true);
    await a.multi(op.create(`${p}/z`), op.set(`${p}/z`, 'x'));
    await t.sees(k, 'C(P/z)');
    await k.exists(`${p}/y`, true);
    await a.multi(op.create(`${p}/y`), op.delete(`${p}/y`));
    await t.sees(k, 'C(P/y)');
  }),
  probe('M-28', 'a failed multi fires nothing', async (t) => {
    const { a, p } = await t.start();
    const k = await t.connect();
    await k.get(p, true);
    await k.addWatch(p, 1);
    await a.multi(op.set(p, 'x'), op.create(`${p}/a`), op.check(p, 99));
    await t.sees(k);
    await a.set(p, 'y');
    await t.sees(k, 'S(P)');
  }),
  probe('M-29', 'multiRead', async (t) => {
    const { a, p } = await t.start({ data: 'x' });
    await a.create(`${p}/a`);
    await t.moves(a, 0, async () => {
      const reply = await a.multiRead(op.get(p), op.children(p), op.get(`${p}/no`), op.children(`${p}/no`));
      expect([reply.err, types(reply), codes(reply)]).toEqual([0, [4, 8, -1, -1], [0, 0, -101, -101]]);
      expect(reply.results?.[0]?.data).toBe('x');
      expect(reply.results?.[1]?.children).toEqual(['a']);
    });
  }),
  probe('M-30', 'an empty multiRead', async (t) => {
    const { a } = await t.start();
    await t.moves(a, 0, async () => expect(await a.multiRead()).toMatchObject({ err: 0, results: [] }));
  }),
  probe('M-31', 'operations that no multiRead may hold', async (t) => {
    const { a, p } = await t.start();
    for (const member of [op.exists(p), op.children2(p), op.create(`${p}/a`)])
      expect((await a.multiRead(op.get(p), member)).err).toBe(-5);
    expect((await a.children(p)).children).toEqual([]);
  }),
  probe('M-32', 'multiRead leaves no watch', async (t) => {
    const { a, p } = await t.start();
    await a.multiRead(op.get(p, true), op.children(p, true));
    await a.set(p, 'x');
    await a.create(`${p}/a`);
    await t.sees(a);
  }),
];
