/** Waits until something is so; fails loudly after a generous while. */
export async function until(isSo: () => boolean, what: string, limit = 20_000): Promise<void> {
  const start = performance.now();
  while (!isSo()) {
    if (performance.now() - start > limit) throw new Error(`waited ${limit} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The outcome of a promise that ought to be rejected. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: number }> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error as Error;
  throw new Error(`expected a rejection, got ${String(outcome.value)}`);
}

/** What a client tells of its states, in order, each with the instant it was told. */
export function record(client: {
  on(event: 'state', listener: (state: string) => void): unknown;
}): { state: string; at: number }[] {
  const states: { state: string; at: number }[] = [];
  client.on('state', (state) => {
    states.push({ state, at: performance.now() });
  });
  return states;
}

/** Blocks this thread, as a long computation would. */
export function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Resolves when a client tells of a state. Ask before the fault is ordered: a state may last no longer than a few milliseconds. */
export function told(
  client: {
    on(event: 'state', listener: (state: string) => void): unknown;
    off(event: 'state', listener: (state: string) => void): unknown;
  },
  wanted: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for ${wanted}`)), 20_000);
    const listener = (state: string): void => {
      if (state !== wanted) return;
      clearTimeout(timer);
      client.off('state', listener);
      resolve();
    };
    client.on('state', listener);
  });
}

/** Takes a client's connection away and keeps it from another, until `server.refuseConnections(false)`; resolves when the client has told of it. */
export async function suspend(
  server: { refuseConnections(on: boolean): void; dropConnections(): void },
  client: Parameters<typeof told>[0],
): Promise<void> {
  const suspended = told(client, 'SUSPENDED');
  server.refuseConnections(true);
  server.dropConnections();
  await suspended;
}
