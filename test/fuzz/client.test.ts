import { describe, expect, onTestFinished, test } from 'vitest';
import type { KazooClientOptions } from '../../src/client/options.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { Dice, pause, within } from '../ensemble/lock-model.ts';
import { Assailant } from './assault.ts';
import { MutatingProxy } from './mutating-proxy.ts';
import { NonsenseHandler } from './nonsense-handler.ts';
import { OwnTime } from './own-time.ts';
import { collectGarbage } from '../support/garbage.ts';
import { hearThrown } from '../support/thrown.ts';

/** `KAZOO_SOAK_FRAMES=1000000` alters so many frames instead, `KAZOO_SOAK=600` goes on for so many seconds; `KAZOO_SEED=…` repeats a run's choices. */
const SECONDS = Number(process.env['KAZOO_SOAK'] ?? Infinity);
const FRAMES = Number(process.env['KAZOO_SOAK_FRAMES'] ?? (SECONDS === Infinity ? 10_000 : Infinity));
/** Sockets take longer. */
const FRAMES_BY_SOCKET = Number.isFinite(FRAMES) ? FRAMES / 5 : Infinity;
const SEED = Number(process.env['KAZOO_SEED'] ?? Date.now() % 2 ** 31);
const CLIENTS = 24;
/** Where each costs less. */
const MANY = FRAMES > 100_000 ? 240 : 72;
const SESSION = 600;
/** No call takes longer, whatever the server says: it hangs up in time, and comes back. */
const PATIENCE = 30_000;
const RECOVERY = 60_000;
const REPORTS = 20_000;
/** What a client may keep is bounded; what it kept of each of these frames would be more. */
const GROWTH = 24 * 1024 * 1024;

/** What talks nonsense, until it is healed. */
interface Nonsense {
  readonly mutated: number;
  readonly connections: number;
  /** What was altered last. */
  readonly tail: string;
  heal(): void;
}

describe('a client whose server talks nonsense never throws, never hangs, never grows, and gets well when the server does', () => {
  test(
    `${FRAMES} altered frames, without a network`,
    async () => {
      const server = await serve();
      const handler = new NonsenseHandler(new Dice(SEED));
      const assailants = recruit(MANY, { hosts: server.connectString, handler }, 0);
      await fight(handler, assailants, FRAMES);
      await server.close();
    },
    limit(FRAMES * 20),
  );

  test(
    `${FRAMES_BY_SOCKET} altered frames, of an embedded server`,
    async () => {
      const server = await serve();
      const before = resources();
      const proxy = await MutatingProxy.open(server.port, new Dice(SEED));
      onTestFinished(() => proxy[Symbol.asyncDispose]());
      await fight(proxy, recruit(CLIENTS, { hosts: proxy.connectString }, 0.03), FRAMES_BY_SOCKET);
      await proxy[Symbol.asyncDispose]();
      await pause(50);
      const after = resources();
      expect(after.sockets, 'sockets left').toBe(before.sockets);
      // The test runner has a few of its own, which come and go.
      expect(after.timers, 'timers left').toBeLessThan(before.timers + 5);
    },
    limit(FRAMES_BY_SOCKET * 60),
  );
});

function limit(work: number): number {
  return 240_000 + (Number.isFinite(SECONDS) ? SECONDS * 1_000 : work);
}

async function serve(): Promise<EmbeddedZooKeeper> {
  const server = await EmbeddedZooKeeper.start({ tickTime: 40, maxClientCnxns: 0 });
  onTestFinished(() => server.close());
  return server;
}

function recruit(count: number, options: KazooClientOptions, recipes: number): Assailant[] {
  const time = new OwnTime();
  onTestFinished(() => time[Symbol.dispose]());
  const quick = { maxTries: -1, delay: 5, maxDelay: 50 };
  return Array.from({ length: count }, (_, index) => {
    const client = new KazooClient({ timeout: SESSION, connectionRetry: quick, commandRetry: quick, ...options });
    onTestFinished(() => client.close());
    return new Assailant(client, new Dice(SEED + index), time, recipes);
  });
}

async function fight(nonsense: Nonsense, assailants: readonly Assailant[], frames: number): Promise<void> {
  process.stderr.write(`fuzz: KAZOO_SEED=${SEED}\n`);
  const outside = hearThrown();
  try {
    await assault(nonsense, assailants, frames, outside);
    await recover(assailants);
    await within('every client stops', RECOVERY, Promise.all(assailants.map(({ client }) => client.close())));
    for (const { client } of assailants) expect(client.listenerCount('state')).toBe(0);
    expect(outside, 'thrown where nobody awaits it').toEqual([]);
    for (const { strange, errors } of assailants) expect([...strange, ...errors]).toEqual([]);
  } catch (error) {
    throw new Error(`seed ${SEED}: ${(error as Error).message}\nlast altered:\n${nonsense.tail}`, { cause: error });
  }
}

/** What keeps this process awake. */
function resources(): { sockets: number; timers: number } {
  const kinds = process.getActiveResourcesInfo();
  return {
    sockets: kinds.filter((kind) => kind.startsWith('TCP')).length,
    timers: kinds.filter((kind) => kind === 'Timeout').length,
  };
}

/** All clients at once, until enough frames were altered; meanwhile, nothing is overdue and nothing piles up. */
async function assault(
  nonsense: Nonsense,
  assailants: readonly Assailant[],
  frames: number,
  outside: readonly string[],
): Promise<void> {
  const end = performance.now() + SECONDS * 1_000;
  let running = true;
  const work = Promise.all(
    assailants.map(async (assailant) => {
      await assailant.run(() => running);
    }),
  );
  work.catch(() => undefined);
  let heap = 0;
  try {
    while (nonsense.mutated < frames && performance.now() < end && outside.length === 0) {
      await Promise.race([pause(500), work]);
      expect(assailants.flatMap((assailant) => assailant.overdue(PATIENCE, false))).toEqual([]);
      // Measured from the time on when everything that is kept once is there.
      if (heap === 0 && nonsense.mutated > Math.min(frames / 3, 20_000)) heap = heapUsed();
      if (report(nonsense, assailants) && heap > 0) expect(heapUsed() - heap).toBeLessThan(GROWTH);
    }
    // Before they are healed: a real socket has a buffer of its own.
    if (heap > 0) expect(heapUsed() - heap).toBeLessThan(GROWTH);
  } finally {
    running = false;
    nonsense.heal();
  }
  await within(
    `every call is settled: ${assailants.flatMap((assailant) => assailant.overdue(1_000, true)).join('; ')}`,
    2 * PATIENCE,
    work,
  );
  const calls = assailants.reduce((sum, assailant) => sum + assailant.calls, 0);
  const succeeded = assailants.reduce((sum, assailant) => sum + assailant.succeeded, 0);
  process.stderr.write(
    `fuzz: ${nonsense.mutated} frames altered on ${nonsense.connections} connections, ${calls} calls, ${succeeded} of them well; heap ${mib(heap)} -> ${mib(heapUsed())} MiB\n`,
  );
}

let reported = 0;

/** In a soak, now and then a line; tells whether there was one. */
function report(nonsense: Nonsense, assailants: readonly Assailant[]): boolean {
  if (performance.now() - reported < REPORTS) return false;
  reported = performance.now();
  const calls = assailants.reduce((sum, assailant) => sum + assailant.calls, 0);
  process.stderr.write(`fuzz: ${nonsense.mutated} frames altered, ${calls} calls, heap ${mib(heapUsed())} MiB\n`);
  return true;
}

function heapUsed(): number {
  // What buffers leave behind is swept while the program goes on: what the first collection freed is gone for certain with the second.
  collectGarbage();
  collectGarbage();
  const { heapUsed: used, arrayBuffers } = process.memoryUsage();
  return used + arrayBuffers;
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

/** With a server that is well again, each of the clients is, too. */
async function recover(assailants: readonly Assailant[]): Promise<void> {
  const each = assailants.map(async ({ client }, index) => {
    const path = `/fuzz/well-${index}`;
    await client.start({ timeout: RECOVERY });
    await client.retry(() => client.ensurePath(path));
    await client.retry(() => client.set(path, `well ${index}`));
    expect((await client.get(path))[0]!.toString()).toBe(`well ${index}`);
  });
  await within('every client gets well', RECOVERY, Promise.all(each));
}
