import { requireOptions } from '../base/arguments.ts';
import { ConfigurationError, NodeExistsError } from '../base/errors.ts';
import { normalizePath } from '../base/paths.ts';
import type { WatchListener } from '../base/states.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { Acquirable, OBTAIN, SUBJECT, type AcquireOptions, type Request } from './acquirable.ts';
import { optionalString, requireClient, requireCount } from './arguments.ts';
import type { Attempt } from './attempt.ts';
import { bounded } from './bounded.ts';
import type { Claim, ErrorPolicy } from './hold.ts';
import { uniqueName } from './identifier.ts';
import { Lock } from './lock.ts';
import { nullIfMissing, readTexts } from './missing.ts';
import { observe } from './observe.ts';
import { OwnedNode } from './owned-node.ts';
import { pythonBytes } from './python-text.ts';

/** Options of a {@link Semaphore}. */
export interface SemaphoreOptions {
  /** Stored in the lease's node; {@link Semaphore.leaseHolders} shows it to others. Default: empty. */
  identifier?: string | undefined;
  /** Maximum number of leases held at once. All users of a path must agree on it. Default 1. */
  maxLeases?: number | undefined;
  /** When a lease's signal aborts. Default `standard`. */
  errorPolicy?: ErrorPolicy | undefined;
}

/**
 * At most `maxLeases` leases at once, with the nodes that Python Kazoo uses (SE-1): leases are `<path>/<uuid>`,
 * and a {@link Lock} on `<path>-__lock__` is the queue, of which only the first waits for a lease.
 *
 * @example
 * const pool = client.semaphore('/pools/licence', { maxLeases: 5 });
 * await pool.withLease(async (signal) => work({ signal }));
 */
export class Semaphore extends Acquirable {
  /** Maximum number of leases held at once. */
  readonly maxLeases: number;
  readonly #identifier: string;
  readonly #line: Lock;
  #poolChecked = false;

  /** @throws TypeError, RangeError or ConfigurationError for a bad argument */
  constructor(client: RecipeClient, path: string, options?: SemaphoreOptions) {
    const { identifier, maxLeases = 1, errorPolicy } = requireOptions(options, ['identifier', 'maxLeases', 'errorPolicy']);
    super(requireClient(client), normalizePath(path), errorPolicy);
    this.#identifier = optionalString('identifier', identifier, '');
    this.maxLeases = requireCount('maxLeases', maxLeases);
    // Kazoo passes bytes to the lock, which stores their printed form (D-33); other clients expect that.
    const name = this.#identifier === '' ? '' : pythonBytes(Buffer.from(this.#identifier, 'utf8'));
    this.#line = new Lock(client, `${this.path}-__lock__`, { identifier: name });
  }

  /**
   * Runs `fn` while holding a lease and settles as it does. The signal given to `fn` aborts when the lease is, or may be, lost, or `options.signal` aborts.
   *
   * @throws LockTimeout also when `blocking: false` and no lease is free
   */
  withLease<T>(fn: (signal: AbortSignal) => Promise<T> | T, options?: AcquireOptions): Promise<T> {
    return this.within(fn, options);
  }

  /** The identifiers of all lease holders, in no particular order; empty if the path does not exist. */
  leaseHolders(options?: WaitOptions): Promise<string[]> {
    return bounded(this.client, options, this.path, 'lease holders', async ({ limits }) =>
      readTexts(this.client, this.path, (await this.#leases(limits)) ?? [], limits),
    );
  }

  /** @internal */
  protected get [SUBJECT](): string {
    return `a lease of the semaphore ${this.path}`;
  }

  /** @internal */
  protected async [OBTAIN](attempt: Attempt, { blocking }: Request): Promise<Claim | null> {
    for (;;) {
      await attempt.persist(() => attempt.guard(this.#checkPool()));
      if (!(await this.#line.acquire({ blocking, signal: attempt.signal }))) return null;
      const outcome = await this.#atHead(attempt, blocking);
      if (outcome !== 'restart') return outcome;
    }
  }

  /** At the head of the queue: takes a lease, waiting for one if necessary, and lets the next in the queue move up. */
  async #atHead(attempt: Attempt, blocking: boolean): Promise<Claim | null | 'restart'> {
    const node = this.#newNode();
    let outcome: Outcome = 'restart';
    try {
      do outcome = await attempt.persist(() => this.#takeLease(attempt, node, blocking));
      while (outcome === 'unsure' || (outcome === 'full' && blocking));
    } catch (error) {
      this.#line.release().catch((refused: unknown) => this.client.reportError(refused));
      await attempt.settle(this.client, node.discard());
      throw error;
    }
    return this.#leaveHead(attempt, node, outcome);
  }

  async #leaveHead(attempt: Attempt, node: OwnedNode, outcome: Outcome): Promise<Claim | null | 'restart'> {
    const left = this.#line.release();
    try {
      await attempt.guard(left);
    } catch (error) {
      // Whoever stays in the queue keeps everybody else out: a refusal must not go unheard, even if the caller no longer waits.
      left.catch((refused: unknown) => refused !== error && this.client.reportError(refused));
      await attempt.settle(this.client, node.discard());
      throw error;
    }
    if (outcome === 'taken') return claimOf(node);
    void node.discard();
    return outcome === 'full' ? null : 'restart';
  }

  /**
   * One attempt. The queue's lock and the lease belong to the same session, and a create happens in that session or not at all:
   * so whoever created a lease was at the head of the queue at that time.
   */
  async #takeLease(attempt: Attempt, node: OwnedNode, blocking: boolean): Promise<Outcome> {
    if (!this.#line.isAcquired) return 'restart';
    const children = await attempt.guard(this.#leases());
    if (children === null) return this.#poolVanished();
    if (node.name !== null) {
      if (!node.isAmong(children)) return 'restart';
    } else if (!this.#hasRoom(children, node)) {
      if (blocking) await this.#awaitRoom(attempt, node);
      return 'full';
    }
    await attempt.guard(node.make());
    const ours = await attempt.guard(node.verify());
    // Without a connection there is no session for it to belong to: the next attempt waits for one.
    if (this.client.state === 'SUSPENDED') return 'unsure';
    return ours && node.isOurs && this.#line.isAcquired ? 'taken' : 'restart';
  }

  /** Only the head of the queue watches the leases; every child counts as one, whoever created it (Kazoo SE-5). */
  async #awaitRoom(attempt: Attempt, node: OwnedNode): Promise<void> {
    const read = (watch: WatchListener): Promise<string[]> => this.client.getChildren(this.path, { watch });
    await nullIfMissing(observe(this.client, attempt, this.path, read, (children) => this.#hasRoom(children, node)));
  }

  #hasRoom(children: readonly string[], node: OwnedNode): boolean {
    return node.isAmong(children) || children.length < this.maxLeases;
  }

  #poolVanished(): 'restart' {
    this.#poolChecked = false;
    return 'restart';
  }

  /** Creates the pool with its number of leases, or checks that the stored number is the same (Kazoo SE-2). */
  async #checkPool(): Promise<void> {
    if (this.#poolChecked) return;
    try {
      await this.client.create(this.path, String(this.maxLeases), { makepath: true });
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
      await this.#compareLeases();
    }
    this.#poolChecked = true;
  }

  async #compareLeases(): Promise<void> {
    const [data] = await this.client.get(this.path);
    const stored = data?.toString('utf8').trim() ?? '';
    // Anything but a number is no contradiction (Kazoo D-33).
    if (!/^[+-]?\d+(_\d+)*$/.test(stored)) return;
    if (Number(stored.replaceAll('_', '')) === this.maxLeases) return;
    throw new ConfigurationError(`${this.path} is a semaphore of ${stored} leases, but maxLeases here is ${this.maxLeases}`);
  }

  #newNode(): OwnedNode {
    return new OwnedNode(this.client, {
      parent: this.path,
      name: uniqueName(),
      data: this.#identifier,
      sequence: false,
      ephemeral: true,
    });
  }

  #leases(limits?: WaitOptions): Promise<string[] | null> {
    return nullIfMissing(this.client.getChildren(this.path, limits));
  }
}

/** `unsure`: the connection was lost, so check again. */
type Outcome = 'taken' | 'full' | 'restart' | 'unsure';

function claimOf(node: OwnedNode): Claim {
  return {
    path: node.path!,
    fencingToken: node.birth!.czxid,
    ephemeral: true,
    isOurs: () => node.isOurs,
    remove: () => node.remove(),
    discard: () => node.discard(),
    lost: () => undefined,
  };
}
