import type { Clock } from '../base/clock.ts';
import { ExpiryBuckets } from './expiry-buckets.ts';

/** What a session needs of the connection that it has. */
export interface SessionConnection {
  close(): void;
}

/** A session: it outlives its connections. */
export interface Session {
  readonly id: bigint;
  readonly password: Buffer;
  /** Negotiated, milliseconds. */
  timeout: number;
  connection: SessionConnection | null;
  /** Made by a read-only server, and unknown to any other. */
  readonly local: boolean;
}

/** The sessions there are, and the clock that ends them. */
export class ServerSessions {
  readonly #byId = new Map<bigint, Session>();
  readonly #expiry: ExpiryBuckets<Session>;
  #next: bigint;

  /** @param expire called for a session that was not heard of in time; it is still there */
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

  /** The session was heard of. */
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

  /** No session ends until `resume`, which gives each its whole timeout again. */
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

/** A standalone server's: its number, 1, in the top byte, then a clock's milliseconds. */
function firstSessionId(milliseconds: number): bigint {
  const shifted = BigInt.asUintN(64, BigInt(milliseconds) << 24n) >> 8n;
  return shifted | (1n << 56n);
}

const MASK_48 = (1n << 48n) - 1n;

/** Sixteen bytes of `java.util.Random`, seeded by the session: a checksum rather than a secret, as on a real server. */
export function passwordOf(sessionId: bigint): Buffer {
  let seed = (sessionId ^ 0xb3415c00n ^ 0x5deece66dn) & MASK_48;
  const password = Buffer.alloc(16);
  for (let at = 0; at < 16; at += 4) {
    seed = (seed * 0x5deece66dn + 11n) & MASK_48;
    password.writeUInt32LE(Number((seed >> 16n) & 0xffff_ffffn), at);
  }
  return password;
}
