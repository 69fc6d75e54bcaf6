import type { Clock } from '../base/clock.ts';
import { ExpiryBuckets } from './expiry-buckets.ts';

/** The part of its connection that a session uses. */
export interface SessionConnection {
  close(): void;
}

/** A session, which outlives its connections. */
export interface Session {
  readonly id: bigint;
  readonly password: Buffer;
  /** The negotiated timeout, milliseconds. */
  timeout: number;
  connection: SessionConnection | null;
  /** Whether it was created by a read-only server, and so is unknown to any other. */
  readonly local: boolean;
}

/** All sessions, and the clock that expires them. */
export class ServerSessions {
  readonly #byId = new Map<bigint, Session>();
  readonly #expiry: ExpiryBuckets<Session>;
  #next: bigint;

  /** @param expire called for a session not heard from in time, which still exists then */
  constructor(clock: Clock, tick: number, expire: (session: Session) => void) {
    this.#expiry = new ExpiryBuckets(clock, tick, expire);
    this.#next = firstSessionId(Math.trunc(clock.wallTime()));
  }

  open(timeout: number, local: boolean): Session {
    const id = this.#next++;
    const session: Session = { id, password: passwordOf(id), timeout, connection: null, local };
    this.#byId.set(id, session);
    this.touch(session);
    return session;
  }

  find(id: bigint): Session | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<Session> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The session was heard from. */
  touch(session: Session): void {
    this.#expiry.touch(session, session.timeout);
  }

  delete(session: Session): void {
    this.#byId.delete(session.id);
    this.#expiry.remove(session);
  }

  clear(): void {
    this.#byId.clear();
    this.#expiry.clear();
  }

  /** No session expires until `resume`, which gives each its whole timeout again. */
  suspend(): void {
    this.#expiry.clear();
  }

  resume(): void {
    for (const session of this.#byId.values()) this.touch(session);
  }

  deadlines(): [deadline: number, session: Session][] {
    return this.#expiry.entries();
  }
}

/** The first session id of a standalone server: its number, 1, in the top byte, then milliseconds of a clock. */
function firstSessionId(milliseconds: number): bigint {
  const shifted = BigInt.asUintN(64, BigInt(milliseconds) << 24n) >> 8n;
  return shifted | (1n << 56n);
}

const MASK_48 = (1n << 48n) - 1n;

/** Sixteen bytes from `java.util.Random`, seeded with the session id: a checksum rather than a secret, as on a real server. */
export function passwordOf(sessionId: bigint): Buffer {
  let seed = (sessionId ^ 0xb3415c00n ^ 0x5deece66dn) & MASK_48;
  const password = Buffer.alloc(16);
  for (let at = 0; at < 16; at += 4) {
    seed = (seed * 0x5deece66dn + 11n) & MASK_48;
    password.writeUInt32LE(Number((seed >> 16n) & 0xffff_ffffn), at);
  }
  return password;
}
