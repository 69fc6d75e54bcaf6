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

/** What few calls have. */
export interface CallExtras {
  /** Ends whatever limits the wait. */
  readonly onSettled?: () => void;
  /** Sees how it ended. */
  readonly observe?: (outcome: unknown) => void;
  /** Told of the zxid in the header of a good reply, just before the call settles. */
  readonly onZxid?: (zxid: bigint) => void;
  /** Told that it is on the wire. */
  readonly onSent?: () => void;
}

const SENT = 1;
const SETTLED = 2;
const LEFT = 4;

/** What a call needs of the session it belongs to. */
export interface CallHome {
  readonly watches: WatchTable;
  /** The server does not know the operation. */
  unknown(): void;
  /** A reply has come: there is room for another request. */
  replied(call: Call): void;
}

/**
 * A request from its submission to its answer. While it is in flight it is all there is of it: what is small here is small ten thousand times.
 */
export class Call implements Exchange {
  readonly row: OpRow;
  #request: unknown;
  readonly #settle: (answer: unknown) => void;
  readonly #question: AnyQuestion | undefined;
  /** As the caller knows it: for the error. */
  readonly #callersPath: string | undefined;
  readonly #home: CallHome;
  readonly #listener: WatchListener | undefined;
  /** Of {@link SENT}, {@link SETTLED} and {@link LEFT}. */
  #stage = 0;
  #extras: CallExtras | undefined;

  /** @param question makes of the outcome what the caller is given; without it that is the outcome itself, a {@link Failure} or what the row reads */
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

  /** About to be written. A watch that a staying one of ours stands for is not asked of the server. */
  prepare(): void {
    this.#stage |= SENT;
    if (this.#listener === undefined) return;
    const { watches } = this.#home;
    const { watch } = this.row;
    if (watch === undefined) watches.arm(this.#stayingKind, this.#path, 1);
    else if (watches.covers(watch, this.#path)) this.#request = { ...(this.#request as object), watch: false };
  }

  /** It has been written, or refused as it was: the caller's data need not be kept any longer. */
  wasWritten(): void {
    if (!this.settled) this.#extras?.onSent?.();
    if (this.#listener === undefined && !Array.isArray(this.#request)) this.#request = undefined;
  }

  /** Data and ACL as they are now: the caller may go on to change them. */
  keepData(): void {
    this.#request = Array.isArray(this.#request) ? this.#request.map(withOwnData) : withOwnData(this.#request);
  }

  /** Nothing more will come of it: no reply, and no watch. */
  leave(): void {
    if ((this.#stage & LEFT) !== 0) return;
    this.#stage |= LEFT;
    if (this.#listener === undefined) return;
    if (this.sent && this.row.watch === undefined) this.#home.watches.arm(this.#stayingKind, this.#path, -1);
    this.#home.watches.met(this.#path);
  }

  fail(error: Error): void {
    const { code } = error as { code?: unknown };
    // What is refused on this side is told as what a server refuses.
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
    // Somebody else's error is left alone.
    return failure.code === 0 ? error : seenByCaller(error as Error);
  }

  /** In the tick of the reply: the event that follows it on the wire must find the watch. */
  #watch(kind: WatchTableKind): void {
    const path = this.#path;
    // A caller that has gone away wants no watch; the server's is taken back.
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

/** One result for each part of a multi: which of them one was for, nobody could tell otherwise. */
function requireAsMany(parts: readonly unknown[], results: readonly unknown[]): void {
  if (parts.length !== results.length) throw new DecodeError(`${results.length} results for ${parts.length} operations`);
}

/** A request whose data and ACL are its own: the caller may go on to change what was given. A part of a multi holds them one level down. */
export function withOwnData<T>(request: T): T {
  if (typeof request !== 'object' || request === null) return request;
  const { data, acl, request: inner } = request as { data?: unknown; acl?: readonly WireAcl[]; request?: unknown };
  if (inner !== undefined) return { ...request, request: withOwnData(inner) };
  const own = data instanceof Uint8Array ? { ...request, data: Buffer.from(data) } : request;
  return acl === undefined ? own : { ...own, acl: ownAcl(acl) };
}

/** A copy, down to the ids. */
export function ownAcl(acl: readonly WireAcl[]): WireAcl[] {
  return acl.map(({ perms, id: { scheme, id } }) => ({ perms, id: { scheme, id } }));
}
