import type { Clock } from '../base/clock.ts';
import type { ConnectFailure } from '../base/errors.ts';
import type { HostPort } from '../base/hosts.ts';
import type { Target } from '../connection/transport.ts';
import { Cycle, type CycleOptions, type Resolver } from './cycle.ts';

/** The configured servers, and the order in which a cycle of attempts tries their addresses (Kazoo HO-1). */
export class Rotation {
  #hosts: readonly HostPort[];
  #randomize: boolean;
  #preferred: Target | undefined;
  #last: Target | undefined;
  readonly #resolve: Resolver;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(
    hosts: readonly HostPort[],
    randomize: boolean,
    resolve: Resolver,
    clock: Clock,
    random: () => number = Math.random,
  ) {
    this.#hosts = hosts;
    this.#randomize = randomize;
    this.#resolve = resolve;
    this.#clock = clock;
    this.#random = random;
  }

  get hosts(): readonly HostPort[] {
    return this.#hosts;
  }

  /** Set by the connector; called when the hosts change. */
  onChange: () => void = () => undefined;

  /** Takes effect from the next cycle on; the current connection stays (Kazoo HO-8). */
  setHosts(hosts: readonly HostPort[], randomize: boolean | undefined): void {
    const before = this.#hosts;
    this.#hosts = hosts;
    if (randomize !== undefined) this.#randomize = randomize;
    if (!before.every((host) => this.has(host)) || hosts.some((host) => !isAmong(before, host))) this.onChange();
  }

  has(host: HostPort): boolean {
    return isAmong(this.#hosts, host);
  }

  /** A server to try first in the next cycle of attempts. */
  prefer(target: Target): void {
    this.#preferred = target;
  }

  /** A server to try last in the next cycle of attempts. */
  putLast(target: Target): void {
    this.#last = target;
  }

  /**
   * A cycle of attempts: every address of every host, once. Close it when it is no longer needed.
   *
   * @param patience milliseconds after which a lookup counts as failed
   * @param onFailure called for each host that does not resolve, which does not stop others from being tried
   */
  cycle(patience: number, onFailure: (failure: ConnectFailure) => void): Cycle {
    const [preferred, last] = [this.#preferred, this.#last];
    this.#preferred = this.#last = undefined;
    return this.#begin({ preferred, last }, patience, onFailure);
  }

  /** A cycle over the same addresses that does not use up the preferred and last servers. */
  survey(patience: number): Cycle {
    return this.#begin({ preferred: undefined, last: undefined }, patience, () => undefined);
  }

  #begin(turns: Pick<CycleOptions, 'preferred' | 'last'>, patience: number, onFailure: (failure: ConnectFailure) => void): Cycle {
    const random = this.#randomize ? this.#random : undefined;
    return new Cycle(this.#hosts, { ...turns, patience, onFailure, random, resolve: this.#resolve, clock: this.#clock });
  }
}

function isAmong(hosts: readonly HostPort[], { host, port }: HostPort): boolean {
  return hosts.some((other) => other.host === host && other.port === port);
}
