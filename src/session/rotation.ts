import type { Clock } from '../base/clock.ts';
import { ConnectionDropped, type ConnectFailure } from '../base/errors.ts';
import type { HostPort } from '../base/hosts.ts';
import type { Target } from '../connection/transport.ts';

export type Resolver = (host: string) => Promise<string[]>;

/** The configured servers, and the order in which a cycle of attempts goes over their addresses (Kazoo HO-1). */
export class Rotation {
  #hosts: readonly HostPort[];
  #randomize: boolean;
  #preferred: Target | undefined;
  readonly #resolve: Resolver;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(hosts: readonly HostPort[], randomize: boolean, resolve: Resolver, clock: Clock, random: () => number = Math.random) {
    this.#hosts = hosts;
    this.#randomize = randomize;
    this.#resolve = resolve;
    this.#clock = clock;
    this.#random = random;
  }

  get hosts(): readonly HostPort[] {
    return this.#hosts;
  }

  /** Counts from the next cycle on; the connection there is stays (Kazoo HO-8). */
  setHosts(hosts: readonly HostPort[], randomize: boolean | undefined): void {
    this.#hosts = hosts;
    if (randomize !== undefined) this.#randomize = randomize;
  }

  /** A server to try first in the next cycle. */
  prefer(target: Target): void {
    this.#preferred = target;
  }

  /**
   * Every address of every host, once, looked up anew. Look-ups run side by side; those slower than `patience` ms are left out of this cycle.
   *
   * @param onFailure told of each host that does not resolve: it keeps nobody else from being tried
   */
  async cycle(patience: number, onFailure: (failure: ConnectFailure) => void): Promise<Target[]> {
    const found = await Promise.all(this.#hosts.map((host) => this.#addresses(host, patience, onFailure)));
    const targets = found.flat();
    if (this.#randomize) shuffle(targets, this.#random);
    const preferred = this.#preferred;
    this.#preferred = undefined;
    return preferred === undefined ? targets : [preferred, ...targets.filter((target) => !isSame(target, preferred))];
  }

  async #addresses({ host, port }: HostPort, patience: number, onFailure: (failure: ConnectFailure) => void): Promise<Target[]> {
    let cancel: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      const timer = this.#clock.timer(patience, () => reject(new ConnectionDropped(`the look-up of ${host} took more than ${Math.round(patience)} ms`)));
      cancel = () => timer.cancel();
    });
    try {
      const addresses = await Promise.race([this.#resolve(host), late]);
      return addresses.map((address) => ({ host, port, address }));
    } catch (cause) {
      onFailure({ host, port, address: null, cause: cause as Error });
      return [];
    } finally {
      cancel();
    }
  }
}

function isSame(a: Target, b: Target): boolean {
  return a.address === b.address && a.port === b.port;
}

function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
