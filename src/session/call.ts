import { subjectOf, UnimplementedError, type ErrorContext } from '../base/errors.ts';
import type { WatchListener } from '../base/states.ts';
import { AddWatchMode, type OpRow } from '../codec/ops.ts';
import { DecodeError, type Reader } from '../codec/reader.ts';
import type { WireAcl } from '../codec/records.ts';
import type { Exchange } from '../connection/connection.ts';
import { failInTurn, giveInTurn, seenByCaller } from './answer.ts';
import { Failure } from './failure.ts';
import { explain, type AnyQuestion } from './question.ts';
import type { WatchTable, WatchTableKind } from './watch-table.ts';

/** Options that few calls have. */
export interface CallExtras {
  /** Removes the limits of the wait. */
  readonly onSettled?: () => void;
  /** Observes the outcome. */
  readonly observe?: (outcome: unknown) => void;
  /** Called with the zxid in the header of a successful reply, just before the call settles. */
  readonly onZxid?: (zxid: bigint) => void;
  /** Called when it is on the wire. */
  readonly onSent?: () => void;
}

const SENT = 1;
const SETTLED = 2;
const LEFT = 4;

/** The parts of its session that a call uses. */
export interface CallHome {
  readonly watches: WatchTable;
  /** The server does not know the operation. */
  unknown(): void;
  /** A reply has arrived: there is room for another request. */
  replied(call: Call): void;
}

/**
 * A request from its submission to its answer. It is the only object per request in flight, so its size counts ten thousand times.
 */
export class Call implements Exchange {
  readonly row: OpRow;
  #request: unknown;
  readonly #settle: (answer: unknown) => void;
  readonly #question: AnyQuestion | undefined;
  /** The path without the chroot, for the error. */
  readonly #callersPath: string | undefined;
  readonly #home: CallHome;
  readonly #listener: WatchListener | undefined;
  /** Bits {@link SENT}, {@link SETTLED} and {@link LEFT}. */
  #stage = 0;
  #extras: CallExtras | undefined;

  /** @param question turns the outcome into what the caller gets; without it that is the outcome itself: a {@link Failure} or what the row reads */
  constructor(
    row: OpRow,
    request: unknown,
    listener: WatchListener | undefined,
    home: CallHome,
    settle: (answer: unknown) => void,
    question?: AnyQuestion,
    callersPath?: string,
  ) {
    this.row = row;
    this.#request = request;
    this.#listener = listener;
    this.#home = home;
    this.#settle = settle;
    this.#question = question;
    this.#callersPath = callersPath;
    if (listener !== undefined) home.watches.expect(this.#path);
  }

  get request(): unknown {
    return this.#request;
  }

  get settled(): boolean {
    return (this.#stage & SETTLED) !== 0;
  }

  /** Whether it is, or was, on the wire. */
  get sent(): boolean {
    return (this.#stage & SENT) !== 0;
  }

  attach(extras: CallExtras): void {
    this.#extras = this.#extras === undefined ? extras : { ...this.#extras, ...extras };
  }

  reply(err: number, reader: Reader, zxidHigh: number, zxidLow: number): void {
    const { row } = this;
    if (err === 0) {
      const body = row.response.read(reader);
      if (Array.isArray(this.#request)) requireAsMany(this.#request, body as unknown[]);
      this.#extras?.onZxid?.((BigInt(zxidHigh) << 32n) | BigInt(zxidLow >>> 0));
      if (this.#listener !== undefined) this.#watch(this.#kind);
      this.settle(body);
    } else if (err === row.nullOn) {
      if (this.#listener !== undefined) this.#watch('exists');
      this.settle(null);
    } else {
      if (err === UnimplementedError.code && row.since !== undefined) this.#home.unknown();
      else if (this.#listener !== undefined && row.watch === undefined) this.#home.watches.refuse(this.#stayingKind, this.#path);
      this.settle(Failure.ofCode(err));
    }
    this.leave();
    this.#home.replied(this);
  }

  /** Called before it is written. A watch covered by a persistent one of ours is not requested from the server. */
  prepare(): void {
    this.#stage |= SENT;
    if (this.#listener === undefined) return;
    const { watches } = this.#home;
    const { watch } = this.row;
    if (watch === undefined) watches.arm(this.#stayingKind, this.#path, 1);
    else if (watches.covers(watch, this.#path)) this.#request = { ...(this.#request as object), watch: false };
  }

  /** Called after it was written, or refused while writing: the caller's data is no longer needed. */
  wasWritten(): void {
    if (!this.settled) this.#extras?.onSent?.();
    if (this.#listener === undefined && !Array.isArray(this.#request)) this.#request = undefined;
  }

  /** Copies data and ACL, which the caller may change later. */
  keepData(): void {
    this.#request = Array.isArray(this.#request) ? this.#request.map(withOwnData) : withOwnData(this.#request);
  }

  /** It is over: no reply and no watch will follow. */
  leave(): void {
    if ((this.#stage & LEFT) !== 0) return;
    this.#stage |= LEFT;
    if (this.#listener === undefined) return;
    if (this.sent && this.row.watch === undefined) this.#home.watches.arm(this.#stayingKind, this.#path, -1);
    this.#home.watches.met(this.#path);
  }

  fail(error: Error): void {
    const { code } = error as { code?: unknown };
    // A local refusal gets the same prefix as one by a server.
    const make = (context: ErrorContext): Error =>
      error instanceof RangeError ? new RangeError(subjectOf(context) + error.message) : error;
    this.settle(typeof code === 'number' ? Failure.ofCode(code, error.cause) : Failure.ofError(make));
    this.leave();
    this.#home.replied(this);
  }

  settle(outcome: unknown): void {
    if (this.settled) return;
    this.#stage |= SETTLED;
    this.#extras?.onSettled?.();
    const question = this.#question;
    if (question === undefined) this.#settle(outcome);
    else if (outcome instanceof Failure) failInTurn(this.#settle, () => this.#errorOf(outcome, question));
    else giveInTurn(this.#settle, question.result, outcome as never);
    this.#extras?.observe?.(outcome);
  }

  #errorOf(failure: Failure, { op, operation }: AnyQuestion): unknown {
    const error = explain(failure, op, { operation, path: this.#callersPath });
    // An error that is not ours is left alone.
    return failure.isOwn ? seenByCaller(error as Error) : error;
  }

  /** In the tick of the reply: an event that follows it on the wire must find the watch. */
  #watch(kind: WatchTableKind): void {
    const path = this.#path;
    // A caller who has given up wants no watch; the server's is removed.
    if (this.settled) this.#home.watches.orphan(kind, path);
    else this.#home.watches.add(kind, path, this.#listener!);
  }

  get #kind(): WatchTableKind {
    const { watch } = this.row;
    return watch === undefined ? this.#stayingKind : watch === 'exists' ? 'data' : watch;
  }

  get #stayingKind(): 'persistent' | 'recursive' {
    return (this.#request as { mode: number }).mode === AddWatchMode.PERSISTENT ? 'persistent' : 'recursive';
  }

  get #path(): string {
    return (this.#request as { path: string }).path;
  }
}

/** A multi needs one result per part: otherwise they could not be matched. */
function requireAsMany(parts: readonly unknown[], results: readonly unknown[]): void {
  if (parts.length !== results.length) throw new DecodeError(`${results.length} results for ${parts.length} operations`);
}

/** A request with its own copy of data and ACL: the caller may change the originals later. A part of a multi holds them one level down. */
export function withOwnData<T>(request: T): T {
  if (typeof request !== 'object' || request === null) return request;
  const { data, acl, request: inner } = request as { data?: unknown; acl?: readonly WireAcl[]; request?: unknown };
  if (inner !== undefined) return { ...request, request: withOwnData(inner) };
  const own = data instanceof Uint8Array ? { ...request, data: Buffer.from(data) } : request;
  return acl === undefined ? own : { ...own, acl: ownAcl(acl) };
}

/** A deep copy, including the ids. */
export function ownAcl(acl: readonly WireAcl[]): WireAcl[] {
  return acl.map(({ perms, id: { scheme, id } }) => ({ perms, id: { scheme, id } }));
}
