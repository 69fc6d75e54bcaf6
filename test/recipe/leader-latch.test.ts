import { expect, test } from 'vitest';
import { KazooException } from '../../src/base/errors.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { eventually, expire, workbench } from './workbench.ts';

test('one leads; when it closes, the next does', async () => {
  const { client, connect } = await workbench();
  const first = new LeaderLatch(client, '/leader', { identifier: 'first' });
  const second = new LeaderLatch(await connect(), '/leader', { identifier: 'second' });
  const told: string[] = [];
  first.on('leader', () => void told.push('first leads'));
  first.on('notLeader', () => void told.push('first led'));
  first.start();
  first.start();
  expect(await first.waitForLeadership()).toBe(true);
  second.start();
  await eventually(async () => (await second.participants()).length === 2);
  expect(await second.participants()).toEqual(['first', 'second']);
  expect(await second.waitForLeadership({ timeout: 50 })).toBe(false);
  const { signal } = first;
  await first.close();
  expect(signal.aborted).toBe(true);
  expect(await second.waitForLeadership()).toBe(true);
  expect(first.isLeader).toBe(false);
  expect(told).toEqual(['first leads', 'first led']);
  await second.close();
  expect(await client.getChildren('/leader')).toEqual([]);
  expect(() => first.start()).toThrow(KazooException);
  await expect(first.waitForLeadership()).rejects.toThrow('closed');
});

test('leadership is lost with the session, and won again; so after a restart of the client', async () => {
  const { server, client } = await workbench();
  await using latch = new LeaderLatch(client, '/leader');
  latch.start();
  await latch.waitForLeadership();
  const before = latch.signal;
  await expire(server, client);
  expect(before.aborted).toBe(true);
  await latch.waitForLeadership();
  await client.stop();
  expect(latch.isLeader).toBe(false);
  await client.start();
  expect(await latch.waitForLeadership()).toBe(true);
});

test('what a listener throws reaches the error event of the client', async () => {
  const { client } = await workbench();
  const errors: string[] = [];
  client.on('error', (error) => errors.push(error.message));
  await using latch = new LeaderLatch(client, '/leader');
  latch.on('leader', () => {
    throw new Error('mine');
  });
  latch.start();
  await eventually(() => errors.length === 1);
  expect(latch.isLeader).toBe(true);
});
