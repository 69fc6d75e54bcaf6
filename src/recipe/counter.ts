import { requireOptions } from '../base/arguments.ts';
import { BadVersionError, NoNodeError } from '../base/errors.ts';
import { describeValue, normalizePath } from '../base/paths.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import { Turnstile } from '../base/turnstile.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalBoolean, requireClient, requireWaiting } from './arguments.ts';
import { type Attempt, attempting, isTransient } from './attempt.ts';
import { type CounterFormat, type CounterType, curatorFormat, textFormat } from './counter-value.ts';
import { waitTimedOut } from './wait-timed-out.ts';

/** Options of a {@link Counter}. */
export interface CounterOptions {
  /** The value of a counter that nobody has changed yet. Default 0 (`0n` for type 'bigint'). */
  default?: number | bigint | undefined;
  /** The type of the value. Default: that of the option `default`: 0 is 'int', 1.5 'float', 0n 'bigint'. */
  type?: CounterType | undefined;
  /** Store the value as Curator's SharedCount does, in 32 bits. Default false. */
  supportCurator?: boolean | undefined;
}

/** `bigint` for a counter with the type 'bigint' or a bigint default, else `number`. */
export type CounterValue<O extends CounterOptions> = O extends { type: 'bigint' } | { default: bigint } ? bigint : number;

/**
 * A number that many processes add to (Kazoo CO-1 to CO-8): `int` up to 2^53 - 1, `float`, or `bigint` without limit.
 *
 * Each change is a compare-and-set by the node's version; a change that lost the race is repeated. A change whose reply was lost is not repeated blindly
 * (Kazoo D-24e): the node is read again, and a version one higher with the value we wrote counts as ours. (If another client wrote the same value at that
 * moment, its change passes for ours: then one may be lost, but none is counted twice.) If the node has changed further, the outcome is unknown, and the
 * ConnectionLoss is thrown.
 *
 * @example
 * const counter = new Counter(client, '/hits');
 * await counter.add(2); // 2
 */
export class Counter<const O extends CounterOptions = CounterOptions> {
  readonly path: string;
  readonly default: CounterValue<O>;
  readonly type: CounterType;
  readonly supportCurator: boolean;
  readonly #client: RecipeClient;
  readonly #format: CounterFormat;
  /** One change of this object at a time: several would only lose races against each other. */
  readonly #turnstile = new Turnstile();
  #ensured = false;
  /** The result of the change just answered: as good as a read now, but only until the end of this turn of the event loop. */
  #fresh: Reading | null = null;
  #preValue: CounterValue<O> | null = null;
  #postValue: CounterValue<O> | null = null;

  /** @throws TypeError or RangeError for incompatible options, or an invalid path or client */
  constructor(client: RecipeClient, path: string, options?: O) {
    requireClient(client);
    const given: CounterOptions = requireOptions<CounterOptions>(options, ['default', 'type', 'supportCurator']);
    this.path = normalizePath(path);
    this.type = typeOf(given);
    this.supportCurator = optionalBoolean('supportCurator', given.supportCurator, false);
    this.#format = formatOf(this.type, this.supportCurator);
    const { default: initial = this.type === 'bigint' ? 0n : 0 } = given;
    this.default = this.#format.check('the default', initial) as CounterValue<O>;
    // A default that cannot be stored is invalid (CO-3).
    this.#format.encode(this.default);
    this.#client = client;
  }

  /** The value before this object's latest change; null before the first. */
  get preValue(): CounterValue<O> | null {
    return this.#preValue;
  }

  /** The value after this object's latest change; null before the first, and after a change has lost a race until it is repeated. */
  get postValue(): CounterValue<O> | null {
    return this.#postValue;
  }

  /**
   * The current value. Creates the node if there is none, without initialising it (Kazoo CO-2).
   *
   * @throws RangeError for data that is not such a number, or beyond the type's limits; OperationTimeoutError, or `signal.reason`
   */
  get(options?: WaitOptions): Promise<CounterValue<O>> {
    return this.#attempt(options, 'get', async (attempt) => {
      const { value } = await attempt.retry(this.#client, () => this.#read(attempt));
      return value as CounterValue<O>;
    });
  }

  /**
   * Adds `n`, and resolves with the sum.
   * An abort or a timeout ends the wait; whether the change in progress took effect is then unknown.
   *
   * @throws TypeError for an `n` of another type than the counter's; RangeError for a sum beyond the type's limits, which is not stored;
   *   ConnectionLoss if it cannot be determined whether the change was made
   */
  async add(n: CounterValue<O>, options?: WaitOptions): Promise<CounterValue<O>> {
    return this.#change(this.#format.check('n', n), options);
  }

  /** Like {@link add}, but subtracts `n`. */
  async subtract(n: CounterValue<O>, options?: WaitOptions): Promise<CounterValue<O>> {
    return this.#change(this.#format.negate(this.#format.check('n', n)), options);
  }

  #change(n: number | bigint, options?: WaitOptions): Promise<CounterValue<O>> {
    return this.#attempt(options, 'add', (attempt) =>
      this.#turnstile.pass(
        () => attempt.guard(this.#changeUntilDone(n, attempt) as Promise<CounterValue<O>>),
        (ready) => attempt.guard(ready),
      ),
    );
  }

  async #changeUntilDone(n: number | bigint, attempt: Attempt): Promise<number | bigint> {
    for (let conflicts = 0; ; conflicts++) {
      const { value, stat } = this.#fresh ?? (await attempt.retry(this.#client, () => this.#read(attempt)));
      this.#fresh = null;
      const post = this.#format.add(value, n);
      const data = this.#format.encode(post);
      this.#preValue = value as CounterValue<O>;
      this.#postValue = null;
      const made = await this.#compareAndSet(data, stat, attempt);
      if (made) {
        if (typeof made === 'object') this.#keepForThisTurn({ value: post, stat: made });
        this.#postValue = post as CounterValue<O>;
        return post;
      }
      if (conflicts > 0) await attempt.pause(Math.random() * Math.min(2 ** conflicts, LONGEST_PAUSE));
    }
  }

  /**
   * Lets consecutive changes skip the read in between. Kept any longer, this could match another node of the same version,
   * created after a deletion; so it is dropped after the current microtasks, in which the caller who waited for the change asks for the next.
   */
  #keepForThisTurn(reading: Reading): void {
    this.#fresh = reading;
    process.nextTick(() => {
      if (this.#fresh === reading) this.#fresh = null;
    });
  }

  /** The new stat, or true, if the change was made; false if another client was first. */
  async #compareAndSet(data: Buffer, stat: ZnodeStat, attempt: Attempt): Promise<ZnodeStat | boolean> {
    try {
      return await this.#client.set(this.path, data, { version: stat.version, signal: attempt.bound });
    } catch (error) {
      if (error instanceof BadVersionError) return false;
      if (error instanceof NoNodeError) return this.#vanished();
      if (!isTransient(error)) throw error;
      return this.#wasMade(data, stat, attempt, error);
    }
  }

  /**
   * The outcome of an unanswered change:
   *
   *   version v, as before     not made, and cannot be any more: the sync has overtaken it
   *   version v + 1, our data  made by us
   *   version v + 1, other     refused: another client made v + 1
   *   anything else            unknown
   */
  async #wasMade(data: Buffer, before: ZnodeStat, attempt: Attempt, error: unknown): Promise<boolean> {
    const [now, after] = await attempt.persist(() => this.#readAfresh(attempt)).catch(() => [null, null] as const);
    if (after === null || after.czxid !== before.czxid) throw error;
    if (after.version === before.version) return false;
    if (after.version !== before.version + 1) throw error;
    return now !== null && data.equals(now);
  }

  /** The current server may lag behind the one that may have made the change. */
  async #readAfresh({ bound: signal }: Attempt): Promise<[Buffer | null, ZnodeStat]> {
    const [, reading] = await Promise.all([this.#client.sync(this.path, { signal }), this.#client.get(this.path, { signal })]);
    return reading;
  }

  async #read({ bound: signal }: Attempt): Promise<Reading> {
    for (;;) {
      if (!this.#ensured) await this.#client.ensurePath(this.path, { signal });
      this.#ensured = true;
      try {
        const [data, stat] = await this.#client.get(this.path, { signal });
        return { value: data === null || data.length === 0 ? this.default : this.#format.decode(data), stat };
      } catch (error) {
        if (error instanceof RangeError) throw new RangeError(`${this.path}: ${error.message}`, { cause: error });
        if (!(error instanceof NoNodeError)) throw error;
        this.#vanished();
      }
    }
  }

  /** Somebody deleted the node: create it again (Kazoo D-24c). */
  #vanished(): false {
    this.#ensured = false;
    return false;
  }

  async #attempt<T>(options: WaitOptions | undefined, operation: string, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const timedOut = (): Error => waitTimedOut(this.path, `counter ${operation}`);
    return attempting(this.#client.clock, requireWaiting(options), timedOut, work);
  }
}

interface Reading {
  readonly value: number | bigint;
  readonly stat: ZnodeStat;
}

const LONGEST_PAUSE = 100;

function typeOf({ type, default: initial }: CounterOptions): CounterType {
  if (type === undefined) {
    if (typeof initial === 'bigint') return 'bigint';
    return initial === undefined || Number.isInteger(initial) ? 'int' : 'float';
  }
  if (!['int', 'float', 'bigint'].includes(type))
    throw new TypeError(`type must be "int", "float" or "bigint", not ${describeValue(type)}`);
  return type;
}

function formatOf(type: CounterType, supportCurator: boolean): CounterFormat {
  if (!supportCurator) return textFormat(type);
  if (type === 'float') throw new TypeError('a counter shared with Curator holds integers: its default must be a whole number');
  return curatorFormat(type);
}
