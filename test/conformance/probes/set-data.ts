import { expect } from 'vitest';
import { probe } from './trial.ts';
import type { Probe } from './trial.ts';

export const setData: readonly Probe[] = [
  probe('S-01', 'setData and its stat', async (t) => {
    const { a, p } = await t.start();
    const before = (await a.exists(p)).stat!;
    await t.moves(a, 1, async () => {
      const { err, zxid, stat } = await a.set(p, 'hello');
      expect(err).toBe(0);
      expect(stat).toEqual({ ...before, version: 1, mzxid: zxid, mtime: stat?.mtime, dataLength: 5 });
      expect(stat!.mtime >= before.mtime).toBe(true);
    });
  }),
  probe('S-02', 'the same bytes again count', async (t) => {
    const { a, p } = await t.start({ data: 'x' });
    await a.set(p, 'x');
    expect((await a.set(p, 'x')).stat?.version).toBe(2);
  }),
  probe('S-03', 'the current version is accepted', async (t) => {
    const { a, p } = await t.start();
    expect((await a.set(p, 'x', 0)).err).toBe(0);
    expect((await a.set(p, 'x', 1)).err).toBe(0);
  }),
  probe('S-04', 'a stale version', async (t) => {
    const { a, p } = await t.start();
    await a.get(p, true);
    await t.fails(a, -103, () => a.set(p, 'x', 7));
    await t.fails(a, -103, () => a.set(p, 'x', -2));
    await t.sees(a);
  }),
  probe('S-05', 'null data', async (t) => {
    const { a, p } = await t.start({ data: 'x' });
    expect((await a.set(p, null)).err).toBe(0);
    expect((await a.get(p)).data).toBeNull();
  }),
  probe('S-06', 'a missing node', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -101, () => a.set(`${p}/missing`, 'x'));
  }),
  probe('S-07', 'impossible paths', async (t) => {
    const { a, p } = await t.start();
    for (const path of [`${p}/`, '', 'a', '//x']) await t.fails(a, -8, () => a.set(path, 'x'));
  }),
  probe('S-08', 'no WRITE permission wins over a wrong version', async (t) => {
    const { a, p } = await t.start();
    await a.setACL(p, [[1, 'world', 'anyone']]);
    await t.fails(a, -102, () => a.set(p, 'x', 9));
  }),
  probe('S-09', 'an ephemeral of another session', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/e`, { flags: 1 });
    const b = await t.connect();
    expect(await b.set(`${p}/e`, 'x')).toMatchObject({ err: 0, stat: { ephemeralOwner: a.session?.sessionId } });
  }),
  probe('S-10', 'a node with children', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    expect(await a.set(p, 'x')).toMatchObject({ err: 0, stat: { numChildren: 1 } });
  }),
  probe('S-11', 'the root', async (t) => {
    const a = await t.connect();
    expect((await a.set('/', 'x')).err).toBe(0);
    expect((await a.get('/')).data).toBe('x');
    await a.set('/', '');
  }),
  probe('S-12', 'the parent', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    const before = (await a.exists(p)).stat;
    await a.set(`${p}/a`, 'x');
    expect((await a.exists(p)).stat).toEqual(before);
  }),
];
