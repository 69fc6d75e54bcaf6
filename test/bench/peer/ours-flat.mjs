// Does the cost of one thing stay the same when there are many? Watches, long lists of children, large values.
// Busy time is CPU time: a reconnection's waiting is not counted.
import { performance } from 'node:perf_hooks';
import { KazooClient } from '../../../dist/index.js';
import { job, serve } from './shell.mjs';

const LIMIT = 64 << 20;

const client = new KazooClient({ hosts: job.address, timeout: 60_000, maxResponseBytes: LIMIT, maxRequestBytes: LIMIT });
await client.start();

/** Sets, restores and fires `job.size` watches, as often as it takes to have done `count`. */
async function watches(count) {
  const sum = { setSeconds: 0, restoreSeconds: 0, fireSeconds: 0, heapMiB: 0 };
  for (let done = 0; done < count; done += job.size) {
    const fired = new Counter();
    const heap = heapUsed();
    sum.setSeconds += await busy(() => setWatches(job.size, fired));
    sum.heapMiB = Math.max(sum.heapMiB, (heapUsed() - heap) / 2 ** 20);
    sum.restoreSeconds += await busy(restore);
    sum.fireSeconds += await busy(async () => {
      await client.set('/bench/fire', '');
      await fired.reaches(job.size);
    });
  }
  return sum;
}

async function setWatches(size, fired) {
  const watch = () => fired.add();
  for (let from = 0; from < size; from += 1000) {
    const calls = [];
    for (let i = from; i < Math.min(size, from + 1000); i++) calls.push(client.get(`/bench/watch-${i}`, { watch }));
    await Promise.all(calls);
  }
}

async function restore() {
  const back = new Promise((resolve) => {
    let away = false;
    const listener = (state) => {
      if (state === 'SUSPENDED') away = true;
      else if (away && state === 'CONNECTED') {
        client.off('state', listener);
        resolve();
      }
    };
    client.on('state', listener);
  });
  await client.set('/bench/drop', '');
  await back;
  await client.get('/bench/node');
}

/** Calls with `job.size` names or bytes each until `count` of them were moved; and the longest time the loop stood still. */
async function sizes(count) {
  const path = `/bench/size-${job.size}`;
  const value = Buffer.alloc(job.kind === 'set' ? job.size : 0);
  const call = { getChildren: () => client.getChildren(path), get: () => client.get(path), set: () => client.set(path, value) }[
    job.kind
  ];
  let longest = 0;
  let watching = true;
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (watching) setImmediate(tick);
  };
  setImmediate(tick);
  for (let done = 0; done < count; done += job.size) await call();
  watching = false;
  return { longestStall: longest };
}

class Counter {
  #count = 0;
  #goal = Infinity;
  #reached = () => {};

  add() {
    if (++this.#count === this.#goal) this.#reached();
  }

  reaches(goal) {
    this.#goal = goal;
    return this.#count >= goal ? undefined : new Promise((resolve) => (this.#reached = resolve));
  }
}

async function busy(action) {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function heapUsed() {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

await serve(async () => ({
  version: process.version,
  run: job.kind === 'watches' ? watches : sizes,
  close: () => client.stop(),
}));
