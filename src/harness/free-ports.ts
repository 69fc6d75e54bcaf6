import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { HarnessError } from './harness-error.ts';

// Below the range of outgoing ports: a stopped server finds its port free again when it restarts, because the system cannot have given it to
// another program's client socket meanwhile.
const LOWEST = 11_000;
const HIGHEST = 32_000;
const ATTEMPTS = 200;
// Processes that search at the same time, such as those of a test runner, start in different places, so that none takes a port found by another.
const PLACES = 100;
const PLACE = (HIGHEST - LOWEST) / PLACES;
/** Ports given out by this process: kept for servers that are stopped, or not up yet. */
const given = new Set<number>();

/** Finds `count` different free TCP ports on `host`. Nothing reserves them: use them soon. */
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
