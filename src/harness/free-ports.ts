import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { HarnessError } from './harness-error.ts';

// Below the range systems take outgoing ports from: a server that was stopped finds its port free again when it restarts, because no client
// socket of some other program can have been given it meanwhile.
const LOWEST = 11_000;
const HIGHEST = 32_000;
const ATTEMPTS = 200;
// Processes that look at the same time, as those of a test runner do, look in different places first: what one has found is free until its server is up.
const PLACES = 100;
const PLACE = (HIGHEST - LOWEST) / PLACES;
/** By this process: a server that is stopped, or not up yet, is to have its port. */
const given = new Set<number>();

/** Finds `count` different TCP ports nobody listens on at `host`. Nothing reserves them: use them soon. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const found: number[] = [];
  for (let attempt = 0; found.length < count; attempt++) {
    if (attempt >= ATTEMPTS + count) throw new HarnessError(`found only ${found.length} of ${count} free ports on ${host}`);
    const port = attempt < ATTEMPTS / 2 ? LOWEST + (process.pid % PLACES) * PLACE + randomInt(PLACE) : randomInt(LOWEST, HIGHEST);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port, host)) found.push(port);
    else given.delete(port);
  }
  if (given.size > (HIGHEST - LOWEST) / 2) given.clear();
  return found;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
