import { expect } from 'vitest';
import { bounded, fourLetterWord, RawConnection } from '../wire.ts';
import type { ConnectOptions, ConnectReply, Reply, WatchEvent } from '../wire.ts';

/** A server under test. */
export interface Target {
  readonly name: 'real' | 'embedded';
  readonly host: string;
  readonly port: number;
  readonly version: string;
  readonly tickTime: number;
}

/** The server configuration a statement presupposes; each is one pair of servers. */
export type Configuration = 'default' | 'extended' | 'sasl' | 'sasl-required' | 'fips';

export interface Probe {
  /** The statement's number in the list of server behaviours. */
  readonly id: string;
  readonly title: string;
  readonly needs: Configuration;
  /** Mostly waiting: run beside the others of its kind, with zxids compared only as absent or present. */
  readonly waits: boolean;
  /** Why the statement cannot be put to this server, if so. */
  readonly skipOn: (target: Target) => string | undefined;
  /** Asserts the statement and may return more to compare; every reply and event is compared anyway. */
  readonly run: (trial: Trial) => Promise<unknown>;
}

type Optional = Partial<Pick<Probe, 'needs' | 'waits' | 'skipOn'>>;

export const probe = (id: string, title: string, run: Probe['run'], options: Optional = {}): Probe => ({
  id,
  title,
  needs: 'default',
  waits: false,
  skipOn: () => undefined,
  ...options,
  run,
});

/** Skips servers older than the release in which the behaviour stated here came. */
export const since =
  (version: string, reason: string): Probe['skipOn'] =>
  (target) =>
    isAtLeast(target.version, version) ? undefined : `${reason} since ${version}; this server is ${target.version}`;

export function isAtLeast(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (have?.[i] ?? 0) - (want?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

const LETTERS: Record<number, string> = { 1: 'C', 2: 'D', 3: 'S', 4: 'K' };

/** One probe put to one server: opens connections, names them A, B, …, keeps all they receive, closes their sessions. */
export class Trial {
  readonly target: Target;
  /** A path no other probe and no other run uses; the same on both servers. */
  readonly p: string;
  readonly connections: RawConnection[] = [];
  readonly #waits: boolean;
  readonly #settled = new Set<bigint>();
  readonly #silent = new Set<RawConnection>();

  constructor(target: Target, { id, waits }: Pick<Probe, 'id' | 'waits'>, token: string) {
    this.target = target;
    this.p = `/${id}-${token}`;
    this.#waits = waits;
  }

  get tick(): number {
    return this.target.tickTime;
  }

  isAtLeast(version: string): boolean {
    return isAtLeast(this.target.version, version);
  }

  /** A connection A with a session, and the node P. */
  async start(options?: Parameters<RawConnection['create']>[1]): Promise<{ a: RawConnection; p: string }> {
    const a = await this.connect();
    expect((await a.create(this.p, options)).err, `creating ${this.p}`).toBe(0);
    return { a, p: this.p };
  }

  async dial(): Promise<RawConnection> {
    const connection = await RawConnection.dial(this.target.host, this.target.port);
    this.connections.push(connection);
    return connection;
  }

  /** Whether the server takes one more connection. */
  async accepts(): Promise<boolean> {
    const connection = await this.dial().catch(() => undefined);
    if (connection === undefined) return false;
    this.silence(connection);
    const reply = await connection.handshake({ timeout: 2 * this.tick });
    if (reply !== undefined) this.settle(connection);
    connection.destroy();
    return reply !== undefined;
  }

  /** A connection with a session of its own, or with the one `options` names. */
  async connect(options?: ConnectOptions): Promise<RawConnection> {
    const connection = await this.dial();
    const reply = await connection.handshake(options);
    if (reply === undefined) throw new Error(`${this.target.name} hung up on a plain handshake`);
    return connection;
  }

  /** A second connection to the session of the first. */
  resume(connection: RawConnection, options?: ConnectOptions): Promise<RawConnection> {
    const { sessionId, password } = sessionOf(connection);
    return this.connect({ sessionId, password, ...options });
  }

  word(word: string | Buffer): Promise<string> {
    return fourLetterWord(this.target.host, this.target.port, word);
  }

  /** The server's zxid. */
  async zxid(connection: RawConnection): Promise<bigint> {
    const { err, zxid } = await connection.ping();
    expect(err, 'ping').toBe(0);
    return zxid;
  }

  /** Runs the action and expects the server's zxid to move by so much. */
  async moves(connection: RawConnection, by: number, action: () => Promise<unknown>): Promise<void> {
    const before = await this.zxid(connection);
    await action();
    expect((await this.zxid(connection)) - before, 'the zxid moved by').toBe(BigInt(by));
  }

  /** Awaits one pipelined write and expects code and a zxid of its own, carried by the header too. */
  async fails(connection: RawConnection, err: number, request: () => Promise<Reply>): Promise<void> {
    const before = await this.zxid(connection);
    const reply = await request();
    expect([reply.err, reply.zxid - before, reply.extra]).toEqual([err, 1n, undefined]);
  }

  /** Asserts all events since the last look, such as `S(P)` or `C(P/a)`. A ping flushes those under way. */
  async sees(connection: RawConnection, ...expected: string[]): Promise<WatchEvent[]> {
    await connection.ping();
    const events = connection.events.splice(0);
    expect(events.map((event) => this.brief(event))).toEqual(expected);
    return events;
  }

  /** Waits until a node is gone, looking from a connection that takes no part in the comparison, and keeps all sessions alive meanwhile. */
  async gone(path: string, within?: number): Promise<void> {
    const onlooker = await this.onlooker();
    await until(
      `the end of ${path}`,
      async () => (await onlooker.exists(path)).err === -101 || (await this.#keepAlive()),
      within,
    );
  }

  /** Waits with all sessions kept alive. */
  async idle(ms: number): Promise<void> {
    await repeatedly(ms, 100, () => this.#keepAlive());
  }

  async onlooker(): Promise<RawConnection> {
    const onlooker = await this.connect();
    this.silence(onlooker);
    return onlooker;
  }

  async #keepAlive(): Promise<false> {
    await Promise.all(this.connections.filter((c) => c.open && c.session !== undefined).map((c) => c.ping()));
    return false;
  }

  brief = ({ type, path }: WatchEvent): string => `${LETTERS[type] ?? type}(${path?.replace(this.p, 'P')})`;

  /** Leaves a connection out of the comparison, where what it receives is a matter of chance. */
  silence(connection: RawConnection): void {
    this.#silent.add(connection);
  }

  /** Marks a session as ended, so that the clean-up does not look for it. */
  settle(connection: RawConnection): void {
    this.#settled.add(sessionOf(connection).sessionId);
  }

  transcript(): unknown {
    const known = [...new Set(this.connections.map((c) => c.session?.sessionId ?? 0n).filter(Boolean))];
    const compared = this.connections.filter((c) => !this.#silent.has(c));
    const base = compared.flatMap((c) => c.replies).find((reply) => reply.zxid > 0n)?.zxid ?? 0n;
    const rewrite = normaliser(base, known, this.#waits);
    const isPing = (entry: (typeof compared)[number]['log'][number]): boolean =>
      entry !== 'eof' && 'reply' in entry && entry.reply.xid === -2;
    return compared.map((c) => rewrite(c.log.filter((entry) => !this.#waits || !isPing(entry))));
  }

  /** Closes every session, so that none expires in the middle of a later probe. */
  async close(): Promise<void> {
    const last = new Map<bigint, RawConnection>();
    for (const connection of this.connections) {
      const id = connection.session?.sessionId ?? 0n;
      if (id !== 0n && !this.#settled.has(id)) last.set(id, connection);
      else connection.destroy();
    }
    // One after the other: each takes a zxid, and the replies are compared.
    for (const connection of last.values()) await this.#closeSession(connection);
  }

  async #closeSession(connection: RawConnection): Promise<void> {
    const live = connection.open ? connection : await RawConnection.dial(this.target.host, this.target.port);
    if (live !== connection) {
      const { sessionId, password } = sessionOf(connection);
      const reply = await live.handshake({ sessionId, password });
      if (reply === undefined || reply.timeout === 0) return live.destroy();
    }
    await live.closeSession();
    await live.ended();
    connection.destroy();
  }
}

export function sessionOf(connection: RawConnection): ConnectReply {
  if (connection.session === undefined) throw new Error('this connection has no session');
  return connection.session;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until the predicate holds. */
export async function until(what: string, predicate: () => Promise<boolean>, within = 30_000): Promise<void> {
  let done = false;
  const poll = async (): Promise<void> => {
    while (!done && !(await predicate())) await pause(50);
  };
  await bounded(poll(), what, within).finally(() => (done = true));
}

/** Runs an action again and again, one interval apart, for a while. */
export async function repeatedly(forMs: number, everyMs: number, action: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + forMs; Date.now() < end;) {
    await action();
    await pause(everyMs);
  }
}

const ZXIDS = new Set(['zxid', 'czxid', 'mzxid', 'pzxid']);
const TIMES = new Set(['ctime', 'mtime']);

/** Zxids become offsets, sessions their rank, times and passwords a word. */
export function normaliser(base: bigint, sessions: readonly bigint[], waits: boolean): (value: unknown, key?: string) => unknown {
  const zxid = (value: bigint): string => {
    if (value <= 0n) return String(value);
    if (waits) return 'z';
    return value < base ? 'earlier' : `z+${value - base}`;
  };
  const rewrite = (value: unknown, key = ''): unknown => {
    if (typeof value === 'bigint') {
      if (ZXIDS.has(key)) return zxid(value);
      if (TIMES.has(key)) return value > 0n ? 'time' : String(value);
      return value === 0n ? '0' : `session ${sessions.indexOf(value)}`;
    }
    if (Buffer.isBuffer(value)) return value.every((byte) => byte === 0) ? `${value.length} zeroes` : `${value.length} bytes`;
    if (Array.isArray(value)) return value.map((item) => rewrite(item));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, rewrite(field, name)]));
    }
    return value;
  };
  return rewrite;
}
