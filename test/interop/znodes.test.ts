import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/base/security.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { besidePython, type World } from './beside-python.ts';
import { eventually } from './eventually.ts';
import type { PythonClient } from './python-peer.ts';

/** One kind of node: how either makes it, and what there must be then (kazoo-behaviour, the znode table). */
interface Row {
  readonly python: (client: PythonClient, path: string) => Promise<unknown>;
  readonly node: (client: KazooClient, path: string) => Promise<unknown>;
  /** Path below the recipe's, mode (E, P; `seq` if the parent counted it) and data. */
  readonly nodes: readonly string[];
}

const U = /[0-9a-f]{32}/g;
const S = /(?<=lock__|entry-\d{3}-)\d{10}$/;
const WHO = 'wer-☃';

const ROWS: Record<string, Row> = {
  Lock: {
    python: async (client, path) => (await client.make('Lock', [path, WHO])).call('acquire'),
    node: (client, path) => client.lock(path, { identifier: WHO }).acquire(),
    nodes: ['/ P ""', `/U__lock__S E "${WHO}"`],
  },
  'Lock without an identifier, not ephemeral': {
    python: async (client, path) => (await client.make('Lock', [path])).call('acquire', [], { ephemeral: false }),
    node: (client, path) => client.lock(path).acquire({ ephemeral: false }),
    nodes: ['/ P ""', '/U__lock__S P ""'],
  },
  WriteLock: {
    python: async (client, path) => (await client.make('WriteLock', [path, WHO])).call('acquire'),
    node: (client, path) => client.writeLock(path, { identifier: WHO }).acquire(),
    nodes: ['/ P ""', `/U__lock__S E "${WHO}"`],
  },
  ReadLock: {
    python: async (client, path) => (await client.make('ReadLock', [path, WHO])).call('acquire'),
    node: (client, path) => client.readLock(path, { identifier: WHO }).acquire(),
    nodes: ['/ P ""', `/U__rlock__S E "${WHO}"`],
  },
  Semaphore: {
    python: async (client, path) => (await client.make('Semaphore', [path, WHO, 17])).call('acquire'),
    node: (client, path) => client.semaphore(path, { identifier: WHO, maxLeases: 17 }).acquire(),
    nodes: ['-__lock__ P ""', '/ P "17"', `/U E "${WHO}"`],
  },
  // The holder of the only lease lets the next one wait on the inner lock, which shows it.
  'Semaphore, waiting': {
    python: async (client, path) => {
      await (await client.make('Semaphore', [path, WHO])).call('acquire');
      void (await client.make('Semaphore', [path, `'${WHO}'\n`])).call('acquire').catch(() => undefined);
    },
    node: async (client, path) => {
      await client.semaphore(path, { identifier: WHO }).acquire();
      void client
        .semaphore(path, { identifier: `'${WHO}'\n` })
        .acquire()
        .catch(() => undefined);
    },
    nodes: ['-__lock__ P ""', String.raw`-__lock__/U__lock__S E "b\"'wer-\\xe2\\x98\\x83'\\n\""`, '/ P "1"', `/U E "${WHO}"`],
  },
  Queue: {
    python: async (client, path) => {
      const queue = await client.make('Queue', [path]);
      await queue.call('put', [Buffer.from('a')]);
      await queue.call('put', [Buffer.from('b'), 7]);
    },
    node: async (client, path) => {
      await client.queue(path).put('a');
      await client.queue(path).put('b', { priority: 7 });
    },
    nodes: ['/ P ""', '/entry-007-S P "b"', '/entry-100-S P "a"'],
  },
  LockingQueue: {
    python: async (client, path) => {
      const queue = await client.make('LockingQueue', [path]);
      await queue.call('put', [Buffer.from('a')]);
      await queue.call('put_all', [[Buffer.from('b'), Buffer.from('c')], 5]);
      await queue.call('get', [1]);
    },
    node: async (client, path) => {
      const queue = client.lockingQueue(path);
      await queue.put('a');
      await queue.putAll(['b', 'c'], { priority: 5 });
      await queue.get();
    },
    nodes: [
      '/ P ""',
      '/entries P ""',
      '/entries/entry-005-S P "b"',
      '/entries/entry-005-S P "c"',
      '/entries/entry-100-S P "a"',
      '/taken P ""',
      '/taken/entry-005-S E "U"',
    ],
  },
  Barrier: {
    python: async (client, path) => (await client.make('Barrier', [path])).call('create'),
    node: (client, path) => client.barrier(path).create(),
    nodes: ['/ P ""'],
  },
  DoubleBarrier: {
    python: async (client, path) => (await client.make('DoubleBarrier', [path, 1, WHO])).call('enter'),
    node: (client, path) => client.doubleBarrier(path, 1, { identifier: WHO }).enter(),
    nodes: ['/ P ""', `/U E "${WHO}"`, '/ready P ""'],
  },
  'Counter, untouched': {
    python: async (client, path) => (await client.make('Counter', [path, 7])).get('value'),
    node: (client, path) => client.counter(path, { default: 7 }).get(),
    nodes: ['/ P ""'],
  },
  Counter: {
    python: async (client, path) => (await client.make('Counter', [path])).order('add', 3),
    node: (client, path) => client.counter(path).add(3),
    nodes: ['/ P "3"'],
  },
  'Counter of floats': {
    python: async (client, path) => (await client.make('Counter', [path, { float: '0.0' }])).order('add', { float: '1e-07' }),
    node: (client, path) => client.counter(path, { type: 'float' }).add(1e-7),
    nodes: ['/ P "1e-07"'],
  },
  "Counter in Curator's format": {
    python: async (client, path) => (await client.make('Counter', [path], { support_curator: true })).order('subtract', 2),
    node: (client, path) => client.counter(path, { supportCurator: true }).subtract(2),
    nodes: [String.raw`/ P hex fffffffe`],
  },
  Party: {
    python: async (client, path) => (await client.make('Party', [path, WHO])).call('join'),
    node: (client, path) => client.party(path, { identifier: WHO }).join(),
    nodes: ['/ P ""', `/U__party__ E "${WHO}"`],
  },
  ShallowParty: {
    python: async (client, path) => (await client.make('ShallowParty', [path, WHO])).call('join'),
    node: (client, path) => client.shallowParty(path, { identifier: WHO }).join(),
    nodes: ['/ P ""', `/U-${WHO} E "${WHO}"`],
  },
  SetPartitioner: {
    python: async (client, path) => client.join(path, ['a', 'b'], WHO, 20),
    node: (client, path) => client.setPartitioner(path, ['a', 'b'], { identifier: WHO, timeBoundary: 20 }).waitForAcquire(),
    nodes: [
      '/ P ""',
      '/locks P ""',
      '/locks/a P ""',
      '/locks/a/U__lock__S E ""',
      '/locks/b P ""',
      '/locks/b/U__lock__S E ""',
      '/party P ""',
      `/party/U-${WHO} E "${WHO}"`,
    ],
  },
  NonBlockingLease: {
    python: (client, path) =>
      client.make('NonBlockingLease', [path, { seconds: 90 }, `"${WHO}"`, { time: '2001-02-03T04:05:06' }]),
    node: (client, path) =>
      client.nonBlockingLease(path, 90_000, { identifier: `"${WHO}"`, now: () => new Date('2001-02-03T04:05:06Z') }).obtain(),
    nodes: [
      '/ P ""',
      `/lease_holder P ${JSON.stringify(String.raw`{"version": 1, "holder": "\"wer-\u2603\"", "end": "2001-02-03T04:06:36"}`)}`,
    ],
  },
  MultiNonBlockingLease: {
    python: (client, path) =>
      client.make('MultiNonBlockingLease', [2, path, { seconds: 1 }, 'x', { time: '2001-02-03T04:05:06' }]),
    node: (client, path) =>
      client.multiNonBlockingLease(2, path, 1_000, { identifier: 'x', now: () => new Date('2001-02-03T04:05:06Z') }).obtain(),
    nodes: [
      '/ P ""',
      '/0 P ""',
      `/0/lease_holder P ${JSON.stringify('{"version": 1, "holder": "x", "end": "2001-02-03T04:05:07"}')}`,
      // Ours looks at all leases first, for one that it has already: only the leases tried have nodes.
    ],
  },
};

besidePython('nodes as Python Kazoo makes them', ['embedded', 'real'], (world) => {
  for (const [title, row] of Object.entries(ROWS)) {
    test(title, async () => {
      const base = `/znodes-${Object.keys(ROWS).indexOf(title)}`;
      await row.python(world.python, `${base}-python/it`);
      await row.node(world.node, `${base}-node/it`);
      for (const who of ['python', 'node']) await expectNodes(world, `${base}-${who}`, row.nodes);
    });
  }
});

/** What is there settles at once, but for the recipes that work in the background. */
async function expectNodes({ node }: World, base: string, expected: readonly string[]): Promise<void> {
  let found: string[] = [];
  await eventually(async () => {
    found = await describeNodes(node, base);
    return found.length === expected.length;
  }, 20).catch(() => undefined);
  expect(found, base).toEqual(expected);
}

async function describeNodes(client: KazooClient, base: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const path of client.walk(base)) {
    if (path === base) continue;
    const [data, { ephemeralOwner }] = await client.get(path);
    const [acls] = await client.getAcls(path);
    const access = isDeepStrictEqual(acls, OPEN_ACL_UNSAFE) ? '' : ` ACL ${JSON.stringify(acls)}`;
    const below = path.slice(base.length).replace(U, 'U').replace(S, 'S').replace(/^\/it/, '');
    lines.push(`${below || '/'} ${ephemeralOwner === 0n ? 'P' : 'E'} ${describeData(data)}${access}`);
  }
  return lines.sort();
}

function describeData(data: Buffer | null): string {
  if (data === null) return 'null';
  const text = data.toString('utf8');
  // Anything but text shows as bytes.
  return Buffer.from(text).equals(data) && !text.includes('\0')
    ? JSON.stringify(text.replace(/^[0-9a-f]{32}$/, 'U'))
    : `hex ${data.toString('hex')}`;
}
