import { createHash } from 'node:crypto';
import { connect as dial } from 'node:net';
import type { Socket } from 'node:net';

/**
 * A second, independent implementation of the client side of ZooKeeper's wire protocol: small, literal, and sharing nothing with `src/`,
 * so that a fault the library's reader and writer have in common cannot hide from the conformance suite.
 */

// ---- writing -------------------------------------------------------------------------------------------------------------------------

export const int = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeInt32BE(value | 0);
  return out;
};

export const long = (value: bigint | number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigInt64BE(BigInt.asIntN(64, BigInt(value)));
  return out;
};

export const bool = (value: boolean | number): Buffer => Buffer.from([Number(value)]);

/** A buffer or a string; null is length -1. A Buffer in a string's place is sent as it is, malformed or not. */
export const bytes = (value: string | Buffer | null): Buffer => {
  if (value === null) return int(-1);
  const raw = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([int(raw.length), raw]);
};

export const vector = <T>(list: readonly T[] | null, each: (item: T) => Buffer): Buffer =>
  list === null ? int(-1) : Buffer.concat([int(list.length), ...list.map(each)]);

export const cat = (...parts: Buffer[]): Buffer => Buffer.concat(parts);

export const frame = (payload: Buffer): Buffer => cat(int(payload.length), payload);

export type Text = string | Buffer | null;
export type AclEntry = readonly [perms: number, scheme: Text, id: Text];
export type AclList = readonly AclEntry[] | null;

export const OPEN: AclList = [[31, 'world', 'anyone']];

export const acls = (list: AclList): Buffer => vector(list, ([perms, scheme, id]) => cat(int(perms), bytes(scheme), bytes(id)));

// ---- reading -------------------------------------------------------------------------------------------------------------------------

export class Reader {
  readonly #from: Buffer;
  #at = 0;

  constructor(from: Buffer) {
    this.#from = from;
  }

  get left(): number {
    return this.#from.length - this.#at;
  }

  int(): number {
    const value = this.#from.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  long(): bigint {
    const value = this.#from.readBigInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  bool(): boolean {
    return this.#take(1)[0] !== 0;
  }

  buffer(): Buffer | null {
    const length = this.int();
    return length < 0 ? null : this.#take(length);
  }

  /** Text that is no valid UTF-8 comes back as `hex:…`, so that byte equality still shows. */
  text(): string | null {
    const raw = this.buffer();
    if (raw === null) return null;
    const value = raw.toString('utf8');
    return Buffer.from(value, 'utf8').equals(raw) ? value : `hex:${raw.toString('hex')}`;
  }

  vector<T>(each: () => T): T[] | null {
    const count = this.int();
    return count < 0 ? null : Array.from({ length: count }, each);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#from.length) throw new RangeError(`expected ${length} bytes, ${this.left} left`);
    const value = this.#from.subarray(this.#at, end);
    this.#at = end;
    return value;
  }
}

export interface Stat {
  czxid: bigint;
  mzxid: bigint;
  ctime: bigint;
  mtime: bigint;
  version: number;
  cversion: number;
  aversion: number;
  ephemeralOwner: bigint;
  dataLength: number;
  numChildren: number;
  pzxid: bigint;
}

export const readStat = (r: Reader): Stat => ({
  czxid: r.long(),
  mzxid: r.long(),
  ctime: r.long(),
  mtime: r.long(),
  version: r.int(),
  cversion: r.int(),
  aversion: r.int(),
  ephemeralOwner: r.long(),
  dataLength: r.int(),
  numChildren: r.int(),
  pzxid: r.long(),
});

export type AclRead = [number, string | null, string | null];

export interface MultiResult {
  type: number;
  err: number;
  code?: number;
  path?: string | null;
  data?: string | null;
  children?: string[];
  stat?: Stat;
}

export interface WatchEvent {
  type: number;
  state: number;
  path: string | null;
  zxid: bigint;
  xid: number;
  err: number;
}

/** One reply, its header and every field its body might have. `err` is `'closed'` when the connection ended first. */
export interface Reply {
  xid: number;
  zxid: bigint;
  err: number | 'closed';
  path?: string | null;
  stat?: Stat;
  /** Node data as text; null stays null. */
  data?: string | null;
  /** Sorted: the server's order is that of a hash set. */
  children?: (string | null)[];
  acl?: AclRead[];
  results?: MultiResult[];
  /** A lone integer: addWatch's error body, getAllChildrenNumber's total. */
  number?: number;
  identities?: string[];
  token?: string | null;
  /** Bytes that no field accounts for. */
  extra?: string;
}

type Decode = (r: Reader, into: Reply) => void;

const nothing: Decode = () => undefined;
const text = (raw: Buffer | null): string | null => (raw === null ? null : raw.toString('latin1'));
const names = (r: Reader): (string | null)[] => (r.vector(() => r.text()) ?? []).sort();

const decodePath: Decode = (r, into) => void (into.path = r.text());
const decodeStat: Decode = (r, into) => void (into.stat = readStat(r));
const decodePathStat: Decode = (r, into) => void Object.assign(into, { path: r.text(), stat: readStat(r) });
const decodeData: Decode = (r, into) => void Object.assign(into, { data: text(r.buffer()), stat: readStat(r) });
const decodeChildren: Decode = (r, into) => void (into.children = names(r));
const decodeChildrenStat: Decode = (r, into) => void Object.assign(into, { children: names(r), stat: readStat(r) });
const decodeNumber: Decode = (r, into) => void (into.number = r.int());
const decodeAcl: Decode = (r, into) => {
  into.acl = r.vector((): AclRead => [r.int(), r.text(), r.text()]) ?? [];
  into.stat = readStat(r);
};
const decodeIdentities: Decode = (r, into) => {
  into.identities = (r.vector(() => `${r.text()}:${r.text()}`) ?? []).sort();
};
const decodeToken: Decode = (r, into) => void (into.token = text(r.buffer()));
const decodeMulti: Decode = (r, into) => {
  const results: MultiResult[] = [];
  for (;;) {
    const [type, done, err] = [r.int(), r.bool(), r.int()];
    if (done) break;
    results.push(readResult(r, type, err));
  }
  into.results = results;
};

function readResult(r: Reader, type: number, err: number): MultiResult {
  switch (type) {
    case -1:
      return { type, err, code: r.int() };
    case OP.create:
      return { type, err, path: r.text() };
    case OP.create2:
      return { type, err, path: r.text(), stat: readStat(r) };
    case OP.setData:
      return { type, err, stat: readStat(r) };
    case OP.getData:
      return { type, err, data: text(r.buffer()), stat: readStat(r) };
    case OP.getChildren:
      return { type, err, children: (r.vector(() => r.text() ?? '') ?? []).sort() };
    default:
      return { type, err };
  }
}

// ---- operations ----------------------------------------------------------------------------------------------------------------------

export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

const DECODERS = new Map<number, Decode>([
  [OP.create, decodePath],
  [OP.exists, decodeStat],
  [OP.getData, decodeData],
  [OP.setData, decodeStat],
  [OP.getACL, decodeAcl],
  [OP.setACL, decodeStat],
  [OP.getChildren, decodeChildren],
  [OP.sync, decodePath],
  [OP.getChildren2, decodeChildrenStat],
  [OP.multi, decodeMulti],
  [OP.create2, decodePathStat],
  [OP.reconfig, decodeData],
  [OP.createContainer, decodePathStat],
  [OP.createTTL, decodePathStat],
  [OP.multiRead, decodeMulti],
  [OP.sasl, decodeToken],
  [OP.getEphemerals, decodeChildren],
  [OP.getAllChildrenNumber, decodeNumber],
  [OP.addWatch, decodeNumber],
  [OP.whoAmI, decodeIdentities],
]);

export interface CreateOptions {
  data?: string | Buffer | null;
  acl?: AclList;
  flags?: number;
  ttl?: number | bigint;
}

export type MultiOp = readonly [type: number, body: Buffer];

/** The request bodies, by operation. */
export const body = {
  create: (path: Text, { data = Buffer.alloc(0), acl = OPEN, flags = 0 }: CreateOptions = {}): Buffer =>
    cat(bytes(path), bytes(data), acls(acl), int(flags)),
  createTTL: (path: Text, options: CreateOptions): Buffer => {
    const { flags = 5, ttl = 0 } = options;
    // With flags 0-4 and a ttl of -1 the request would end a real server's process.
    if (BigInt(ttl) === -1n && flags < 5) throw new Error('this request kills a real server');
    return cat(body.create(path, { ...options, flags }), long(ttl));
  },
  path: (path: Text): Buffer => bytes(path),
  pathWatch: (path: Text, watch: boolean | number): Buffer => cat(bytes(path), bool(watch)),
  pathInt: (path: Text, value: number): Buffer => cat(bytes(path), int(value)),
  setData: (path: Text, data: string | Buffer | null, version = -1): Buffer => cat(bytes(path), bytes(data), int(version)),
  setACL: (path: Text, acl: AclList, version = -1): Buffer => cat(bytes(path), acls(acl), int(version)),
  multi: (ops: readonly MultiOp[]): Buffer =>
    cat(...ops.map(([type, record]) => cat(int(type), bool(false), int(-1), record)), int(-1), bool(true), int(-1)),
  auth: (scheme: Text, data: string | Buffer | null, type = 0): Buffer => cat(int(type), bytes(scheme), bytes(data)),
  setWatches: (zxid: bigint, ...lists: (readonly string[] | null)[]): Buffer =>
    cat(long(zxid), ...lists.map((list) => vector(list, bytes))),
};

/** Operations as they sit inside a multi. */
export const op = {
  create: (path: Text, options?: CreateOptions): MultiOp => [OP.create, body.create(path, options)],
  create2: (path: Text, options?: CreateOptions): MultiOp => [OP.create2, body.create(path, options)],
  createContainer: (path: Text, options?: CreateOptions): MultiOp => [
    OP.createContainer,
    body.create(path, { flags: 4, ...options }),
  ],
  createTTL: (path: Text, options: CreateOptions): MultiOp => [OP.createTTL, body.createTTL(path, options)],
  delete: (path: Text, version = -1): MultiOp => [OP.delete, body.pathInt(path, version)],
  set: (path: Text, data: string | null, version = -1): MultiOp => [OP.setData, body.setData(path, data, version)],
  check: (path: Text, version = -1): MultiOp => [OP.check, body.pathInt(path, version)],
  setACL: (path: Text, acl: AclList): MultiOp => [OP.setACL, body.setACL(path, acl)],
  get: (path: Text, watch = false): MultiOp => [OP.getData, body.pathWatch(path, watch)],
  children: (path: Text, watch = false): MultiOp => [OP.getChildren, body.pathWatch(path, watch)],
  exists: (path: Text): MultiOp => [OP.exists, body.pathWatch(path, false)],
  children2: (path: Text): MultiOp => [OP.getChildren2, body.pathWatch(path, false)],
};

// ---- one connection ------------------------------------------------------------------------------------------------------------------

export interface ConnectOptions {
  protocolVersion?: number;
  lastZxidSeen?: bigint;
  timeout?: number;
  sessionId?: bigint;
  password?: Buffer | null;
  /** `'absent'` leaves the byte out, as clients before 3.4 do. */
  readOnly?: boolean | 'absent';
}

export interface ConnectReply {
  length: number;
  protocolVersion: number;
  timeout: number;
  sessionId: bigint;
  password: Buffer | null;
  readOnly?: boolean;
}

export const connectRequest = (options: ConnectOptions = {}): Buffer => {
  const {
    protocolVersion = 0,
    lastZxidSeen = 0n,
    timeout = 10_000,
    sessionId = 0n,
    password = Buffer.alloc(16),
    readOnly = false,
  } = options;
  const head = cat(int(protocolVersion), long(lastZxidSeen), int(timeout), long(sessionId), bytes(password));
  return readOnly === 'absent' ? head : cat(head, bool(readOnly));
};

/** The password a server derives from a session id: sixteen bytes of java.util.Random. */
export function passwordOf(sessionId: bigint): Buffer {
  const mask = (1n << 48n) - 1n;
  let seed = (sessionId ^ 0xb3415c00n ^ 0x5deece66dn) & mask;
  const out = Buffer.alloc(16);
  for (let i = 0; i < 4; i++) {
    seed = (seed * 0x5deece66dn + 11n) & mask;
    out.writeUInt32LE(Number((seed >> 16n) & 0xffffffffn), i * 4);
  }
  return out;
}

export const digestId = (credentials: string): string =>
  `${credentials.split(':', 1)[0]}:${createHash('sha1').update(credentials).digest('base64')}`;

interface Waiting {
  xid: number;
  decode: Decode;
  settle: (reply: Reply) => void;
}

const WAIT = 30_000;

/** One socket from dial to end of file. Replies go to the oldest request with their xid; events are kept in order of arrival. */
export class RawConnection {
  readonly events: WatchEvent[] = [];
  readonly replies: Reply[] = [];
  /** Everything received, in order: `reply` and `event` entries. */
  readonly log: ({ event: WatchEvent } | { reply: Reply } | { connect: ConnectReply } | 'eof')[] = [];
  session: ConnectReply | undefined;
  nextXid = 1;
  open = true;
  received = 0;
  #pending: Buffer = Buffer.alloc(0);
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #onConnect: ((reply: ConnectReply | undefined) => void) | undefined;
  readonly #closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      socket.on('end', () => socket.destroy());
      socket.on('close', () => resolve(this.#end()));
    });
  }

  static dial(host: string, port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = dial({ host, port }, () => {
        socket.off('error', reject);
        resolve(new RawConnection(socket));
      });
      socket.once('error', reject);
    });
  }

  get zxid(): bigint {
    return this.replies.at(-1)?.zxid ?? 0n;
  }

  /** Undefined when the server hangs up without a word. */
  handshake(options?: ConnectOptions): Promise<ConnectReply | undefined> {
    const reply = this.awaitConnect();
    this.write(frame(connectRequest(options)));
    return reply;
  }

  awaitConnect(): Promise<ConnectReply | undefined> {
    return bounded(new Promise<ConnectReply | undefined>((resolve) => void (this.#onConnect = resolve)), 'a connect response');
  }

  write(raw: Buffer): void {
    this.#socket.write(raw);
  }

  send(type: number, record: Buffer = Buffer.alloc(0), xid = this.nextXid++): Promise<Reply> {
    const reply = this.expectReply(xid, type);
    this.write(frame(cat(int(xid), int(type), record)));
    return reply;
  }

  expectReply(xid: number, type: number): Promise<Reply> {
    const decode = DECODERS.get(type) ?? nothing;
    if (!this.open) return Promise.resolve({ xid, zxid: 0n, err: 'closed' });
    return bounded(
      new Promise<Reply>((settle) => this.#waiting.push({ xid, decode, settle })),
      `a reply to xid ${xid}, operation ${type}`,
    );
  }

  create = (path: Text, options?: CreateOptions): Promise<Reply> => this.send(OP.create, body.create(path, options));
  create2 = (path: Text, options?: CreateOptions): Promise<Reply> => this.send(OP.create2, body.create(path, options));
  createContainer = (path: Text, options?: CreateOptions): Promise<Reply> =>
    this.send(OP.createContainer, body.create(path, { flags: 4, ...options }));
  createTTL = (path: Text, options: CreateOptions): Promise<Reply> => this.send(OP.createTTL, body.createTTL(path, options));
  delete = (path: Text, version = -1): Promise<Reply> => this.send(OP.delete, body.pathInt(path, version));
  exists = (path: Text, watch: boolean | number = false): Promise<Reply> => this.send(OP.exists, body.pathWatch(path, watch));
  get = (path: Text, watch: boolean | number = false): Promise<Reply> => this.send(OP.getData, body.pathWatch(path, watch));
  set = (path: Text, data: string | Buffer | null = '', version = -1): Promise<Reply> =>
    this.send(OP.setData, body.setData(path, data, version));
  getACL = (path: Text): Promise<Reply> => this.send(OP.getACL, body.path(path));
  setACL = (path: Text, acl: AclList, version = -1): Promise<Reply> => this.send(OP.setACL, body.setACL(path, acl, version));
  children = (path: Text, watch: boolean | number = false): Promise<Reply> =>
    this.send(OP.getChildren, body.pathWatch(path, watch));
  children2 = (path: Text, watch: boolean | number = false): Promise<Reply> =>
    this.send(OP.getChildren2, body.pathWatch(path, watch));
  sync = (path: Text): Promise<Reply> => this.send(OP.sync, body.path(path));
  multi = (...ops: MultiOp[]): Promise<Reply> => this.send(OP.multi, body.multi(ops));
  multiRead = (...ops: MultiOp[]): Promise<Reply> => this.send(OP.multiRead, body.multi(ops));
  addWatch = (path: Text, mode: number): Promise<Reply> => this.send(OP.addWatch, body.pathInt(path, mode));
  checkWatches = (path: Text, type: number): Promise<Reply> => this.send(OP.checkWatches, body.pathInt(path, type));
  removeWatches = (path: Text, type: number): Promise<Reply> => this.send(OP.removeWatches, body.pathInt(path, type));
  setWatches = (zxid: bigint, data: string[] | null, exist: string[] | null, child: string[] | null, xid = -8): Promise<Reply> =>
    this.send(OP.setWatches, body.setWatches(zxid, data, exist, child), xid);
  setWatches2 = (zxid: bigint, ...lists: (string[] | null)[]): Promise<Reply> =>
    this.send(OP.setWatches2, body.setWatches(zxid, ...lists), -8);
  ephemerals = (prefix: Text): Promise<Reply> => this.send(OP.getEphemerals, body.path(prefix));
  descendants = (path: Text): Promise<Reply> => this.send(OP.getAllChildrenNumber, body.path(path));
  whoAmI = (): Promise<Reply> => this.send(OP.whoAmI);
  auth = (scheme: Text, data: string | Buffer | null, xid = -4, type = 0): Promise<Reply> =>
    this.send(OP.auth, body.auth(scheme, data, type), xid);
  sasl = (token: string | Buffer | null): Promise<Reply> => this.send(OP.sasl, bytes(token));
  ping = (): Promise<Reply> => this.send(OP.ping, undefined, -2);
  closeSession = (): Promise<Reply> => this.send(OP.closeSession);

  /** Resolves when the socket has ended. */
  ended(within = WAIT): Promise<void> {
    return bounded(this.#closed, 'the end of the connection', within);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.received += chunk.length;
    this.#pending = cat(this.#pending, chunk);
    while (this.#pending.length >= 4) {
      const length = this.#pending.readInt32BE(0);
      if (this.#pending.length < 4 + length) return;
      const payload = this.#pending.subarray(4, 4 + length);
      this.#pending = this.#pending.subarray(4 + length);
      this.#packet(payload);
    }
  }

  #packet(payload: Buffer): void {
    if (this.session === undefined) return this.#connected(payload);
    const r = new Reader(payload);
    const header = { xid: r.int(), zxid: r.long(), err: r.int() };
    if (header.xid === -1 && !this.#waiting.some(({ xid }) => xid === -1)) return this.#event(r, header);
    this.#reply(r, header);
  }

  #connected(payload: Buffer): void {
    const r = new Reader(payload);
    const reply: ConnectReply = {
      length: payload.length,
      protocolVersion: r.int(),
      timeout: r.int(),
      sessionId: r.long(),
      password: r.buffer(),
    };
    if (r.left > 0) reply.readOnly = r.bool();
    this.session = reply;
    this.log.push({ connect: reply });
    this.#onConnect?.(reply);
  }

  #event(r: Reader, header: { xid: number; zxid: bigint; err: number }): void {
    const event = { type: r.int(), state: r.int(), path: r.text(), ...header };
    this.events.push(event);
    this.log.push({ event });
  }

  #reply(r: Reader, header: Reply): void {
    const at = Math.max(
      this.#waiting.findIndex(({ xid }) => xid === header.xid),
      0,
    );
    const [waiting] = this.#waiting.splice(at, 1);
    const reply: Reply = { ...header };
    if (r.left > 0 && (reply.err === 0 || waiting?.decode === decodeToken)) waiting?.decode(r, reply);
    if (r.left > 0) reply.extra = `${r.left} bytes`;
    this.replies.push(reply);
    this.log.push({ reply });
    waiting?.settle(reply);
  }

  #end(): void {
    this.open = false;
    this.log.push('eof');
    this.#onConnect?.(undefined);
    for (const { xid, settle } of this.#waiting.splice(0)) settle({ xid, zxid: 0n, err: 'closed' });
  }
}

/** Sends a four-letter word, reads until the server closes. */
export function fourLetterWord(host: string, port: number, word: string | Buffer): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = dial({ host, port }, () => socket.write(word));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? undefined : reject(error)));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
  return bounded(answer, `the answer to ${String(word)}`);
}

export function bounded<T>(promise: Promise<T>, what: string, within = WAIT): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${within} ms for ${what}`)), within);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
