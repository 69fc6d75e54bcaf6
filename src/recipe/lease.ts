import { requireDuration, requireFunction, requireOptions } from '../base/arguments.ts';
import { KazooException, NodeExistsError, NoNodeError, SessionExpiredError, TransactionError } from '../base/errors.ts';
import { describeValue, joinPath, normalizePath } from '../base/paths.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalString, requireClient, requireCount } from './arguments.ts';
import { type Attempt, isTransient } from './attempt.ts';
import { bounded } from './bounded.ts';
import { hostname } from './identifier.ts';
import { Lock } from './lock.ts';
import { readText } from './missing.ts';
import { pythonJson } from './python-text.ts';

/** Options of a lease. */
export interface LeaseOptions {
  /** The holder's name: a client with the same name renews the lease. Default: the host name. */
  identifier?: string | undefined;
  /** The source of time, on which all holders must agree. Default: this machine's clock. */
  now?: (() => Date) | undefined;
}

/**
 * A lease of a fixed duration that survives the session: for work that one of many clients should do once in a while (Kazoo LE-1 to LE-7).
 * Obtaining it does not wait for the current holder, only for the short lock under which the decision is made.
 *
 * @example
 * const lease = client.nonBlockingLease('/leases/nightly', 3_600_000);
 * if (await lease.obtain()) await cleanUp();
 */
export class NonBlockingLease {
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #duration: number;
  readonly #identifier: string;
  readonly #now: () => Date;
  readonly #lock: Lock;
  readonly #holderPath: string;
  #obtained = false;

  /**
   * @param duration milliseconds
   * @throws TypeError or RangeError for a bad argument
   */
  constructor(client: RecipeClient, path: string, duration: number, options?: LeaseOptions) {
    const { identifier, now } = requireOptions(options, ['identifier', 'now']);
    this.#client = requireClient(client);
    this.path = normalizePath(path);
    this.#duration = requireLeaseDuration(duration);
    this.#identifier = optionalString('identifier', identifier, hostname());
    if (now !== undefined) requireFunction('now', now);
    this.#now = now ?? (() => new Date(client.clock.wallTime()));
    this.#lock = new Lock(client, this.path, { identifier: this.#identifier });
    this.#holderPath = joinPath(this.path, HOLDER);
  }

  /** Whether the last {@link obtain} got the lease. The lease may have ended since. */
  get obtained(): boolean {
    return this.#obtained;
  }

  /**
   * Takes the lease, or renews it, unless another holder has it.
   *
   * @throws KazooException if the node contains something other than a lease
   */
  async obtain(options?: WaitOptions): Promise<boolean> {
    this.#obtained = false;
    this.#obtained = await bounded(this.#client, options, this.path, 'obtain', (attempt) => this.#underLock(attempt));
    return this.#obtained;
  }

  /** The holder recorded in the node; null if there is none. */
  async readHolder(options?: WaitOptions): Promise<string | null> {
    const lease = await bounded(this.#client, options, this.path, 'lease', (attempt) =>
      attempt.retry(this.#client, () => this.#read(attempt.limits)),
    );
    return lease?.holder ?? null;
  }

  get identifier(): string {
    return this.#identifier;
  }

  /** Repeats a decision that a lost connection interrupted: whatever was written is then found as our own lease. Likewise if somebody deleted the node meanwhile. */
  async #underLock(attempt: Attempt): Promise<boolean> {
    const { limits } = attempt;
    for (;;) {
      try {
        return await this.#lock.withLock(() => this.#decide(limits), limits);
      } catch (error) {
        attempt.check();
        if (!isTransient(error) && !isRace(error)) throw error;
      }
    }
  }

  async #decide(limits: WaitOptions): Promise<boolean> {
    if (!this.#lock.isAcquired) throw new SessionExpiredError(`the lock for the lease ${this.path} was lost`);
    const now = checkDate(this.#now());
    const lease = await this.#read(limits);
    if (lease !== null && !this.#mayTake(lease, now)) return false;
    return this.#write(lease !== null, new Date(now.getTime() + this.#duration), limits);
  }

  #mayTake(lease: Lease, now: Date): boolean {
    return lease.version === VERSION && (lease.holder === this.#identifier || now.getTime() >= lease.end);
  }

  /** Deletes and creates the node, as Kazoo does, but in one step: a crash in between loses nothing. */
  async #write(exists: boolean, end: Date, limits: WaitOptions): Promise<boolean> {
    const data = pythonJson({ version: VERSION, holder: this.#identifier, end: end.toISOString().slice(0, SECONDS) });
    const transaction = this.#client.transaction();
    if (exists) transaction.delete(this.#holderPath);
    await transaction.create(this.#holderPath, data).commitOrThrow(limits);
    return true;
  }

  async #read(limits: WaitOptions): Promise<Lease | null> {
    const text = await readText(this.#client, this.#holderPath, limits);
    return text === null ? null : parseLease(this.#holderPath, text);
  }
}

/**
 * `count` leases, of which a client needs one: so many clients may work at once (Kazoo LE-6).
 *
 * @example
 * const lease = client.multiNonBlockingLease(3, '/leases/workers', 60_000);
 * if (await lease.obtain()) await work();
 */
export class MultiNonBlockingLease {
  readonly path: string;
  readonly count: number;
  readonly #client: RecipeClient;
  readonly #leases: readonly NonBlockingLease[];
  #obtained = false;

  /**
   * @param duration milliseconds
   * @throws TypeError or RangeError for a bad argument
   */
  constructor(client: RecipeClient, count: number, path: string, duration: number, options?: LeaseOptions) {
    this.#client = requireClient(client);
    this.count = requireCount('count', count);
    this.path = normalizePath(path);
    this.#leases = Array.from(
      { length: count },
      (_, slot) => new NonBlockingLease(client, joinPath(this.path, String(slot)), duration, options),
    );
  }

  /** Whether the last {@link obtain} got a lease. */
  get obtained(): boolean {
    return this.#obtained;
  }

  /** Takes one of the leases, or renews our own, which is tried first, so that nobody ends up with two (Kazoo D-24i). */
  async obtain(options?: WaitOptions): Promise<boolean> {
    this.#obtained = false;
    this.#obtained = await bounded(this.#client, options, this.path, 'obtain', ({ limits }) => this.#obtainOne(limits));
    return this.#obtained;
  }

  async #obtainOne(limits: WaitOptions): Promise<boolean> {
    for (const lease of await this.#ownFirst(limits)) if (await lease.obtain(limits)) return true;
    return false;
  }

  async #ownFirst(limits: WaitOptions): Promise<NonBlockingLease[]> {
    const holders = await Promise.all(this.#leases.map((lease) => lease.readHolder(limits)));
    const isOwn = (lease: NonBlockingLease, slot: number): boolean => holders[slot] === lease.identifier;
    return [...this.#leases.filter(isOwn), ...this.#leases.filter((lease, slot) => !isOwn(lease, slot))];
  }
}

/** Only someone who does not take the lock, such as an operator who frees the lease, can interfere between read and write. */
function isRace(error: unknown): boolean {
  return error instanceof TransactionError && (error.cause instanceof NoNodeError || error.cause instanceof NodeExistsError);
}

interface Lease {
  readonly version: unknown;
  readonly holder: string;
  /** Milliseconds since the epoch. */
  readonly end: number;
}

const HOLDER = 'lease_holder';
const VERSION = 1;
/** `YYYY-MM-DDTHH:MM:SS` */
const SECONDS = 19;

function parseLease(path: string, text: string): Lease {
  try {
    const { version, holder, end } = JSON.parse(text) as Record<string, unknown>;
    // Another version may look different: do not parse it (Kazoo LE-4).
    if (version !== VERSION) return { version, holder: '', end: Infinity };
    if (typeof holder === 'string' && typeof end === 'string' && END.test(end))
      return { version, holder, end: Date.parse(`${end}Z`) };
  } catch (cause) {
    throw new KazooException(`${path} must contain a lease, not ${describeValue(text)}`, { cause });
  }
  throw new KazooException(`${path} must contain a lease, not ${describeValue(text)}`);
}

const END = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/;

function requireLeaseDuration(duration: number): number {
  requireDuration('duration', duration);
  if (!Number.isFinite(duration)) throw new RangeError(`duration must be finite, not ${duration}`);
  return duration;
}

function checkDate(date: Date): Date {
  if (!(date instanceof Date) || Number.isNaN(date.getTime()))
    throw new TypeError(`now() must return a valid Date, not ${describeValue(date)}`);
  return date;
}
