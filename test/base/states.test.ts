import { expect, test } from 'vitest';
import { CLOSED_STATES, EVENT_TYPE_MAP, EventType, KAZOO_STATE_OF, KazooState, KeeperState } from '../../src/base/states.ts';
import { ZnodeStat } from '../../src/base/znode-stat.ts';

test.each([
  ['KazooState', KazooState, 3],
  ['KeeperState', KeeperState, 6],
  ['EventType', EventType, 5],
])('the values of %s equal their names', (_, states, count) => {
  expect(Object.keys(states)).toEqual(Object.values(states));
  expect(Object.keys(states)).toHaveLength(count);
});

test("every protocol state has one of the application's (Kazoo ST-2)", () => {
  expect(KAZOO_STATE_OF).toEqual({
    CONNECTED: 'CONNECTED',
    CONNECTED_RO: 'CONNECTED',
    CONNECTING: 'SUSPENDED',
    EXPIRED_SESSION: 'LOST',
    AUTH_FAILED: 'LOST',
    CLOSED: 'LOST',
  });
  expect([...CLOSED_STATES].sort()).toEqual(['AUTH_FAILED', 'CLOSED', 'EXPIRED_SESSION']);
});

test('events have the numbers of the protocol', () => {
  expect(EVENT_TYPE_MAP).toEqual({ '-1': 'NONE', 1: 'CREATED', 2: 'DELETED', 3: 'CHANGED', 4: 'CHILD' });
});

test('a stat has its derived values, and JSON with 64-bit values as text', () => {
  const big = 2n ** 60n + 1n;
  const stat = new ZnodeStat(big, big + 1n, 1000, 2000, 1, 2, 3, 0n, 4, 5, big + 2n);
  expect(stat).toMatchObject({ aclVersion: 3, childrenVersion: 2, childrenCount: 5, ownerSessionId: null });
  expect([stat.creationTransactionId, stat.lastModifiedTransactionId]).toEqual([big, big + 1n]);
  expect([stat.created.toISOString(), stat.lastModified.getTime()]).toEqual(['1970-01-01T00:00:01.000Z', 2000]);
  expect(JSON.parse(JSON.stringify(stat))).toEqual({
    czxid: String(big),
    mzxid: String(big + 1n),
    ctime: 1000,
    mtime: 2000,
    version: 1,
    cversion: 2,
    aversion: 3,
    ephemeralOwner: '0',
    dataLength: 4,
    numChildren: 5,
    pzxid: String(big + 2n),
  });
  expect(new ZnodeStat(1n, 1n, 0, 0, 0, 0, 0, big, 0, 0, 1n).ownerSessionId).toBe(big);
});
