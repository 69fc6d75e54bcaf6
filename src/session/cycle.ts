import type { Clock } from '../base/clock.ts';
import { ConnectionDropped, type ConnectFailure } from '../base/errors.ts';
import type { HostPort } from '../base/hosts.ts';
import { describeValue } from '../base/paths.ts';
import type { Target } from '../connection/transport.ts';
import { ScopedClock } from './scoped-clock.ts';

/** Looks up every address of a name. */
export type Resolver = (host: string) => Promise<string[]>;

export interface CycleOptions {
  /** Tried first, before any lookup is answered. */
  readonly preferred: Target | undefined;
  /** Tried after all others: the server that was lost (Kazoo HO-3). */
  readonly last: Target | undefined;
  readonly patience: number;
  readonly onFailure: (failure: ConnectFailure) => void;
  /** Undefined to keep the configured order. */
  readonly random: (() => number) | undefined;
  readonly resolve: Resolver;
  readonly clock: Clock;
}

interface Candidate {
  readonly target: Target;
  readonly order: number;
}

/** Milliseconds that resolved names wait for the others, to be shuffled with them. */
const GATHERING = 100;

/**
 * One round over all addresses. Lookups run in parallel: a name that is slow, or does not resolve, holds up nothing.
 * A name that was dialled in vain is looked up again before it is dialled again, so that a changed answer counts at once (ZOOKEEPER-2184).
 */
export class Cycle {
  readonly #options: CycleOptions;
  readonly #clock: ScopedClock;
  readonly #lookups = new Map<HostPort, Promise<void>>();
  readonly #tried: Target[] = [];
  #candidates: Candidate[] = [];
  #known = 0;
  #preferred: Target | undefined;
  #gathered = false;
  #closed = false;

  constructor(hosts: readonly HostPort[], options: CycleOptions) {
    this.#options = options;
    this.#clock = new ScopedClock(options.clock);
    this.#preferred = options.preferred;
    hosts.forEach((host, order) => {
      const lookup = this.#gather(host, order).finally(() => this.#lookups.delete(host));
      this.#lookups.set(host, lookup);
    });
  }

  /** The number of addresses known so far: a name not resolved yet counts as one. */
  get size(): number {
    return Math.max(1, this.#known + this.#lookups.size);
  }

  /** The names that have no answer yet. */
  get unresolved(): HostPort[] {
    return [...this.#lookups.keys()];
  }

  /** The next address to try; undefined when all have been tried. */
  async next(): Promise<Target | undefined> {
    const preferred = this.#preferred;
    this.#preferred = undefined;
    if (preferred !== undefined) return this.#take(preferred);
    if (!this.#gathered) await this.#gatheringTime();
    while (!this.#closed) {
      const drawn = this.#draw();
      if (drawn !== undefined) {
        const target = await this.#upToDate(drawn);
        if (target !== undefined) return this.#take(target);
      } else if (this.#lookups.size > 0) {
        await Promise.race(this.#lookups.values());
      } else {
        return undefined;
      }
    }
    return undefined;
  }

  /** Ends everything in progress. */
  close(): void {
    this.#closed = true;
    this.#clock.fireAll();
  }

  async #gather(host: HostPort, order: number): Promise<void> {
    try {
      const addresses = await this.#lookUp(host.host);
      if (addresses.length === 0) throw new ConnectionDropped(`${host.host} has no address`);
      for (const address of addresses) {
        const target = { ...host, address };
        if (this.#isNew(target)) this.#known++;
        this.#candidates.push({ target, order });
      }
    } catch (cause) {
      if (!this.#closed) this.#options.onFailure({ ...host, address: null, cause: cause as Error });
    }
  }

  async #gatheringTime(): Promise<void> {
    this.#gathered = true;
    const all = Promise.all(this.#lookups.values()).then(() => undefined);
    await this.#within(GATHERING, all, () => undefined);
  }

  #draw(): Target | undefined {
    const { random, last } = this.#options;
    const untried = this.#candidates.filter(({ target }) => !this.#tried.some((other) => isSame(other, target)));
    const others = untried.filter(({ target }) => last === undefined || !isSame(target, last));
    if (others.length === 0 && this.#lookups.size > 0) return undefined;
    const pool = others.length > 0 ? others : untried;
    const drawn = random === undefined ? pool.sort((a, b) => a.order - b.order)[0] : pool[Math.floor(random() * pool.length)];
    this.#candidates = untried.filter((candidate) => candidate !== drawn);
    return drawn?.target;
  }

  /** The target, or the address that has replaced it since the name was looked up; undefined if it is gone. */
  async #upToDate(target: Target): Promise<Target | undefined> {
    if (!this.#tried.some(({ host, port }) => host === target.host && port === target.port)) return target;
    const addresses = await this.#lookUp(target.host).catch(() => [target.address]);
    if (addresses.includes(target.address)) return target;
    const address = addresses.find((other) => this.#isNew({ ...target, address: other }));
    return address === undefined ? undefined : { ...target, address };
  }

  /** Whether no other name has led to it. */
  #isNew(target: Target): boolean {
    return ![...this.#tried, ...this.#candidates.map((candidate) => candidate.target)].some((other) => isSame(other, target));
  }

  #take(target: Target): Target {
    this.#tried.push(target);
    return target;
  }

  #lookUp(host: string): Promise<string[]> {
    const { patience, resolve } = this.#options;
    return this.#within(patience, resolved(resolve, host), () => {
      throw new ConnectionDropped(`the lookup of ${host} took more than ${Math.round(patience)} ms`);
    });
  }

  #within<T>(limit: number, promise: Promise<T>, late: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.timer(limit, () => {
        try {
          resolve(late());
        } catch (error) {
          reject(error);
        }
      });
      void promise.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** Checks the result of a resolver, which may be a user's. */
async function resolved(resolve: Resolver, host: string): Promise<string[]> {
  const addresses: unknown[] = await resolve(host);
  if (Array.isArray(addresses) && [...addresses].every((address) => typeof address === 'string')) return addresses as string[];
  throw new TypeError(`resolver must return an array of strings, not ${describeValue(addresses)}`);
}

function isSame(a: Target, b: Target): boolean {
  return a.address === b.address && a.port === b.port;
}
