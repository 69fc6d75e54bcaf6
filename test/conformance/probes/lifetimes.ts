import { expect } from 'vitest';
import { body, cat, long, op, OP } from '../wire.ts';
import type { RawConnection, Reply } from '../wire.ts';
import { pause, probe, repeatedly, since } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const TTL_MAX = 2n ** 40n - 1n;
const OVER_TIME = { needs: 'extended', waits: true } as const;
const code = async (reply: Promise<Reply>): Promise<number | 'closed'> => (await reply).err;

/** A watched container P/c whose only child has gone. */
async function emptied(
  t: Trial,
  create: (a: RawConnection, path: string) => Promise<Reply>,
): Promise<{ a: RawConnection; c: string }> {
  const { a, p } = await t.start();
  const c = `${p}/c`;
  expect(await code(create(a, c))).toBe(0);
  await a.create(`${c}/x`);
  await a.exists(c, true);
  await a.delete(`${c}/x`);
  return { a, c };
}

export const lifetimes: readonly Probe[] = [
  probe('L-01', 'TTL nodes where they are off', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -6, () => a.createTTL(`${p}/a`, { ttl: 1000 }));
    await t.zxid(a);
  }),
  probe('L-02', 'createTTL with the flags of plain nodes', async (t) => {
    const { a, p } = await t.start();
    await t.fails(a, -8, () => a.createTTL(`${p}/a`, { flags: 0, ttl: 1000 }));
  }),
  probe(
    'L-02b',
    'createTTL with the flags of plain nodes, TTL nodes on',
    async (t) => {
      const { a, p } = await t.start();
      for (const flags of [0, 1]) await t.fails(a, -8, () => a.createTTL(`${p}/a`, { flags, ttl: 1000 }));
    },
    { needs: 'extended' },
  ),
  probe(
    'L-03',
    'the range of a TTL',
    async (t) => {
      const { a, p } = await t.start();
      const asked = [1n, TTL_MAX, TTL_MAX + 1n, 0n, -1n, -(2n ** 63n)];
      const codes = await Promise.all(asked.map((ttl, i) => code(a.createTTL(`${p}/${i}`, { ttl }))));
      expect(codes).toEqual([0, 0, -8, -8, -8, -8]);
    },
    OVER_TIME,
  ),
  probe(
    'L-04',
    'a TTL node has no owner to show',
    async (t) => {
      const { a, p } = await t.start();
      expect(await a.createTTL(`${p}/a`, { ttl: 100_000 })).toMatchObject({
        err: 0,
        path: `${p}/a`,
        stat: { ephemeralOwner: 0n },
      });
      expect((await a.exists(`${p}/a`)).stat?.ephemeralOwner).toBe(0n);
    },
    { needs: 'extended' },
  ),
  probe(
    'L-05',
    'a sequential TTL node',
    async (t) => {
      const { a, p } = await t.start();
      expect((await a.createTTL(`${p}/a`, { flags: 6, ttl: 100_000 })).path).toBe(`${p}/a0000000000`);
    },
    { needs: 'extended' },
  ),
  probe(
    'L-06',
    'a TTL node left alone is removed',
    async (t) => {
      const { a, p } = await t.start();
      const onlooker = await t.onlooker();
      await a.createTTL(`${p}/a`, { ttl: 400 });
      await a.exists(`${p}/a`, true);
      await a.children(p, true);
      await t.moves(a, 1, async () => {
        while ((await onlooker.exists(`${p}/a`)).err === 0) await pause(50);
      });
      await t.sees(a, 'D(P/a)', 'K(P)');
    },
    { needs: 'extended' },
  ),
  probe(
    'L-07',
    'a TTL node written to often enough stays',
    async (t) => {
      const { a, p } = await t.start();
      t.silence(a);
      await a.createTTL(`${p}/a`, { ttl: 2000 });
      await repeatedly(5000, 200, async () => expect((await a.set(`${p}/a`, 'x')).err).toBe(0));
    },
    OVER_TIME,
  ),
  probe(
    'L-08',
    'reads and setACL keep no TTL node',
    async (t) => {
      const { a, p } = await t.start();
      t.silence(a);
      await a.createTTL(`${p}/a`, { ttl: 1000 });
      const end = Date.now() + 20_000;
      let err: number | 'closed' = 0;
      while (err === 0 && Date.now() < end) {
        err = (await a.get(`${p}/a`)).err;
        await a.setACL(`${p}/a`, [[31, 'world', 'anyone']]);
        await pause(100);
      }
      expect(err).toBe(-101);
    },
    OVER_TIME,
  ),
  probe(
    'L-09',
    'a TTL node with a child stays until the child goes',
    async (t) => {
      const { a, p } = await t.start();
      await a.createTTL(`${p}/a`, { ttl: 600 });
      expect((await a.create(`${p}/a/x`)).err).toBe(0);
      await t.idle(2000);
      expect((await a.exists(`${p}/a`, true)).err).toBe(0);
      await a.delete(`${p}/a/x`);
      await t.gone(`${p}/a`);
      await t.sees(a, 'D(P/a)');
    },
    OVER_TIME,
  ),
  probe(
    'L-10',
    'a child below a TTL node',
    async (t) => {
      const { a, p } = await t.start();
      await a.createTTL(`${p}/a`, { ttl: 100_000 });
      expect((await a.create(`${p}/a/x`)).err).toBe(0);
    },
    { needs: 'extended' },
  ),
  probe('L-11', 'createContainer', async (t) => {
    const { a, p } = await t.start();
    for (const flags of [4, 0]) {
      expect(await a.createContainer(`${p}/${flags}`, { flags })).toMatchObject({
        err: 0,
        path: `${p}/${flags}`,
        stat: { ephemeralOwner: 0n },
      });
    }
  }),
  probe(
    'L-12',
    'a container never used stays',
    async (t) => {
      const { a, p } = await t.start();
      await a.createContainer(`${p}/c`);
      await t.idle(3000);
      expect((await a.exists(`${p}/c`)).err).toBe(0);
    },
    OVER_TIME,
  ),
  probe(
    'L-13',
    'a container goes after its last child',
    async (t) => {
      const { a, c } = await emptied(t, (connection, path) => connection.createContainer(path));
      await t.gone(c);
      await t.sees(a, 'D(P/c)');
    },
    OVER_TIME,
  ),
  probe(
    'L-14',
    'a container with a child stays',
    async (t) => {
      const { a, p } = await t.start();
      await a.createContainer(`${p}/c`);
      await a.create(`${p}/c/x`);
      await a.create(`${p}/c/y`);
      await a.delete(`${p}/c/y`);
      await t.idle(2000);
      expect((await a.exists(`${p}/c`)).err).toBe(0);
    },
    OVER_TIME,
  ),
  probe(
    'L-15',
    'a container never used goes where that has a limit',
    async (t) => {
      const { a, p } = await t.start();
      const from = Date.now();
      await a.createContainer(`${p}/c`);
      await a.exists(`${p}/c`, true);
      await t.gone(`${p}/c`);
      expect(Date.now() - from).toBeGreaterThan(2900);
      await t.sees(a, 'D(P/c)');
    },
    { needs: 'sasl', waits: true },
  ),
  probe('L-16', 'a container with the flags of an ephemeral is none', async (t) => {
    const { a, p } = await t.start();
    expect(await a.createContainer(`${p}/c`, { flags: 1 })).toMatchObject({ err: 0, stat: { ephemeralOwner: 0n } });
    expect((await a.ephemerals('/')).children).toEqual([]);
    expect((await a.create(`${p}/c/x`)).err).toBe(0);
  }),
  probe(
    'L-17',
    'container flags with create make no container',
    async (t) => {
      const { a, c } = await emptied(t, (connection, path) => connection.create(path, { flags: 4 }));
      await t.idle(2000);
      expect((await a.exists(c)).err).toBe(0);
    },
    OVER_TIME,
  ),
  probe(
    'S-90',
    'createTTL with the flags of plain nodes and a TTL of -1',
    async (t) => {
      const { a, p } = await t.start();
      if (t.target.name !== 'embedded') throw new Error('this request ends a real server');
      for (const flags of [0, 1, 2, 3, 4]) {
        expect(await code(a.send(OP.createTTL, cat(body.create(`${p}/a`, { flags }), long(-1))))).toBe(-8);
      }
    },
    { skipOn: ({ name }) => (name === 'real' ? 'it ends the process of a real server' : undefined) },
  ),
  probe(
    'L-18',
    'deleteContainer from a client',
    async (t) => {
      const { a, p } = await t.start();
      await a.create(`${p}/leaf`);
      await a.create(`${p}/e`, { flags: 1 });
      await a.create(`${p}/full`);
      await a.create(`${p}/full/x`);
      const paths = ['leaf', 'e', 'full', 'missing'].map((name) => `${p}/${name}`);
      const codes: (number | 'closed')[] = [];
      for (const path of paths) codes.push(await code(a.send(OP.deleteContainer, body.path(path))));
      expect(codes).toEqual([0, -103, -111, -101]);
      expect((await a.exists(`${p}/leaf`)).err).toBe(-101);
    },
    { skipOn: since('3.9.0', 'the path is length-prefixed') },
  ),
];

const LIMITS = 'count=3,bytes=-1=;byteHardLimit=20;countHardLimit=4';

interface Quota {
  a: RawConnection;
  p: string;
  limits: string;
  stats: string;
  usage: () => Promise<string | null | undefined>;
}

/** P with one child and five bytes in all, under a quota. */
async function withQuota(t: Trial): Promise<Quota> {
  const { a, p } = await t.start({ data: 'ab' });
  await a.create(`${p}/c`, { data: 'cde' });
  const at = `/zookeeper/quota${p}`;
  const [limits, stats] = [`${at}/zookeeper_limits`, `${at}/zookeeper_stats`];
  expect((await a.create(at)).err).toBe(0);
  expect((await a.create(limits, { data: LIMITS })).err).toBe(0);
  expect((await a.create(stats, { data: 'count=0,bytes=0' })).err).toBe(0);
  return { a, p, limits, stats, usage: async () => (await a.get(stats)).data };
}

const quotaProbe = (id: string, title: string, run: (q: Quota, t: Trial) => Promise<unknown>): Probe =>
  probe(id, title, async (t) => run(await withQuota(t), t), { needs: 'extended', skipOn: since('3.7.0', 'hard quotas exist') });

export const quota: readonly Probe[] = [
  quotaProbe('U-01', 'the statistics are right from the start', async (q) => {
    expect(await q.usage()).toBe('count=2,bytes=5');
  }),
  quotaProbe('U-02', 'the statistics change in silence', async ({ a, p, stats, usage }, t) => {
    await a.get(stats, true);
    await a.addWatch('/zookeeper/quota', 1);
    const { stat: before } = await a.exists(stats);
    await a.create(`${p}/d`, { data: 'x' });
    expect(await usage()).toBe('count=3,bytes=6');
    const { stat } = await a.exists(stats);
    expect(stat).toEqual({ ...before, dataLength: stat?.dataLength });
    expect([stat?.version, stat?.mzxid]).toEqual([0, stat?.czxid]);
    await t.sees(a);
  }),
  quotaProbe('U-03', 'a soft limit only warns', async ({ a, p }) => {
    expect([(await a.create(`${p}/3`)).err, (await a.create(`${p}/4`)).err]).toEqual([0, 0]);
  }),
  quotaProbe('U-04', 'a hard limit on the number of nodes', async ({ a, p }, t) => {
    await a.create(`${p}/3`);
    await a.create(`${p}/4`);
    await t.fails(a, -125, () => a.create(`${p}/5`));
  }),
  quotaProbe('U-05', 'a hard limit on bytes', async ({ a, p, usage }, t) => {
    await t.fails(a, -125, () => a.set(p, 'x'.repeat(18)));
    expect((await a.set(p, 'x'.repeat(17))).err).toBe(0);
    expect(await usage()).toBe('count=2,bytes=20');
  }),
  quotaProbe('U-05b', 'a change to fewer bytes that are still too many', async ({ a, p, limits }, t) => {
    await a.set(limits, 'count=-1,bytes=-1=;byteHardLimit=3;countHardLimit=1');
    await t.fails(a, -125, () => a.set(p, 'x'));
    expect((await a.set(p, 'xy')).err).toBe(0);
    expect((await a.set(p, '')).err).toBe(0);
  }),
  quotaProbe('U-06', 'a deletion counts', async ({ a, p, usage }) => {
    await a.delete(`${p}/c`);
    expect(await usage()).toBe('count=1,bytes=2');
  }),
  quotaProbe('U-07', 'a multi is checked against what is there', async ({ a, p, usage }) => {
    await a.create(`${p}/3`);
    expect((await a.multi(op.create(`${p}/4`), op.create(`${p}/5`))).results?.map(({ type }) => type)).toEqual([1, 1]);
    expect(await usage()).toBe('count=5,bytes=5');
  }),
  quotaProbe('U-08', 'and refused once that is too much', async ({ a, p }) => {
    await a.create(`${p}/3`);
    await a.multi(op.create(`${p}/4`), op.create(`${p}/5`));
    const { results } = await a.multi(op.create(`${p}/6`), op.create(`${p}/7`), op.create(`${p}/8`));
    expect(results?.map(({ err }) => err)).toEqual([-125, -2, -2]);
  }),
  quotaProbe('U-09', 'without its limits there is no quota', async ({ a, p, limits }) => {
    await a.delete(limits);
    for (let i = 0; i < 5; i++) expect((await a.create(`${p}/${i}`)).err).toBe(0);
  }),
  probe('U-10', 'quotas that are not enforced', async (t) => {
    const { a, p } = await withQuota(t);
    for (let i = 0; i < 5; i++) expect((await a.create(`${p}/${i}`)).err).toBe(0);
    expect((await a.set(p, 'x'.repeat(40))).err).toBe(0);
  }),
];
