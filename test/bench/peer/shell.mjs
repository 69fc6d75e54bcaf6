// The shell around each Node peer. The runner starts it as `node peer.mjs JOB`, JOB being JSON such as
// { address, op, inFlight }; it prints one line when connected, then one line for each `run COUNT` on its standard input.
import { createInterface } from 'node:readline';

export const PATHS = {
  get: '/bench/node',
  set: '/bench/node',
  exists: '/bench/node',
  getChildren: '/bench/kids',
  create: '/bench/made/n-',
};
export const DATA = Buffer.alloc(100, 0x78);
export const job = JSON.parse(process.argv[2] ?? '{}');

/** Answers the runner. `open` connects and gives { version, run(count), close() }; run may give extra figures to report. */
export async function serve(open) {
  const peer = await open(job);
  say({ ready: true, version: peer.version });
  for await (const line of createInterface({ input: process.stdin })) {
    const [word, count] = line.split(' ');
    if (word === 'run') say(await timed(peer, Number(count)));
    else break;
  }
  await peer.close?.();
  process.exit(0);
}

/** Keeps `inFlight` callback-style calls going until `count` have answered. `issue(done)` sends one. */
export function pump(issue, count, inFlight) {
  return new Promise((resolve, reject) => {
    let issued = 0;
    let answered = 0;
    const done = (error) => {
      if (error) reject(error);
      else if (++answered === count) resolve();
      else if (issued < count) {
        issued++;
        issue(done);
      }
    };
    while (issued < Math.min(count, inFlight)) {
      issued++;
      issue(done);
    }
  });
}

/** The same for promise-style calls: each answer issues the next call, by `then`, so that the driving costs no more than a callback does. */
export function lanes(issue, count, inFlight) {
  return new Promise((resolve, reject) => {
    let issued = 0;
    let answered = 0;
    const next = () => {
      if (++answered === count) resolve();
      else send();
    };
    const send = () => {
      if (issued++ < count) issue().then(next, reject);
    };
    for (let i = 0; i < inFlight; i++) send();
  });
}

async function timed(peer, count) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const extra = await peer.run(count);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const used = process.cpuUsage(cpu);
  return { ops: count, seconds, cpuSeconds: (used.user + used.system) / 1e6, ...extra };
}

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}
