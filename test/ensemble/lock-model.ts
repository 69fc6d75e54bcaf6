import { LockTimeout } from '../../src/base/errors.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';

/** A random number generator that gives the same numbers for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

/** Lines of a history that are kept at least. */
const KEPT = 5_000;

/** What happened, in order: who held what, from when to when. */
export class History {
  readonly #start = performance.now();
  #lines: string[] = [];
  readonly violations: string[] = [];

  note(line: string): void {
    this.#lines.push(`${(performance.now() - this.#start).toFixed(1).padStart(9)}  ${line}`);
    if (this.#lines.length > 2 * KEPT) this.#lines = this.#lines.slice(-KEPT);
  }

  violation(line: string): void {
    this.note(`VIOLATION ${line}`);
    if (this.violations.length === 0) this.violations.push([line, ...this.#lines.slice(-60)].join('\n'));
  }

  get tail(): string {
    return this.#lines.slice(-40).join('\n');
  }
}

/** How much of a resource a hold takes: readers take one part of many, a writer all. */
export interface Share {
  readonly name: string;
  /** Which client's hold it is. */
  readonly client: number;
  readonly part: number;
}

/**
 * Checks one resource: the parts of all holds whose signal has not aborted never exceed its capacity.
 * A hold whose signal has aborted counts no more: that is what the signal is for.
 */
export class Referee {
  readonly #history: History;
  readonly #resource: string;
  readonly #capacity: number;
  readonly #holds = new Map<AbortSignal, Share>();
  #lastToken = -1n;
  served = 0;
  refused = 0;

  constructor(history: History, resource: string, capacity: number) {
    this.#history = history;
    this.#resource = resource;
    this.#capacity = capacity;
  }

  /** The clients that hold it now. */
  get holders(): number[] {
    return [...this.#holds].filter(([signal]) => !signal.aborted).map(([, { client }]) => client);
  }

  begin(share: Share, signal: AbortSignal): void {
    this.served += 1;
    this.#history.note(`${this.#resource}: ${share.name} holds${signal.aborted ? ' (aborted already)' : ''}`);
    signal.addEventListener(
      'abort',
      () => this.#history.note(`${this.#resource}: ${share.name} is told: ${String(signal.reason)}`),
      { once: true },
    );
    this.#holds.set(signal, share);
    const active = [...this.#holds].filter(([held]) => !held.aborted).map(([, held]) => held);
    const taken = active.reduce((sum, { part }) => sum + part, 0);
    if (taken > this.#capacity)
      this.#history.violation(`${this.#resource} is held by ${active.map(({ name }) => name).join(' and ')}`);
  }

  end(share: Share, signal: AbortSignal): void {
    this.#history.note(`${this.#resource}: ${share.name} is done`);
    this.#holds.delete(signal);
  }

  /** Each exclusive hold has a higher token than the one before. */
  token(share: Share, token: bigint | null): void {
    if (token === null || token <= this.#lastToken)
      this.#history.violation(`${this.#resource}: ${share.name} got token ${token} after ${this.#lastToken}`);
    else this.#lastToken = token;
  }

  refuse(share: Share, why: unknown): void {
    this.refused += 1;
    this.#history.note(`${this.#resource}: ${share.name} is refused: ${String(why)}`);
  }
}

/** Something to hold, as each of the recipes has it. */
export interface Holdable {
  hold(options: {
    timeout?: number;
    signal?: AbortSignal;
  }): Promise<AsyncDisposable & { readonly signal: AbortSignal; readonly fencingToken: bigint }>;
}

class Impatience extends Error {}

/** One contender of one resource: wants it, holds it, lets it go, until told to stop. Every wait of its ends, one way or the other. */
export async function contend(
  options: { dice: Dice; referee: Referee; share: Share; target: () => Holdable; tokens: boolean },
  running: () => boolean,
): Promise<void> {
  const { dice, referee, share, target, tokens } = options;
  while (running()) {
    const controller = new AbortController();
    const timer = dice.chance(0.3)
      ? setTimeout(() => controller.abort(new Impatience('impatient')), dice.between(1, 800))
      : undefined;
    try {
      const held = await target().hold({
        signal: controller.signal,
        ...(dice.chance(0.4) && { timeout: dice.between(1, 1_500) }),
      });
      clearTimeout(timer);
      referee.begin(share, held.signal);
      if (tokens && !held.signal.aborted) referee.token(share, held.fencingToken);
      // Mostly short; now and then so long that only the signal ends it.
      await pauseUnless(held.signal, dice.chance(0.03) ? dice.between(0, 4_000) : dice.between(0, 8));
      referee.end(share, held.signal);
      await held[Symbol.asyncDispose]();
    } catch (error) {
      clearTimeout(timer);
      if (!(error instanceof Impatience) && !(error instanceof LockTimeout)) throw error;
      referee.refuse(share, error.message);
    }
    await pause(dice.between(0, 10));
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Pauses, but not beyond the abort of a signal. */
function pauseUnless(signal: AbortSignal, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const stop = (): void => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Waits until something is so. @throws after `limit` milliseconds, saying what was waited for */
export async function eventually(what: string, limit: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + limit;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`in vain, for ${limit} ms: ${what}`);
    await pause(20);
  }
}

/** The outcome of everything, or an error that says what was not done in time. */
export function within<T>(what: string, limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`in vain, for ${limit} ms: ${what}`)), limit);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Resolves once the client has told that it is no longer connected; at once if it is not. */
export async function untilSuspended(client: KazooClient): Promise<void> {
  if (client.state !== 'CONNECTED') return;
  await new Promise<void>((resolve) => {
    client.once('state', () => resolve());
  });
}
