import { expect, test } from 'vitest';
import { OPEN } from '../../src/server/acl.ts';
import { DataTree } from '../../src/server/data-tree.ts';
import { Quotas } from '../../src/server/quota.ts';
import { Transactions } from '../../src/server/transactions.ts';
import { Watches } from '../../src/server/watch-table.ts';
import { collectGarbage } from '../support/garbage.ts';

const RULES = { schemes: { sasl: false, ipv6: true }, extendedTypes: true, versionSkipsMinusOne: true, deleteHidesMissing: true };
const AUTHOR = { identities: [], sessionId: 1n };

function build(): { tree: DataTree; transactions: Transactions } {
  const tree = new DataTree();
  const watches = new Watches({ watchModesCoexist: true, readGuardsEvents: true });
  return { tree, transactions: new Transactions(tree, watches, new Quotas(tree, false), RULES, () => 1_700_000_000_000) };
}

function create(transactions: Transactions, path: string, data: Buffer | null = null, flags = 0): string {
  const tx = transactions.begin();
  const [made] = transactions.create({ path, data, acl: OPEN, flags }, 'plain', AUTHOR, tx);
  transactions.commit(tx);
  return made;
}

test('a fresh tree is that of a fresh server', () => {
  const { tree } = build();
  expect([...tree.entries()].map(([path, node]) => [path, node.stat().cversion, node.stat().aversion])).toEqual([
    ['/', -1, 0],
    ['/zookeeper', -2, 0],
    ['/zookeeper/quota', 0, 0],
    ['/zookeeper/config', 0, -1],
  ]);
  expect([tree.size, tree.countBelow('/'), tree.countBelow('/zookeeper')]).toEqual([5, 3, 2]);
  expect(tree.get('')).toBe(tree.get('/'));
});

test('nodes are counted and visited at every depth', () => {
  const { tree, transactions } = build();
  for (const path of ['/a', '/a/b', '/a/b/c', '/ab']) create(transactions, path);
  const visited: string[] = [];
  tree.visit('/a', (_, path) => visited.push(path));
  expect(visited).toEqual(['/a', '/a/b', '/a/b/c']);
  expect(tree.countBelow('/a')).toBe(2);
  tree.visit('/missing', () => expect.unreachable());
});

test('the sequence stays at its end', () => {
  const { tree, transactions } = build();
  create(transactions, '/p');
  const parent = tree.get('/p')!;
  parent.creations = 2 ** 31 - 1;
  expect(create(transactions, '/p/n-', null, 2)).toBe('/p/n-2147483647');
  expect(parent.creations).toBe(2 ** 31 - 1);
  parent.creations = -(2 ** 31);
  expect(create(transactions, '/p/n-', null, 2)).toBe('/p/n--2147483648');
  expect(create(transactions, '/p/n-', null, 2)).toBe('/p/n--2147483647');
});

test('a version goes round, leaving out -1 where the release does', () => {
  const { tree, transactions } = build();
  create(transactions, '/a');
  tree.get('/a')!.version = -2;
  expect(transactions.setData('/a', null, -1, AUTHOR, transactions.begin()).version).toBe(0);
  tree.get('/a')!.version = 2 ** 31 - 1;
  expect(transactions.setData('/a', null, -1, AUTHOR, transactions.begin()).version).toBe(-(2 ** 31));
});

test('the last ephemeral of a session takes the session out of the books', () => {
  const { tree, transactions } = build();
  create(transactions, '/e', null, 1);
  expect([...tree.ephemerals().keys()]).toEqual([1n]);
  transactions.endSession(1n, transactions.begin());
  expect([tree.ephemerals().size, tree.get('/e')]).toEqual([0, undefined]);
});

test('a hundred thousand nodes of a hundred bytes take less than 100 MiB', { timeout: 60_000 }, () => {
  const { transactions, tree } = build();
  const used = (): number => {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  for (let i = 0; i < 1000; i++) {
    create(transactions, `/parent${i}`);
    for (let j = 0; j < 100; j++) create(transactions, `/parent${i}/node-${j}`, Buffer.from('x'.repeat(100)));
  }
  expect(used() - before).toBeLessThan(100 * 2 ** 20);
  expect(tree.size).toBe(101_005);
});
