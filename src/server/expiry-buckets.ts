import type { Clock, Timer } from '../base/clock.ts';

/**
 * Expires items that have not been touched for a while, in ticks: the deadline is the end of the tick in which the timeout runs out, plus at most one tick,
 * as on a real server. A touch costs one addition: an item with a later deadline is moved only when its old bucket is due.
 */
export class ExpiryBuckets<T> {
  readonly #clock: Clock;
  readonly #tick: number;
  readonly #expire: (item: T) => void;
  readonly #deadlines = new Map<T, number>();
  readonly #buckets = new Map<number, Set<T>>();
  #timer: Timer | null = null;
  #due = Infinity;

  constructor(clock: Clock, tick: number, expire: (item: T) => void) {
    this.#clock = clock;
    this.#tick = tick;
    this.#expire = expire;
  }

  /** The item lives for at least `timeout` milliseconds more. */
  touch(item: T, timeout: number): void {
    const deadline = (Math.floor((this.#clock.now() + timeout) / this.#tick) + 1) * this.#tick;
    const before = this.#deadlines.get(item);
    if (before === deadline) return;
    this.#deadlines.set(item, deadline);
    if (before === undefined || deadline < before) this.#put(item, deadline);
  }

  remove(item: T): void {
    this.#deadlines.delete(item);
    if (this.#deadlines.size === 0) this.#stop();
  }

  /** Deadlines and their items, soonest first. */
  entries(): [deadline: number, item: T][] {
    return [...this.#deadlines].map(([item, deadline]): [number, T] => [deadline, item]).sort(([a], [b]) => a - b);
  }

  clear(): void {
    this.#deadlines.clear();
    this.#stop();
  }

  #put(item: T, deadline: number): void {
    const bucket = this.#buckets.get(deadline);
    if (bucket === undefined) this.#buckets.set(deadline, new Set([item]));
    else bucket.add(item);
    this.#arm(deadline);
  }

  #stop(): void {
    this.#buckets.clear();
    this.#timer?.cancel();
    this.#timer = null;
    this.#due = Infinity;
  }

  #arm(deadline: number): void {
    if (deadline >= this.#due) return;
    this.#timer?.cancel();
    this.#due = deadline;
    this.#timer = this.#clock.timer(deadline - this.#clock.now(), () => this.#run(), { background: true });
  }

  #run(): void {
    this.#timer = null;
    this.#due = Infinity;
    const now = this.#clock.now();
    for (const [deadline, bucket] of this.#buckets) {
      if (deadline > now) continue;
      this.#buckets.delete(deadline);
      for (const item of bucket) this.#settle(item, now);
    }
    for (const deadline of this.#buckets.keys()) this.#arm(deadline);
  }

  #settle(item: T, now: number): void {
    const deadline = this.#deadlines.get(item);
    if (deadline === undefined) return;
    if (deadline > now) return this.#put(item, deadline);
    this.#deadlines.delete(item);
    this.#expire(item);
  }
}
