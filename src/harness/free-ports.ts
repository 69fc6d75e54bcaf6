import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { HarnessError } from './harness-error.ts';

// Below the range systems take outgoing ports from: a server that was stopped finds its port free again when it restarts, because no client
// socket of some other program can have been given it meanwhile.
const LOWEST = 11_000;
const HIGHEST = 32_000;
const ATTEMPTS = 200;

/** Finds `count` different TCP ports nobody listens on at `host`. Nothing reserves them: use them soon. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt >= ATTEMPTS + count) throw new HarnessError(`found only ${found.size} of ${count} free ports on ${host}`);
    const port = randomInt(LOWEST, HIGHEST);
    if (!found.has(port) && (await isFree(port, host))) found.add(port);
  }
  return [...found];
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
