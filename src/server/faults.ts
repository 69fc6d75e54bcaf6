import { describeValue } from '../base/paths.ts';
import { OPS, type OpName } from '../codec/ops.ts';

/** A fault of one request. */
export type Fault =
  | { readonly kind: 'fail'; readonly code: number }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Apply the request, then drop the connection. */
  | { readonly kind: 'cut' }
  /** Apply the request, and never answer it. */
  | { readonly kind: 'drop' };

interface Planned {
  readonly fault: Fault;
  times: number;
}

/**
 * Deterministic fault injection: `server.faults.cutAfterCommit('create')`.
 *
 * Faults apply to the next matching request on any connection, in the order in which they were planned.
 */
export class Faults {
  readonly #planned = new Map<OpName, Planned[]>();
  readonly #cuts: number[] = [];

  /** The next connection that requests a session is dropped after so many bytes of replies, including the handshake's. */
  cutAfter(bytes: number): void {
    requireCount('bytes', bytes, 0);
    this.#cuts.push(bytes);
  }

  /** The next requests of this kind take effect, but the connection is dropped instead of a reply. */
  cutAfterCommit(op: OpName, times = 1): void {
    this.#plan(op, { kind: 'cut' }, times);
  }

  /** Every request of this kind is delayed by so many milliseconds, and so are those behind it on its connection. */
  delay(op: OpName, milliseconds: number): void {
    requireCount('milliseconds', milliseconds, 0);
    this.#plan(op, { kind: 'delay', milliseconds }, Infinity);
  }

  /** The next requests of this kind have no effect and get this error code. */
  fail(op: OpName, code: number, times = 1): void {
    if (!Number.isInteger(code) || code === 0)
      throw new TypeError(`code must be an error code such as -101, not ${describeValue(code)}`);
    this.#plan(op, { kind: 'fail', code }, times);
  }

  /** The next requests of this kind take effect, but are never answered; the connection stays. */
  dropReply(op: OpName, times = 1): void {
    this.#plan(op, { kind: 'drop' }, times);
  }

  /** Removes all planned faults. */
  clear(): void {
    this.#planned.clear();
    this.#cuts.length = 0;
  }

  /** Takes the next fault for a request of this kind. */
  next(op: OpName): Fault | null {
    if (this.#planned.size === 0) return null;
    const planned = this.#planned.get(op)?.find(({ fault }) => fault.kind !== 'delay');
    if (planned === undefined) return null;
    planned.times--;
    if (planned.times === 0) this.#remove(op, planned);
    return planned.fault;
  }

  /** The delay of requests of this kind, milliseconds. */
  delayOf(op: OpName): number {
    const planned = this.#planned.get(op)?.findLast(({ fault }) => fault.kind === 'delay');
    return planned?.fault.kind === 'delay' ? planned.fault.milliseconds : 0;
  }

  /** Takes the number of bytes after which the next connection is cut. */
  nextCut(): number {
    return this.#cuts.shift() ?? Infinity;
  }

  #plan(op: OpName, fault: Fault, times: number): void {
    if (!Object.hasOwn(OPS, op))
      throw new TypeError(`op must be one of ${Object.keys(OPS).join(', ')}, not ${describeValue(op)}`);
    if (times !== Infinity) requireCount('times', times, 1);
    this.#planned.set(op, [...(this.#planned.get(op) ?? []), { fault, times }]);
  }

  #remove(op: OpName, planned: Planned): void {
    const rest = this.#planned.get(op)!.filter((other) => other !== planned);
    if (rest.length === 0) this.#planned.delete(op);
    else this.#planned.set(op, rest);
  }
}

function requireCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name} must be a whole number, ${least} or more, not ${describeValue(value)}`);
}
