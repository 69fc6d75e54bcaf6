import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { CancelledError, ConnectionClosedError, NoNodeError } from '../../src/base/errors.ts';
import { PatientChildrenWatch } from '../../src/recipe/patient-children-watch.ts';
import { altered, expire, pause, watchCount, eventually, workbench } from './workbench.ts';

test('tells the children once they have been the same for the time boundary, then of the next change', async () => {
  const { client } = await workbench();
  await client.create('/parent/a', '', { makepath: true });
  const started = performance.now();
  const settled = new PatientChildrenWatch(client, '/parent', { timeBoundary: 300 }).start();
  await pause(100);
  await client.create('/parent/b');
  const [children, changed] = await settled;
  expect(children.sort()).toEqual(['a', 'b']);
  expect(performance.now() - started).toBeGreaterThanOrEqual(590);
  await client.create('/parent/c');
  await changed;
});

test('a missing node rejects', async () => {
  const { client } = await workbench();
  await expect(new PatientChildrenWatch(client, '/missing', { timeBoundary: 0 }).start()).rejects.toThrow(NoNodeError);
});

test('stop() rejects what is being waited for, and leaves nothing (PW-3)', async () => {
  const { client } = await workbench();
  await client.create('/parent');
  const watch = new PatientChildrenWatch(client, '/parent', { timeBoundary: 60_000 });
  const settled = watch.start();
  await client.sync('/');
  watch.stop();
  await expect(settled).rejects.toThrow(CancelledError);
  const quick = new PatientChildrenWatch(client, '/parent', { timeBoundary: 0 });
  const [, changed] = await quick.start();
  quick.stop();
  await expect(changed).rejects.toThrow(CancelledError);
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a start that is given up while it waits for quiet leaves no watch', async () => {
  const { client } = await workbench();
  await client.create('/parent');
  const [controller, reason] = [new AbortController(), new Error('enough')];
  const settled = new PatientChildrenWatch(client, '/parent', { timeBoundary: 60_000 }).start({ signal: controller.signal });
  await eventually(async () => (await watchCount(client)) === 1);
  controller.abort(reason);
  await expect(settled).rejects.toBe(reason);
  await eventually(async () => (await watchCount(client)) === 0);
});

test('a lost session counts as a change, a stopped client ends the wait', async () => {
  const { server, client } = await workbench();
  await client.create('/parent');
  const watch = new PatientChildrenWatch(client, '/parent', { timeBoundary: 0 });
  const [, changed] = await watch.start();
  await expire(server, client);
  await changed;
  const [, again] = await watch.start();
  await client.stop();
  await expect(again).rejects.toThrow(ConnectionClosedError);
});

test('a stopped client ends the wait for quiet, too, and at once', async () => {
  const { client } = await workbench();
  await client.create('/parent');
  const settled = new PatientChildrenWatch(client, '/parent', { timeBoundary: 3_600_000 }).start();
  settled.catch(() => undefined);
  await eventually(async () => (await watchCount(client)) === 1);
  await client.stop();
  await expect(settled).rejects.toThrow(ConnectionClosedError);
});

test('and after the children have changed meanwhile; nothing is left that would keep the process alive', async () => {
  const { client } = await workbench();
  await client.create('/parent');
  const clock = new ManualClock();
  const settled = new PatientChildrenWatch(altered(client, { clock }), '/parent', { timeBoundary: 3_600_000 }).start();
  settled.catch(() => undefined);
  await eventually(async () => (await watchCount(client)) === 1);
  await client.create('/parent/a');
  await eventually(async () => (await watchCount(client)) === 0);
  await client.stop();
  await expect(settled).rejects.toThrow(ConnectionClosedError);
  expect([client.listenerCount('lost'), clock.pending]).toEqual([0, 0]);
});

test('bad arguments throw at once', async () => {
  const { client } = await workbench();
  expect(() => new PatientChildrenWatch(client, '/a', { timeBoundary: -1 })).toThrow(RangeError);
  expect(() => new PatientChildrenWatch(client, '/a', { timeBoundary: '1' as never })).toThrow(TypeError);
});
