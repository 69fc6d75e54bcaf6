import { expect, test } from 'vitest';
import { CancelledError, LockTimeout } from '../../src/base/errors.ts';
import { Election } from '../../src/recipe/election.ts';
import { Lab, until } from './lab.ts';

const PATH = '/leader';
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test('each runs its function in turn, and contenders are listed in order', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  const [first, second] = [new Election(one, PATH, { identifier: 'one' }), new Election(two, PATH, { identifier: 'two' })];
  const order: string[] = [];
  let step = (): void => undefined;
  const leading = first.run(async () => {
    order.push('one');
    await new Promise<void>((resolve) => (step = resolve));
  });
  await until('one leads', () => order.length === 1);
  const waiting = second.run(() => order.push('two'));
  await until('two waits', async () => (await first.contenders()).length === 2);
  expect(await second.contenders()).toEqual(['one', 'two']);
  step();
  expect(await leading).toBeUndefined();
  expect(await waiting).toBeUndefined();
  expect(order).toEqual(['one', 'two']);
  expect(await one.getChildren(PATH)).toEqual([]);
});

test('what the function throws is thrown, a CancelledError too, after the lead was given back (EL-2, EL-3)', async () => {
  const client = await (await Lab.open()).client();
  const election = new Election(client, PATH);
  await expect(election.run(() => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
  await expect(
    election.run(() => {
      throw new CancelledError('mine');
    }),
  ).rejects.toThrow('mine');
  expect(election.lock.isAcquired).toBe(false);
  expect(await client.getChildren(PATH)).toEqual([]);
});

test('cancel ends a wait quietly, and neither the leader nor a later run (EL-4, D-17)', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  const [first, second] = [new Election(one, PATH), new Election(two, PATH)];
  let step = (): void => undefined;
  let runs = 0;
  const leading = first.run(() => new Promise<void>((resolve) => (step = resolve)));
  await until('one leads', () => first.lock.isAcquired);
  first.cancel();
  const waiting = second.run(() => (runs += 1));
  await until('two waits', async () => (await first.contenders()).length === 2);
  second.cancel();
  expect(await waiting).toBeUndefined();
  expect(runs).toBe(0);
  step();
  await leading;
  await first.run(() => (runs += 1));
  await second.run(() => (runs += 1));
  expect(runs).toBe(2);
});

test('an abort ends a wait with its reason', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  await new Election(one, PATH).lock.acquire();
  const controller = new AbortController();
  const waiting = new Election(two, PATH).run(() => undefined, { signal: controller.signal });
  await until('two waits', async () => (await one.getChildren(PATH)).length === 2);
  controller.abort(new CancelledError('by its signal'));
  await expect(waiting).rejects.toThrow('by its signal');
});

test.each(['cancel', 'abort'])('of a cancel and an abort of one wait, what came first counts: %s', async (first) => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  await new Election(one, PATH).lock.acquire();
  const controller = new AbortController();
  const election = new Election(two, PATH);
  const waiting = election.run(() => undefined, { signal: controller.signal });
  await until('two waits', async () => (await one.getChildren(PATH)).length === 2);
  const steps = [() => election.cancel(), () => controller.abort(new CancelledError('by its signal'))];
  for (const step of first === 'cancel' ? steps : steps.reverse()) step();
  if (first === 'cancel') expect(await waiting).toBeUndefined();
  else await expect(waiting).rejects.toThrow('by its signal');
});

test('an abort while leading reaches the function, and then rejects with its reason', async () => {
  const client = await (await Lab.open()).client();
  const election = new Election(client, PATH);
  for (const ending of ['resolves', 'throws']) {
    const controller = new AbortController();
    const leading = election.run(
      async (signal) => {
        await aborted(signal);
        if (ending === 'throws') throw new Error('something else');
      },
      { signal: controller.signal },
    );
    await until('it leads', () => election.lock.isAcquired);
    controller.abort(new Error('enough'));
    await expect(leading).rejects.toThrow('enough');
    expect(await client.getChildren(PATH)).toEqual([]);
  }
});

test('the loss of the lead reaches the function, whose outcome counts (EL-5, pain-points 36)', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const election = new Election(client, PATH, { errorPolicy: 'session' });
  const leading = election.run(async (signal) => {
    await aborted(signal);
    throw new Error('lost the lead');
  });
  await until('it leads', () => election.lock.isAcquired);
  const refused = expect(leading).rejects.toThrow('lost the lead');
  await lab.expire(client);
  await refused;
  expect(election.lock.isAcquired).toBe(false);
});

test('a run that has lost the lead does not give back the lead of the next run', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const election = new Election(client, PATH, { errorPolicy: 'session' });
  let step = (): void => undefined;
  const late = election.run(() => new Promise<void>((resolve) => (step = resolve)));
  await until('it leads', () => election.lock.isAcquired);
  let second = false;
  const next = election.run(async (signal) => {
    second = true;
    await aborted(signal);
  });
  await lab.expire(client);
  await until('the next run leads', () => second);
  step();
  await late;
  expect(election.lock.isAcquired).toBe(true);
  await election.lock.release();
  await next;
});

test('bad arguments are refused at once', async () => {
  const client = await (await Lab.open()).client();
  expect(() => new Election(client, PATH, { identifier: 5 as never })).toThrow(TypeError);
  await expect(new Election(client, PATH).run(undefined as never)).rejects.toThrow(TypeError);
  await expect(new Election(client, PATH).run(() => undefined, { signal: 5 as never })).rejects.toThrow(TypeError);
});

test('a wait that takes longer than its timeout ends with LockTimeout and leaves the line; the time that leading takes does not count', async () => {
  const lab = await Lab.open();
  const [one, two] = [await lab.client(), await lab.client()];
  const leader = new Election(one, PATH);
  let step = (): void => undefined;
  let led = false;
  const leading = leader.run(() => ((led = true), new Promise<void>((resolve) => (step = resolve))), { timeout: 10_000 });
  await until('one leads', () => led);
  await expect(new Election(two, PATH).run(() => 1, { timeout: 50 })).rejects.toThrow(LockTimeout);
  await until('the line is left', async () => (await one.getChildren(PATH)).length === 1);
  step();
  await leading;
});
