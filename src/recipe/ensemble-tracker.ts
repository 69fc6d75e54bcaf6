import { requireFunction, requireOptions } from '../base/arguments.ts';
import { CancelledError } from '../base/errors.ts';
import { formatHost, type HostPort } from '../base/hosts.ts';
import { prompt } from '../base/prompt.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { ReadOptions, WaitOptions } from '../client/call-options.ts';
import { DROP } from '../client/internals.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireClient } from './arguments.ts';
import { bounded } from './bounded.ts';

/** The parts of a client that tracking uses, besides those of recipes. */
export interface EnsembleClient extends RecipeClient {
  readonly chroot: string;
  readonly hosts: readonly HostPort[];
  readonly server: (HostPort & { readonly address?: string | undefined }) | null;
  getConfig(options?: ReadOptions): Promise<[Buffer, ZnodeStat]>;
  setHosts(hosts: string | string[]): void;
  /** @internal */
  [DROP](reason: string): void;
}

/**
 * Follows the ensemble's own list of members (`/zookeeper/config`, ZooKeeper 3.5+), and keeps the client's hosts in sync with it.
 *
 * Opt-in, because the listed addresses must be reachable from here. Wildcard addresses (0.0.0.0, ::) are never adopted: the member's own name is used instead,
 * and a member without either is left out. An empty list (a standalone server) changes nothing.
 * When the list changes, the client may move to another server in the same session, by the rule of the Java client (StaticHostProvider), so that
 * clients spread evenly over an ensemble that grows or shrinks.
 *
 * @example
 * const tracker = new EnsembleTracker(client);
 * await tracker.start();
 * tracker.stop();
 */
export class EnsembleTracker {
  readonly #client: EnsembleClient;
  readonly #random: () => number;
  #running = false;
  #version = -1n;
  #settle: (() => void) | undefined;
  /** Ends the start in progress. */
  #giveUp: (() => void) | undefined;

  /** @param options.random a number in [0, 1), for tests */
  constructor(client: EnsembleClient, options?: { random?: (() => number) | undefined }) {
    const { random = Math.random } = requireOptions(options, ['random']);
    requireClient(client);
    requireFunction('random', random);
    this.#client = client;
    this.#random = random;
  }

  /** Reads the list, and follows it from now on, unless stopped meanwhile. @throws errors from reading it: NoNodeError before ZooKeeper 3.5, NoAuthError */
  async start(options?: WaitOptions): Promise<void> {
    if (this.#running) return;
    const stopped = new CancelledError('the tracker was stopped');
    this.#running = true;
    this.#version = -1n;
    this.#client.on('connected', this.#onConnected);
    try {
      await bounded(this.#client, options, CONFIG_PATH, 'ensemble tracker', (attempt) => {
        this.#giveUp = () => attempt.end(stopped);
        return attempt.persist(() => this.#follow(attempt.signal));
      });
    } catch (error) {
      if (error === stopped) return;
      this.stop();
      throw error;
    }
  }

  /** Stops tracking; the hosts stay as they are. Harmless when repeated. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#client.off('connected', this.#onConnected);
    this.#settle?.();
    this.#giveUp?.();
    void this.#client.unwatch(CONFIG_PATH, this.#onChange);
  }

  readonly #onConnected = (): void => {
    this.#settle?.();
    this.#again();
  };

  readonly #onChange = prompt((): void => this.#again());

  #again(): void {
    // A failure means that there is no connection; the next connection leads here again.
    if (this.#running)
      this.#follow().catch((error: unknown) =>
        this.#client.logger.debug(`could not read the ensemble's configuration: ${String(error)}`),
      );
  }

  async #follow(signal?: AbortSignal): Promise<void> {
    if (!this.#running) return;
    const [data] = await this.#client.getConfig({ signal, watch: this.#onChange });
    if (!this.#running) return;
    const { hosts, version } = parseEnsemble(data.toString('utf8'));
    if (version <= this.#version) return;
    this.#version = version;
    if (hosts.length > 0) this.#adopt(hosts);
  }

  #adopt(hosts: readonly HostPort[]): void {
    const { hosts: old, server } = this.#client;
    if (names(old).sort().join() === names(hosts).sort().join()) return;
    const move = rebalance(server, old, hosts, this.#random);
    if (move === null) return this.#setHosts(hosts);
    // Only the servers to move to; once connected, or once one of them fails, all hosts are set.
    this.#setHosts(move);
    this.#settle = () => {
      this.#settle = undefined;
      this.#client.off('connectFailed', settle);
      this.#setHosts(hosts);
    };
    const settle = (): void => this.#settle?.();
    this.#client.on('connectFailed', settle);
    this.#client[DROP]('moving to another server, as the members of the ensemble have changed');
  }

  #setHosts(hosts: readonly HostPort[]): void {
    const { chroot } = this.#client;
    this.#client.setHosts([...names(hosts), ...(chroot === '' ? [] : [chroot])]);
  }
}

const CONFIG_PATH = '/zookeeper/config';

/** The client addresses of an ensemble's configuration, and its version. */
export function parseEnsemble(text: string): { hosts: HostPort[]; version: bigint } {
  const hosts: HostPort[] = [];
  let version = -1n;
  for (const line of text.split('\n')) {
    const stated = /^version=([0-9a-f]+)$/i.exec(line.trim());
    if (stated !== null) version = BigInt(`0x${stated[1]}`);
    const member = MEMBER.exec(line.trim());
    if (member !== null) hosts.push(...clientAddress(member));
  }
  return { hosts, version };
}

/** `server.1=name:2888:3888:participant;address:2181`; the address may be missing. */
const MEMBER = /^server\.\d+=(\[[^\]]+\]|[^:;]+):[^;]*;(?:(\[[^\]]+\]|[^:;]+):)?(\d+)$/;

function clientAddress([, member = '', address = member, port = '']: RegExpExecArray): HostPort[] {
  const candidates = [address, member].map((name) => name.replace(/^\[|\]$/g, ''));
  const host = candidates.find((name) => !isWildcard(name));
  return host === undefined || Number(port) === 0 ? [] : [{ host, port: Number(port) }];
}

function isWildcard(address: string): boolean {
  return address === '' || address === '0.0.0.0' || /^[0:]+$/.test(address);
}

/**
 * The servers a client should move to when the list changes, by Java's rule (StaticHostProvider); null to stay.
 * An ensemble that grows attracts a fair share of clients to its new servers; one that shrinks keeps every client whose server remains. If all clients follow it, they stay evenly spread.
 */
export function rebalance(
  current: EnsembleClient['server'],
  old: readonly HostPort[],
  next: readonly HostPort[],
  random: () => number,
): readonly HostPort[] | null {
  const before = new Set(names(old));
  const isCurrent = ({ host, port }: HostPort): boolean =>
    port === current?.port && (host === current.host || host === current.address);
  const stays = next.some(isCurrent);
  const isKept = (host: HostPort): boolean => before.has(formatHost(host)) || isCurrent(host);
  const kept = next.filter(isKept);
  const added = next.filter((host) => !isKept(host));
  if (next.length > old.length) {
    if (stays && random() >= 1 - old.length / next.length) return null;
    return added.length > 0 ? added : next;
  }
  if (stays) return null;
  const toKept = (kept.length * (old.length - next.length)) / (next.length * (old.length - kept.length));
  const wanted = random() < toKept ? kept : added;
  return wanted.length > 0 ? wanted : next;
}

function names(hosts: readonly HostPort[]): string[] {
  return hosts.map(formatHost);
}
