// This package's recipes, in the same shapes as kazoo_peer.py.
import { KazooClient, TreeEvent } from '../../../dist/index.js';
import { DATA, job, serve } from './shell.mjs';

async function connect() {
  const client = new KazooClient({ hosts: job.address, timeout: 60_000 });
  return client.start();
}

const recipes = {
  async lockCycle() {
    const lock = (await connect()).lock('/bench/js/lock');
    return (count) => cycles(lock, count);
  },

  async lockHandover() {
    const locks = [];
    for (let i = 0; i < job.contenders; i++) locks.push((await connect()).lock('/bench/js/handover'));
    return (count) => Promise.all(locks.map((lock) => cycles(lock, Math.floor(count / locks.length))));
  },

  async queue() {
    const client = await connect();
    const queue = client.queue('/bench/js/queue');
    const queues = Array.from({ length: job.workers }, () => queue);
    const each = (work) =>
      Promise.all(
        queues.map(async (queue) => {
          for (let j = 0; j < job.backlog / job.workers; j++) await work(queue);
        }),
      );
    return async (count) => {
      for (let i = 0; i < Math.floor(count / job.backlog); i++) {
        await each((queue) => queue.put(DATA));
        await each(async (queue) => {
          if ((await queue.get()) === null) throw new Error('the queue lost an item');
        });
      }
    };
  },

  async counter() {
    const counter = (await connect()).counter('/bench/js/counter');
    return async (count) => {
      for (let i = 0; i < count; i++) await counter.add(1);
    };
  },

  async treeCache() {
    const client = await connect();
    return async () => {
      const spent = stopwatch();
      const cache = client.treeCache(job.tree);
      const ready = new Promise((resolve) => cache.listen((event) => event.eventType === TreeEvent.INITIALIZED && resolve()));
      await cache.start();
      await ready;
      const figures = spent();
      await cache.close();
      return figures;
    };
  },

  async watchFirings() {
    const [watcher, setter] = [await connect(), await connect()];
    const paths = Array.from({ length: job.watches }, (_, i) => `/bench/watched/n${String(i).padStart(5, '0')}`);
    return async () => {
      let left = paths.length;
      let fired;
      const all = new Promise((resolve) => (fired = resolve));
      const watch = () => --left === 0 && fired();
      await Promise.all(paths.map((path) => watcher.get(path, { watch })));
      const spent = stopwatch();
      await Promise.all([all, ...paths.map((path) => setter.set(path, DATA))]);
      return spent();
    };
  },
};

async function cycles(lock, count) {
  for (let i = 0; i < count; i++) {
    await lock.acquire();
    await lock.release();
  }
}

function stopwatch() {
  const cpu = process.cpuUsage();
  const start = performance.now();
  return () => {
    const used = process.cpuUsage(cpu);
    return { seconds: (performance.now() - start) / 1000, cpuSeconds: (used.user + used.system) / 1e6 };
  };
}

await serve(async () => ({ version: process.version, run: await recipes[job.recipe]() }));
