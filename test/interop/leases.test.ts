import { expect, test } from 'vitest';
import { besidePython } from './beside-python.ts';

const NOON = '2020-02-29T12:00:00';
const HOUR = 3_600_000;

besidePython('leases shared with Python Kazoo', ['embedded'], (world) => {
  const at = (time: string) => () => new Date(`${time}Z`);
  const theirLease = async (path: string, who: string, time: string): Promise<unknown> =>
    (await world.python.make('NonBlockingLease', [path, { seconds: HOUR / 1_000 }, who, { time }])).order('truth');
  const ourLease = (path: string, who: string, time: string): Promise<boolean> =>
    world.node.nonBlockingLease(path, HOUR, { identifier: who, now: at(time) }).obtain();
  const holder = async (path: string): Promise<string> => String((await world.node.get(`${path}/lease_holder`))[0]);

  test('either honours the other, until the time is up', async () => {
    for (const [index, [first, second]] of [
      [ourLease, theirLease],
      [theirLease, ourLease],
    ].entries()) {
      const path = `/lease/${index}`;
      expect(await first!(path, 'one', NOON)).toBe(true);
      expect(await second!(path, 'two', '2020-02-29T12:59:59')).toBe(false);
      expect(await first!(path, 'one', '2020-02-29T12:30:00')).toBe(true);
      expect(await second!(path, 'two', '2020-02-29T13:29:59')).toBe(false);
      expect(await second!(path, 'two', '2020-02-29T13:30:00')).toBe(true);
      expect(await first!(path, 'one', '2020-02-29T13:30:01')).toBe(false);
      // The same holder, wherever it runs, renews.
      expect(await first!(path, 'two', '2020-02-29T13:30:01')).toBe(true);
      expect(await holder(path)).toBe('{"version": 1, "holder": "two", "end": "2020-02-29T14:30:01"}');
    }
  });

  const NAMES = ['plain', 'quote " and backslash \\', 'é☃😀', 'tab\tnewline\n\u0001', '</script> \u2028 \u007f'];
  test('what is written is the same, byte for byte', async () => {
    for (const [index, who] of NAMES.entries()) {
      expect(await theirLease(`/lease-bytes/python-${index}`, who, NOON)).toBe(true);
      expect(await ourLease(`/lease-bytes/node-${index}`, who, NOON)).toBe(true);
      expect(await holder(`/lease-bytes/node-${index}`)).toBe(await holder(`/lease-bytes/python-${index}`));
      expect(await theirLease(`/lease-bytes/node-${index}`, who, NOON)).toBe(true);
      expect(await ourLease(`/lease-bytes/python-${index}`, who, NOON)).toBe(true);
    }
  });

  test('several leases: as many holders as there are leases, of both kinds', async () => {
    const ours = (who: string): Promise<boolean> =>
      world.node.multiNonBlockingLease(2, '/lease-multi', HOUR, { identifier: who, now: at(NOON) }).obtain();
    const theirs = async (who: string): Promise<unknown> =>
      (await world.python.make('MultiNonBlockingLease', [2, '/lease-multi', { seconds: 3_600 }, who, { time: NOON }])).order(
        'truth',
      );
    expect(await theirs('python')).toBe(true);
    expect(await ours('node')).toBe(true);
    expect(await ours('node-late')).toBe(false);
    expect(await theirs('python-late')).toBe(false);
    expect(await ours('node')).toBe(true);
    expect(await theirs('python')).toBe(true);
  });

  test('a version of the future is left alone by both', async () => {
    await world.node.create('/lease-future/lease_holder', '{"version": 2}', { makepath: true });
    expect(await ourLease('/lease-future', 'node', NOON)).toBe(false);
    expect(await theirLease('/lease-future', 'python', NOON)).toBe(false);
  });
});
