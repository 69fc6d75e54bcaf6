import { expect } from 'vitest';
import { body, op, OP } from '../wire.ts';
import type { RawConnection } from '../wire.ts';
import { probe, since } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const CLOSED: [number, string, string][] = [[31, 'digest', 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=']];
const OPENED: [number, string, string][] = [[31, 'world', 'anyone']];
const FILTERED = since('3.8.4', 'events are filtered by READ');
const CHECKED = since('3.8.4', 'exists checks READ');
const COEXIST = since('3.9.0', 'several watch modes on one path stand side by side');

/** A holds P and knows the credentials; K watches. */
async function pair(
  t: Trial,
  options?: Parameters<Trial['start']>[0],
): Promise<{ a: RawConnection; k: RawConnection; p: string }> {
  const { a, p } = await t.start(options);
  await a.auth('digest', 'u:p');
  return { a, p, k: await t.connect() };
}

export const standardWatches: readonly Probe[] = [
  probe('W-01', 'an exists watch on a missing node sees its creation', async (t) => {
    const { a, k, p } = await pair(t);
    expect((await k.exists(`${p}/x`, true)).err).toBe(-101);
    await a.create(`${p}/x`);
    await t.sees(k, 'C(P/x)');
  }),
  probe('W-02', 'and only that', async (t) => {
    const { a, k, p } = await pair(t);
    await k.exists(`${p}/x`, true);
    await a.create(`${p}/x`);
    await a.set(`${p}/x`, '1');
    await t.sees(k, 'C(P/x)');
  }),
  probe('W-03', 'a getData watch sees a set', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
  }),
  probe('W-04', 'an exists watch on an existing node', async (t) => {
    const { a, k, p } = await pair(t);
    await k.exists(p, true);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
    await k.exists(p, true);
    await a.delete(p);
    await t.sees(k, 'D(P)');
  }),
  probe('W-05', 'getData and exists watches share one event', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await k.exists(p, true);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
  }),
  probe('W-06', 'getData of a missing node leaves no watch', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(`${p}/x`, true);
    await a.create(`${p}/x`);
    await t.sees(k);
  }),
  probe('W-07', 'getChildren of a missing node leaves no watch', async (t) => {
    const { a, k, p } = await pair(t);
    await k.children(`${p}/x`, true);
    await k.children2(`${p}/x`, true);
    await a.create(`${p}/x`);
    await a.create(`${p}/x/y`);
    await t.sees(k);
  }),
  probe('W-08', 'a children watch sees children come and go', async (t) => {
    const { a, k, p } = await pair(t);
    await k.children(p, true);
    await a.create(`${p}/x`);
    await t.sees(k, 'K(P)');
    await k.children2(p, true);
    await a.delete(`${p}/x`);
    await t.sees(k, 'K(P)');
  }),
  probe('W-09', 'a children watch sees no data', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/x`);
    await k.children(p, true);
    await a.set(p, '1');
    await a.set(`${p}/x`, '1');
    await t.sees(k);
  }),
  probe('W-10', 'a children watch sees no grandchildren', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/x`);
    await k.children(p, true);
    await a.create(`${p}/x/y`);
    await t.sees(k);
  }),
  probe('W-11', 'a deletion is told once, then the parent', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/d`);
    await k.get(`${p}/d`, true);
    await k.children(`${p}/d`, true);
    await k.children(p, true);
    await a.delete(`${p}/d`);
    await t.sees(k, 'D(P/d)', 'K(P)');
  }),
  probe('W-12', 'a children watch sees the deletion of its node', async (t) => {
    const { a, k, p } = await pair(t);
    await k.children(p, true);
    await a.delete(p);
    await t.sees(k, 'D(P)');
  }),
  probe('W-13', 'nothing is left after a deletion', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await k.children(p, true);
    await a.delete(p);
    await a.create(p);
    await t.sees(k, 'D(P)');
  }),
  probe('W-14', 'setACL fires nothing', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await k.exists(p, true);
    await k.children(p, true);
    await a.setACL(p, OPENED);
    await t.sees(k);
    await a.set(p, '1');
    await a.create(`${p}/x`);
    await t.sees(k, 'S(P)', 'K(P)');
  }),
  probe('W-15', 'a failed set fires nothing', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await a.set(p, '1', 9);
    await t.sees(k);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
  }),
  probe('W-16', 'the same watch twice is one', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await k.get(p, true);
    await a.set(p, '1');
    await a.set(p, '2');
    await t.sees(k, 'S(P)');
  }),
  probe('W-17', 'a read without a watch takes none away', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await k.get(p);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
  }),
  probe('W-18', 'the event of an own write comes before its reply', async (t) => {
    const { a, p } = await t.start();
    await a.get(p, true);
    await a.set(p, '1');
    expect(a.log.slice(-2).map((entry) => Object.keys(entry)[0])).toEqual(['event', 'reply']);
  }),
  probe('W-19', 'the event of an own create comes before its reply', async (t) => {
    const { a, p } = await t.start();
    await a.exists(`${p}/x`, true);
    await a.create(`${p}/x`);
    expect(a.log.slice(-2).map((entry) => Object.keys(entry)[0])).toEqual(['event', 'reply']);
  }),
  probe('W-20', 'the header of an event', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await a.set(p, '1');
    expect(await t.sees(k, 'S(P)')).toMatchObject([{ state: 3, xid: -1, err: 0 }]);
  }),
  probe('W-21', 'the zxid of an event', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    const { zxid } = await a.set(p, '1');
    expect(await t.sees(k, 'S(P)')).toMatchObject([{ zxid: t.isAtLeast('3.9.0') ? zxid : -1n }]);
  }),
  probe('W-22', 'a children watch on the root', async (t) => {
    const { a, k, p } = await pair(t);
    await k.children('/', true);
    await a.create(`${p}-beside`);
    await t.sees(k, 'K(/)');
  }),
  probe('W-23', 'a watch on the empty path never fires', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get('', true);
    await k.children('', true);
    await a.create(`${p}-beside`);
    await a.set('/', '');
    await t.sees(k);
  }),
  probe('W-24', 'a refused getData leaves no watch', async (t) => {
    const { a, k, p } = await pair(t, { acl: CLOSED });
    expect((await k.get(p, true)).err).toBe(-102);
    await a.setACL(p, OPENED);
    await a.set(p, '1');
    await t.sees(k);
  }),
  probe(
    'W-25',
    'the creation of an unreadable node is kept back, the watch spent',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.exists(`${p}/x`, true);
      await a.create(`${p}/x`, { acl: CLOSED });
      await t.sees(k);
      await a.setACL(`${p}/x`, OPENED);
      await a.set(`${p}/x`, '1');
      await t.sees(k);
    },
    { skipOn: FILTERED },
  ),
  probe(
    'W-26',
    'an event kept back spends the watch',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.get(p, true);
      await a.setACL(p, CLOSED);
      await a.set(p, '1');
      await t.sees(k);
      await a.setACL(p, OPENED);
      await a.set(p, '2');
      await t.sees(k);
    },
    { skipOn: FILTERED },
  ),
  probe(
    'W-27',
    'a refused exists leaves no watch',
    async (t) => {
      const { a, k, p } = await pair(t, { acl: CLOSED });
      expect((await k.exists(p, true)).err).toBe(-102);
      await a.setACL(p, OPENED);
      await a.set(p, '1');
      await t.sees(k);
    },
    { skipOn: CHECKED },
  ),
  probe(
    'W-28',
    'the children of a parent made unreadable',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.children(p, true);
      await a.setACL(p, CLOSED);
      await a.create(`${p}/x`);
      await t.sees(k);
    },
    { skipOn: FILTERED },
  ),
  probe('W-29', 'an unreadable child of a readable parent', async (t) => {
    const { a, k, p } = await pair(t);
    await k.children(p, true);
    await a.create(`${p}/x`, { acl: CLOSED });
    await t.sees(k, 'K(P)');
  }),
  probe(
    'W-30',
    'events are kept back by the credentials of the moment',
    async (t) => {
      const { a, k, p } = await pair(t, { acl: CLOSED });
      await k.addWatch(p, 0);
      await a.set(p, '1');
      await t.sees(k);
      await k.auth('digest', 'u:p');
      await a.set(p, '2');
      await t.sees(k, 'S(P)');
    },
    { skipOn: FILTERED },
  ),
  probe('W-31', 'a failed set, then a good one', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    await a.set(p, '1', 9);
    await a.set(p, '1', 0);
    await t.sees(k, 'S(P)');
  }),
];

export const persistentWatches: readonly Probe[] = [
  probe('V-01', 'addWatch answers with a zero', async (t) => {
    const { a, p } = await t.start();
    expect(await a.addWatch(p, 0)).toMatchObject({ err: 0, number: 0 });
    expect(await a.addWatch(p, 1)).toMatchObject({ err: 0, number: 0 });
  }),
  probe('V-02', 'unknown modes', async (t) => {
    const { a, p } = await t.start();
    expect([(await a.addWatch(p, 2)).err, (await a.addWatch(p, -1)).err]).toEqual([-5, -5]);
  }),
  probe('V-03', 'any path will do', async (t) => {
    const { a, p } = await t.start();
    for (const path of [`${p}/missing`, 'nop', '']) expect((await a.addWatch(path, 0)).err).toBe(0);
  }),
  probe('V-04', 'a persistent watch stays', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 0);
    await a.set(p, '1');
    await a.set(p, '2');
    await t.sees(k, 'S(P)', 'S(P)');
  }),
  probe('V-05', 'a persistent watch sees children', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 0);
    await a.create(`${p}/x`);
    await a.delete(`${p}/x`);
    await t.sees(k, 'K(P)', 'K(P)');
  }),
  probe('V-06', 'a persistent watch sees nothing further down', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/x`);
    await k.addWatch(p, 0);
    await a.set(`${p}/x`, '1');
    await a.create(`${p}/x/y`);
    await t.sees(k);
  }),
  probe('V-07', 'a persistent watch outlives its node', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 0);
    await a.delete(p);
    await a.create(p);
    await t.sees(k, 'D(P)', 'C(P)');
  }),
  probe('V-08', 'a recursive watch sees the subtree, never children changed', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 1);
    await a.set(p, '1');
    await a.create(`${p}/a`);
    await a.set(`${p}/a`, '1');
    await a.create(`${p}/a/b`);
    await a.delete(`${p}/a/b`);
    await a.delete(`${p}/a`);
    await a.delete(p);
    await a.create(p);
    await t.sees(k, 'S(P)', 'C(P/a)', 'S(P/a)', 'C(P/a/b)', 'D(P/a/b)', 'D(P/a)', 'D(P)', 'C(P)');
  }),
  probe('V-09', 'setACL fires nothing', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 0);
    await k.addWatch(p, 1);
    await a.setACL(p, OPENED);
    await t.sees(k);
  }),
  probe('V-10', 'a recursive watch on the root', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch('/', 1);
    await a.create(`${p}/x`);
    await a.set(p, '1');
    await t.sees(k, 'C(P/x)', 'S(P)');
  }),
  probe('V-11', 'a recursive watch goes by whole components', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/x`);
    await k.addWatch(`${p}/x`, 1);
    await a.create(`${p}/xy`);
    await t.sees(k);
  }),
  probe('V-12', 'two recursive watches, one event', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/rr`);
    await k.addWatch(p, 1);
    await k.addWatch(`${p}/rr`, 1);
    await a.set(`${p}/rr`, '1');
    await t.sees(k, 'S(P/rr)');
  }),
  probe('V-13', 'the same addWatch twice, one event', async (t) => {
    const { a, k, p } = await pair(t);
    for (const mode of [0, 0]) await k.addWatch(p, mode);
    await a.create(`${p}/r`);
    for (const mode of [1, 1]) await k.addWatch(`${p}/r`, mode);
    await t.sees(k, 'K(P)');
    await a.set(p, '1');
    await a.set(`${p}/r`, '1');
    await t.sees(k, 'S(P)', 'S(P/r)');
  }),
  probe('V-14', 'persistent and recursive on one path', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 0);
    await k.addWatch(p, 1);
    await a.create(`${p}/q`);
    await t.sees(k, ...(t.isAtLeast('3.9.0') ? ['C(P/q)', 'K(P)'] : ['C(P/q)']));
  }),
  probe(
    'V-15',
    'persistent, then getData with a watch',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.addWatch(p, 0);
      await k.get(p, true);
      await a.set(p, '1');
      await a.set(p, '2');
      await t.sees(k, 'S(P)', 'S(P)');
    },
    { skipOn: COEXIST },
  ),
  probe(
    'V-16',
    'persistent, then getChildren with a watch',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.addWatch(p, 0);
      await k.children(p, true);
      await a.create(`${p}/x`);
      await a.create(`${p}/y`);
      await t.sees(k, 'K(P)', 'K(P)');
    },
    { skipOn: COEXIST },
  ),
  probe('V-17', 'recursive, then getChildren with a watch', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 1);
    await k.children(p, true);
    await a.create(`${p}/x`);
    await a.create(`${p}/y`);
    await t.sees(k, 'C(P/x)', 'K(P)', 'C(P/y)');
  }),
  probe(
    'V-18',
    'recursive, then getData with a watch',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.addWatch(p, 1);
      await k.get(p, true);
      await a.set(p, '1');
      await a.set(p, '2');
      await t.sees(k, 'S(P)', 'S(P)');
    },
    { skipOn: COEXIST },
  ),
  probe('V-19', 'both kinds see a multi', async (t) => {
    const { a, k, p } = await pair(t);
    const b = await t.connect();
    await k.addWatch(p, 0);
    await b.addWatch(p, 1);
    await a.multi(...created(`${p}/m`));
    await t.sees(k, 'K(P)', 'K(P)');
    await t.sees(b, 'C(P/m)', 'S(P/m)', 'D(P/m)');
  }),
  probe('V-20', 'persistent on parent and child', async (t) => {
    const { a, k, p } = await pair(t);
    await k.addWatch(p, 0);
    await k.addWatch(`${p}/n`, 0);
    await a.create(`${p}/n`);
    await t.sees(k, 'C(P/n)', 'K(P)');
    await a.delete(`${p}/n`);
    await t.sees(k, 'D(P/n)', 'K(P)');
  }),
  probe(
    'V-21',
    'an unreadable node below a recursive watch',
    async (t) => {
      const { a, k, p } = await pair(t);
      await k.addWatch(p, 1);
      await a.create(`${p}/x`, { acl: CLOSED });
      await a.set(`${p}/x`, '1');
      await t.sees(k);
      await a.create(`${p}/x/y`);
      await a.set(`${p}/x/y`, '1');
      await a.delete(`${p}/x/y`);
      await t.sees(k, 'C(P/x/y)', 'S(P/x/y)', 'D(P/x/y)');
      await a.delete(`${p}/x`);
      await t.sees(k);
    },
    { skipOn: FILTERED },
  ),
];

const created = (path: string): Parameters<RawConnection['multi']> => [op.create(path), op.set(path, 'x'), op.delete(path)];

const check = async (k: RawConnection, path: string, ...types: number[]): Promise<(number | 'closed')[]> =>
  (await Promise.all(types.map((type) => k.checkWatches(path, type)))).map(({ err }) => err);

export const removedWatches: readonly Probe[] = [
  probe('X-01', 'no watch, types 1 to 3', async (t) => {
    const { a, p } = await t.start();
    expect(await check(a, p, 1, 2, 3)).toEqual([-121, -121, -121]);
    for (const type of [1, 2, 3]) expect((await a.removeWatches(p, type)).err).toBe(-121);
  }),
  probe('X-02', 'no watch, types 4 and 5', async (t) => {
    const { a, p } = await t.start();
    const code = t.isAtLeast('3.9.0') ? -121 : -5;
    expect(await check(a, p, 4, 5)).toEqual([code, code]);
    for (const type of [4, 5]) expect((await a.removeWatches(p, type)).err).toBe(code);
  }),
  probe('X-03', 'unknown types', async (t) => {
    const { a, p } = await t.start();
    expect(await check(a, p, 0, 6)).toEqual([-5, -5]);
    for (const type of [0, 6]) expect((await a.removeWatches(p, type)).err).toBe(-5);
  }),
  probe('X-04', 'a data watch', async (t) => {
    const { a, p } = await t.start();
    await a.get(p, true);
    expect(await check(a, p, 1, 2, 3)).toEqual([-121, 0, 0]);
  }),
  probe('X-05', 'an exists watch counts as data', async (t) => {
    const { a, p } = await t.start();
    await a.exists(`${p}/x`, true);
    expect(await check(a, `${p}/x`, 1, 2, 3)).toEqual([-121, 0, 0]);
  }),
  probe('X-06', 'a children watch', async (t) => {
    const { a, p } = await t.start();
    await a.children(p, true);
    expect(await check(a, p, 1, 2, 3)).toEqual([0, -121, 0]);
  }),
  probe('X-07', 'removed once, gone', async (t) => {
    const { a, p } = await t.start();
    await a.get(p, true);
    expect([(await a.removeWatches(p, 2)).err, (await a.removeWatches(p, 2)).err]).toEqual([0, -121]);
    await a.set(p, '1');
    await t.sees(a);
  }),
  probe(
    'X-08',
    'a persistent watch answers to 3 and 4',
    async (t) => {
      const { a, p } = await t.start();
      await a.addWatch(p, 0);
      expect(await check(a, p, 1, 2, 3, 4, 5)).toEqual([-121, -121, 0, 0, -121]);
    },
    { skipOn: COEXIST },
  ),
  probe(
    'X-09',
    'removing data and children watches leaves a persistent one',
    async (t) => {
      const { a, p } = await t.start();
      await a.addWatch(p, 0);
      expect([(await a.removeWatches(p, 1)).err, (await a.removeWatches(p, 2)).err]).toEqual([-121, -121]);
      await a.set(p, '1');
      await t.sees(a, 'S(P)');
    },
    { skipOn: COEXIST },
  ),
  probe(
    'X-10',
    'a recursive watch answers to 3 and 5',
    async (t) => {
      const { a, p } = await t.start();
      await a.addWatch(p, 1);
      expect(await check(a, p, 1, 2, 3, 4, 5)).toEqual([-121, -121, 0, -121, 0]);
    },
    { skipOn: COEXIST },
  ),
  probe('X-11', 'a recursive watch does not answer for the paths below', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await a.addWatch(p, 1);
    expect(await check(a, `${p}/a`, 1, 2, 3)).toEqual([-121, -121, -121]);
  }),
  probe(
    'X-12',
    'Any removes every mode',
    async (t) => {
      const { a, p } = await t.start();
      await a.get(p, true);
      await a.children(p, true);
      await a.addWatch(p, 0);
      await a.addWatch(p, 1);
      expect((await a.removeWatches(p, 3)).err).toBe(0);
      expect(await check(a, p, 1, 2, 3, 4, 5)).toEqual([-121, -121, -121, -121, -121]);
      await a.set(p, '1');
      await a.create(`${p}/x`);
      await t.sees(a);
    },
    { skipOn: COEXIST },
  ),
  probe('X-13', 'another connection’s watch', async (t) => {
    const { a, k, p } = await pair(t);
    await k.get(p, true);
    expect((await a.removeWatches(p, 2)).err).toBe(-121);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
  }),
  probe('X-14', 'a removal answers with a header and no event', async (t) => {
    const { a, p } = await t.start();
    await a.get(p, true);
    const reply = await a.removeWatches(p, 2);
    expect([reply.err, reply.extra]).toEqual([0, undefined]);
    await t.sees(a);
  }),
];

const kinds = (k: RawConnection): string[] => k.log.map((entry) => (entry === 'eof' ? entry : Object.keys(entry)[0]!));

export const setWatches: readonly Probe[] = [
  probe('Y-01', 'a data watch on a missing node', async (t) => {
    const { k, p } = await pair(t);
    const reply = await k.setWatches(1n, [`${p}/x`], [], []);
    expect([reply.err, reply.xid, reply.extra]).toEqual([0, -8, undefined]);
    expect(kinds(k).slice(-2)).toEqual(['event', 'reply']);
    expect(await t.sees(k, 'D(P/x)')).toMatchObject([{ zxid: -1n, state: 3, err: 0 }]);
  }),
  probe('Y-02', 'a data watch on a changed node', async (t) => {
    const { a, k, p } = await pair(t);
    const before = await t.zxid(a);
    await a.set(p, '1');
    await k.setWatches(before, [p], [], []);
    await t.sees(k, 'S(P)');
    await a.set(p, '2');
    await t.sees(k);
  }),
  probe('Y-03', 'a data watch on an unchanged node', async (t) => {
    const { a, k, p } = await pair(t);
    const { stat } = await a.exists(p);
    await k.setWatches(stat!.mzxid, [p], [], []);
    await t.sees(k);
    await a.set(p, '1');
    await t.sees(k, 'S(P)');
  }),
  probe('Y-04', 'an exists watch on an existing node', async (t) => {
    const { a, k, p } = await pair(t);
    await k.setWatches(await t.zxid(a), [], [p], []);
    await t.sees(k, 'C(P)');
  }),
  probe('Y-05', 'an exists watch on a missing node', async (t) => {
    const { a, k, p } = await pair(t);
    await k.setWatches(await t.zxid(a), [], [`${p}/x`], []);
    await t.sees(k);
    await a.create(`${p}/x`);
    await t.sees(k, 'C(P/x)');
  }),
  probe('Y-06', 'children watches', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/old`);
    await a.create(`${p}/new`);
    const then = await t.zxid(a);
    await a.create(`${p}/new/x`);
    await k.setWatches(then, [], [], [`${p}/missing`, `${p}/new`, `${p}/old`]);
    await t.sees(k, 'D(P/missing)', 'K(P/new)');
    await a.create(`${p}/old/x`);
    await a.create(`${p}/new/y`);
    await t.sees(k, 'K(P/old)');
  }),
  probe('Y-07', 'events come first, the reply after', async (t) => {
    const { k, p } = await pair(t);
    await k.setWatches(0n, [p, `${p}/x`], [p], [p]);
    expect(kinds(k)).toEqual(['connect', 'event', 'event', 'event', 'event', 'reply']);
    expect(k.replies[0]?.xid).toBe(-8);
  }),
  probe('Y-08', 'the xid is echoed', async (t) => {
    const { k, p } = await pair(t);
    expect((await k.setWatches(0n, [p], [], [], 50)).xid).toBe(50);
  }),
  probe('Y-09', 'persistent watches are armed without catching up', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/r`);
    expect((await k.setWatches2(0n, [], [], [], [p], [`${p}/r`])).err).toBe(0);
    await t.sees(k);
    await a.set(p, '1');
    await a.set(`${p}/r`, '1');
    await a.create(`${p}/r/x`);
    await t.sees(k, 'S(P)', 'S(P/r)', 'C(P/r/x)');
  }),
  probe('Y-10', 'since zxid 0 everything has changed', async (t) => {
    const { k, p } = await pair(t);
    await k.setWatches(0n, [p], [], [p]);
    await t.sees(k, 'S(P)', 'K(P)');
  }),
  probe('Y-11', 'null lists', async (t) => {
    const { k, p } = await pair(t);
    expect((await k.setWatches(0n, null, null, null)).err).toBe(-5);
    expect((await k.exists(p)).err).toBe(0);
  }),
  probe('Y-12', 'catching up asks no permission', async (t) => {
    const { a, k, p } = await pair(t);
    await a.create(`${p}/x`, { acl: CLOSED });
    await k.setWatches(0n, [`${p}/x`], [], [`${p}/x`]);
    await t.sees(k, 'S(P/x)', 'K(P/x)');
  }),
  probe('Y-13', 'setWatches takes no zxid', async (t) => {
    const { a, p } = await t.start();
    await t.moves(a, 0, () => a.send(OP.setWatches2, body.setWatches(0n, [p], [p], [p], [p], [p]), -8));
  }),
];
