import { expect, test } from 'vitest';
import { LockTimeout } from '../../src/base/errors.ts';
import { makeAcl } from '../../src/base/security.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { Barrier } from '../../src/recipe/barrier.ts';
import { Counter } from '../../src/recipe/counter.ts';
import { DoubleBarrier } from '../../src/recipe/double-barrier.ts';
import { Election } from '../../src/recipe/election.ts';
import { LeaderLatch } from '../../src/recipe/leader-latch.ts';
import { NonBlockingLease } from '../../src/recipe/lease.ts';
import { Lock } from '../../src/recipe/lock.ts';
import { LockingQueue } from '../../src/recipe/locking-queue.ts';
import { PatientChildrenWatch } from '../../src/recipe/patient-children-watch.ts';
import { PersistentNode } from '../../src/recipe/persistent-node.ts';
import { Queue } from '../../src/recipe/queue.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { workbench } from './workbench.ts';

/** The call as a user makes it, and the stack of its error. */
async function stackOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await theCaller(call);
  } catch (error) {
    return (error as Error).stack!;
  }
  throw new Error('it did not reject');
}

async function theCaller(call: () => Promise<unknown>): Promise<void> {
  await call();
}

const READ_ONLY = [makeAcl('world', 'anyone', { read: true })];
const soon = { timeout: 20 };

test('of a start that fails', async () => {
  expect(await stackOf(() => new KazooClient('127.0.0.1:1').start({ timeout: 50 }))).toMatch(/at (async )?theCaller /);
  const impatient = new KazooClient({ hosts: '127.0.0.1:1', connectionRetry: { maxTries: 1 } });
  expect(await stackOf(() => impatient.start())).toMatch(/at (async )?theCaller /);
});

test('of calls whose time runs out', async () => {
  const { server, client, connect } = await workbench();
  const other = await connect();
  await new Lock(other, '/lock').acquire();
  await new Semaphore(other, '/semaphore').acquire();
  const stack = await stackOf(() => new Lock(client, '/lock').acquire(soon));
  expect(stack).toMatch(/^LockTimeout: /);
  for (const call of [
    () => new Lock(client, '/lock').acquire(soon),
    () => new Lock(client, '/lock').withLock(() => undefined, soon),
    () => new Semaphore(client, '/semaphore').acquire(soon),
    () => new Election(client, '/lock').run(() => undefined, soon),
    () => new DoubleBarrier(client, '/double', 2).enter(soon),
  ])
    expect(await stackOf(call)).toMatch(/at (async )?theCaller /);
  server.freeze();
  for (const call of [
    () => new Queue(client, '/queue').put('a', soon),
    () => new Queue(client, '/queue').size(soon),
    () => new Counter(client, '/counter').add(1, soon),
    () => new LockingQueue(client, '/locking').put('a', soon),
    () => new PersistentNode(client, '/persistent').start(soon),
  ])
    expect(await stackOf(call)).toMatch(/at (async )?theCaller /);
  server.thaw();
});

test('of calls that are refused, and of such as wait when the client stops', async () => {
  const { client, connect } = await workbench();
  await client.create('/closed', '', { acl: READ_ONLY });
  for (const call of [
    () => new Lock(client, '/closed').acquire(),
    () => new Semaphore(client, '/closed').acquire(),
    () => new DoubleBarrier(client, '/closed', 2).enter(),
    () => new Counter(client, '/closed').add(1),
    () => new Queue(client, '/closed').put('a'),
    () => new NonBlockingLease(client, '/closed', 1000).obtain(),
  ])
    expect(await stackOf(call)).toMatch(/at (async )?theCaller /);
  await client.create('/taken');
  await new Lock(client, '/lock').acquire();
  const other = await connect();
  const latch = new LeaderLatch(other, '/latch');
  const waits = [
    () => new Barrier(other, '/taken').wait(),
    () => new Lock(other, '/lock').acquire(),
    () => latch.waitForLeadership(),
    () => new PatientChildrenWatch(other, '/taken', { timeBoundary: 60_000 }).start(),
  ].map(stackOf);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await other.stop();
  for (const stack of await Promise.all(waits)) expect(stack).toMatch(/at (async )?theCaller /);
});

test('a reason that the caller gave stays as it is', async () => {
  const { client, connect } = await workbench();
  await new Lock(await connect(), '/lock').acquire();
  const [controller, reason] = [new AbortController(), new LockTimeout('mine')];
  const { stack } = reason;
  const wait = stackOf(() => new Lock(client, '/lock').acquire({ signal: controller.signal }));
  controller.abort(reason);
  expect(await wait).toBe(stack);
});
