import { expect } from 'vitest';
import { body, bytes, cat, long, op, OP } from '../wire.ts';
import type { RawConnection, Reply } from '../wire.ts';
import { probe, since } from './trial.ts';
import type { Probe, Trial } from './trial.ts';

const OPENED: [number, string, string][] = [[31, 'world', 'anyone']];
const reconfig = (a: RawConnection): Promise<Reply> => a.send(OP.reconfig, cat(bytes(null), bytes(null), bytes(''), long(-1)));

/** Each request alone moves the server's zxid by so much. */
async function each(t: Trial, a: RawConnection, by: number, requests: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [name, request] of Object.entries(requests)) {
    const before = await t.zxid(a);
    await request();
    expect([name, (await t.zxid(a)) - before]).toEqual([name, BigInt(by)]);
  }
}

export const accounting: readonly Probe[] = [
  probe('Z-01', 'a good write takes one zxid', async (t) => {
    const { a, p } = await t.start();
    await each(t, a, 1, {
      create: () => a.create(`${p}/a`),
      set: () => a.set(`${p}/a`, 'x'),
      setACL: () => a.setACL(`${p}/a`, OPENED),
      delete: () => a.delete(`${p}/a`),
      multi: () => a.multi(op.create(`${p}/a`), op.create(`${p}/b`)),
    });
  }),
  probe('Z-02', 'a failed write takes one zxid', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/a`);
    await t.fails(a, -110, () => a.create(`${p}/a`));
    await t.fails(a, -8, () => a.create('bad'));
    await t.fails(a, -114, () => a.create(`${p}/b`, { acl: [] }));
    await t.fails(a, -101, () => a.set(`${p}/b`, 'x'));
    await t.fails(a, -103, () => a.set(p, 'x', 9));
    await t.fails(a, -6, () => a.createTTL(`${p}/b`, { ttl: 1000 }));
    await t.fails(a, -123, () => reconfig(a));
    await t.fails(a, 0, () => a.multi(op.check(p, 9)));
    await t.fails(a, 0, () => a.multi());
    await t.fails(a, 0, () => a.multi(op.check(p)));
  }),
  probe('Z-03', 'reads and watches take none', async (t) => {
    const { a, p } = await t.start();
    await each(t, a, 0, {
      exists: () => a.exists(p),
      get: () => a.get(p, true),
      children: () => a.children(p),
      children2: () => a.children2(p),
      getACL: () => a.getACL(p),
      missing: () => a.get(`${p}/missing`),
      sync: () => a.sync(p),
      ping: () => a.ping(),
      setWatches: () => a.setWatches(0n, [], [], []),
      setWatches2: () => a.setWatches2(0n, [], [], [], [], []),
      addWatch: () => a.addWatch(p, 0),
      checkWatches: () => a.checkWatches(p, 3),
      removeWatches: () => a.removeWatches(p, 3),
      multiRead: () => a.multiRead(op.get(p)),
      getEphemerals: () => a.ephemerals('/'),
      getAllChildrenNumber: () => a.descendants(p),
    });
  }),
  probe('Z-04', 'auth takes none and shows none', async (t) => {
    const { a } = await t.start();
    await t.moves(a, 0, async () => expect((await a.auth('digest', 'u:p')).zxid).toBe(0n));
  }),
  probe('Z-05', 'a session takes one zxid to come and one to go', async (t) => {
    const a = await t.connect();
    await t.moves(a, 1, () => t.connect());
    const [, b] = t.connections;
    await t.moves(a, 1, () => b!.closeSession());
    t.settle(b!);
    await t.moves(a, 2, async () => {
      const expiring = await t.connect({ timeout: 2 * t.tick });
      await expiring.ended();
      t.settle(expiring);
    });
  }),
  probe('Z-06', 'a reconnect takes none', async (t) => {
    const [a, b] = [await t.connect(), await t.connect()];
    await t.moves(a, 0, () => t.resume(b));
  }),
  probe('Z-07', 'a truncated read takes none', async (t) => {
    const { a, p } = await t.start();
    await t.moves(a, 0, () => a.send(OP.getData, body.path(p)));
  }),
];

const labels = (text: string, separator: RegExp): string[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(separator, 1)[0]!);

const SRVR = [
  'Zookeeper version',
  'Latency min/avg/max',
  'Received',
  'Sent',
  'Connections',
  'Outstanding',
  'Zxid',
  'Mode',
  'Node count',
];
const CONF = [
  'clientPort',
  'secureClientPort',
  'dataDir',
  'dataDirSize',
  'dataLogDir',
  'dataLogSize',
  'tickTime',
  'maxClientCnxns',
];
const MNTR = [
  'zk_version',
  'zk_server_state',
  'zk_avg_latency',
  'zk_packets_received',
  'zk_num_alive_connections',
  'zk_outstanding_requests',
];
const COUNTS = ['zk_znode_count', 'zk_watch_count', 'zk_ephemerals_count', 'zk_approximate_data_size'];

export const administration: readonly Probe[] = [
  probe('N-01', 'reconfig of a standalone server', async (t) => {
    const { a } = await t.start();
    await t.fails(a, -123, () => reconfig(a));
  }),
  probe('N-02', 'the four-letter words', async (t) => {
    const a = await t.connect();
    const id = `0x${a.session!.sessionId.toString(16)}`;
    await a.create(t.p, { flags: 1 });
    await a.get(t.p, true);
    expect(await t.word('ruok')).toBe('imok');
    expect(await t.word('isro')).toBe('rw');
    expect(labels(await t.word('srvr'), /:/)).toEqual(SRVR);
    const stat = await t.word('stat');
    expect(stat).toMatch(
      /^Zookeeper version: .*\nClients:\n( \/127\.0\.0\.1:\d+\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)\n)+\nLatency/,
    );
    expect(labels(await t.word('conf'), /=/)).toEqual(expect.arrayContaining(CONF));
    expect(await t.word('cons')).toMatch(
      new RegExp(`/127\\.0\\.0\\.1:\\d+\\[\\d\\]\\(queued=.*,sid=${id},lop=GETD,est=\\d+,to=10000,lcxid=0x2,`),
    );
    const mntr = labels(await t.word('mntr'), /\t/);
    expect(mntr.slice(0, 2)).toEqual(MNTR.slice(0, 2));
    expect(mntr).toEqual(expect.arrayContaining([...MNTR, ...COUNTS]));
    const dump = await t.word('dump');
    expect(dump).toMatch(/^SessionTracker dump:\nSession Sets \(\d+\)\/\(\d+\):\n/);
    expect(dump).toContain(`\t${id}\n`);
    expect(dump).toContain(`${id}:\n\t${t.p}\n`);
    expect(await t.word('wchc')).toBe(`${id}\n\t${t.p}\n\n`);
    expect(await t.word('wchp')).toBe(`${t.p}\n\t${id}\n\n`);
    expect(await t.word('dirs')).toMatch(/^datadir_size: \d+\nlogdir_size: \d+\n$/);
    expect(await t.word('gtmk')).toBe('306');
    expect(await t.word('envi')).toMatch(/^Environment:\n\S+=/);
  }),
  probe('N-03', 'a word with a newline', async (t) => {
    expect(await t.word('ruok\n')).toBe('imok');
  }),
  probe(
    'N-04',
    'a word not on the whitelist',
    async (t) => {
      for (const word of ['ruok', 'isro'])
        expect(await t.word(word)).toBe(`${word} is not executed because it is not in the whitelist.\n`);
    },
    { needs: 'extended' },
  ),
  probe('N-05', 'an unknown word', async (t) => {
    expect(await t.word('xxxx')).toBe('');
  }),
  probe('N-06', 'the trace mask', async (t) => {
    expect(await t.word(cat(Buffer.from('stmk'), long(6)))).toBe('6');
    expect(await t.word(cat(Buffer.from('stmk'), long(306)))).toBe('306');
  }),
  probe('N-07', 'the number of watches', async (t) => {
    const { a, p } = await t.start();
    await a.create(`${p}/x`);
    await a.get(p, true);
    await a.exists(`${p}/x`, true);
    expect(await t.word('wchs')).toBe('1 connections watching 2 paths\nTotal watches:2\n');
  }),
  probe(
    'N-08',
    'what failed or was removed leaves no trace',
    async (t) => {
      const { a, p } = await t.start();
      await a.create(`${p}/e`, { flags: 1 });
      await a.delete(`${p}/e`);
      await a.create(`${p}/missing/e`, { flags: 1 });
      await a.get(`${p}/missing`, true);
      await a.get(p, true);
      await a.removeWatches(p, 2);
      expect(await t.word('dump')).not.toContain(p);
      expect(await t.word('wchs')).toBe('0 connections watching 0 paths\nTotal watches:0\n');
    },
    { skipOn: since('3.9.0', 'a connection without watches is forgotten') },
  ),
  probe('N-09', 'resetting the statistics', async (t) => {
    expect(await t.word('crst')).toBe('Connection stats reset.\n');
    expect(await t.word('srst')).toBe('Server stats reset.\n');
  }),
];
