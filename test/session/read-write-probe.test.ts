import { expect, onTestFinished, test } from 'vitest';
import { collectHosts } from '../../src/base/hosts.ts';
import type { DialOptions } from '../../src/connection/dial.ts';
import type { Handler } from '../../src/connection/handler.ts';
import type { Target, Transport } from '../../src/connection/transport.ts';
import { ReadWriteProbe } from '../../src/session/read-write-probe.ts';
import { Rotation } from '../../src/session/rotation.ts';
import { TestClock } from './rig.ts';

type Answer = 'rw' | 'ro' | 'nothing' | 'hangs up' | 'refuses';
const DIAL = { useSsl: true, verifyCerts: true, checkHostname: true } satisfies DialOptions;

/** Servers that answer `isro`, by their names; and the search among them. */
function searching(servers: Record<string, Answer>): {
  clock: TestClock;
  probe: ReadWriteProbe;
  dialled: { at: number; host: string; options: DialOptions }[];
  found: { at: number; target: Target }[];
  open: Set<Transport>;
} {
  const clock = new TestClock();
  const dialled: { at: number; host: string; options: DialOptions }[] = [];
  const found: { at: number; target: Target }[] = [];
  const open = new Set<Transport>();
  const handler: Handler = {
    name: 'test',
    dispatch: () => undefined,
    start: () => undefined,
    stop: () => undefined,
    dial: ({ host }, options, signal) => {
      dialled.push({ at: clock.now(), host, options });
      const answer = servers[host]!;
      if (answer === 'refuses') return Promise.reject(new Error('ECONNREFUSED'));
      const transport: Transport = {
        onData: () => undefined,
        onClose: () => undefined,
        write: () => {
          if (answer === 'nothing') return;
          if (answer !== 'hangs up') transport.onData(Buffer.from(answer));
          transport.onClose(null);
        },
        destroy: () => void open.delete(transport),
      };
      open.add(transport);
      expect(signal.aborted).toBe(false);
      return Promise.resolve(transport);
    },
  };
  const hosts = collectHosts(Object.keys(servers).map((host) => `${host}:1`)).hosts;
  const rotation = new Rotation(hosts, false, (host) => Promise.resolve([`10.${host}`]), clock);
  const probe = new ReadWriteProbe(rotation, DIAL, clock, handler, (target) => found.push({ at: clock.now(), target }));
  onTestFinished(() => probe.stop());
  return { clock, probe, dialled, found, open };
}

test('all hosts are asked, with the TLS of the client; the one found comes with its own address (Kazoo D-2)', async () => {
  const { clock, probe, dialled, found } = searching({ a: 'ro', b: 'refuses', c: 'hangs up', d: 'rw', e: 'rw' });
  probe.start(9_000);
  await clock.advance(1_000);
  expect(dialled.map(({ host }) => host)).toEqual(['a', 'b', 'c', 'd']);
  expect(dialled[0]!.options).toBe(DIAL);
  expect(found).toEqual([{ at: 100, target: { host: 'd', port: 1, address: '10.d' } }]);
});

test('the pauses double from 100 ms to a third of the session timeout, and stay there', async () => {
  const { clock, probe, dialled } = searching({ a: 'ro' });
  probe.start(3_000);
  await clock.advance(5_700);
  expect(dialled.map(({ at }) => at)).toEqual([100, 300, 700, 1_500, 2_500, 3_500, 4_500, 5_500]);
});

test('each search begins with short pauses again', async () => {
  const { clock, probe, dialled } = searching({ a: 'ro' });
  probe.start(9_000);
  await clock.advance(3_000);
  probe.stop();
  const before = dialled.length;
  await clock.advance(10_000);
  expect(dialled).toHaveLength(before);
  const begun = clock.now();
  probe.start(9_000);
  await clock.advance(400);
  expect(dialled.slice(before).map(({ at }) => at - begun)).toEqual([100, 300]);
});

test('a server that says nothing is given up after 5 s, its connection is closed, and the next is asked', async () => {
  const { clock, probe, dialled, found, open } = searching({ a: 'nothing', b: 'rw' });
  probe.start(30_000);
  await clock.advance(5_099);
  expect(dialled.map(({ host }) => host)).toEqual(['a']);
  await clock.advance(1);
  expect(found.map(({ at }) => at)).toEqual([5_100]);
  expect(open.size).toBe(0);
});

test('stopped in the middle of a question, it closes the connection and finds nothing', async () => {
  const { clock, probe, found, open } = searching({ a: 'nothing', b: 'rw' });
  probe.start(30_000);
  await clock.advance(200);
  expect(open.size).toBe(1);
  probe.stop();
  await clock.advance(60_000);
  expect(open.size).toBe(0);
  expect(found).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('begun again, it goes on as one search', async () => {
  const { clock, probe, dialled } = searching({ a: 'ro' });
  probe.start(9_000);
  probe.start(9_000);
  await clock.advance(400);
  expect(dialled.map(({ at }) => at)).toEqual([100, 300]);
});

test('stopped while a name is looked up, it leaves no timer', async () => {
  const clock = new TestClock();
  const { hosts } = collectHosts('a:1');
  const rotation = new Rotation(hosts, false, () => new Promise(() => undefined), clock);
  const handler = { dial: () => Promise.reject(new Error('nobody is dialled')) } as unknown as Handler;
  const probe = new ReadWriteProbe(rotation, DIAL, clock, handler, () => undefined);
  probe.start(9_000);
  await clock.advance(100);
  expect(clock.pending).toBeGreaterThan(0);
  probe.stop();
  await clock.settle();
  expect(clock.pending).toBe(0);
});

test('however long it searches, nobody is warned of a leak', async () => {
  const warnings: string[] = [];
  const warned = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const { clock, probe, dialled } = searching({ a: 'ro' });
  probe.start(3_000);
  await clock.advance(30_000);
  await new Promise(setImmediate);
  expect(dialled.length).toBeGreaterThan(20);
  expect(warnings).toEqual([]);
});
