import { NoNodeError } from '../base/errors.ts';
import { buffer, int, long, longNumber, path, record, required, text, ustring, type AnyField, type Field } from './fields.ts';
import { multiRequest, multiResponse, type Part, type PartRow } from './multi.ts';
import {
  acls,
  childrenResponse,
  createRequest,
  dataResponse,
  names,
  nothing,
  pathRequest,
  pathStatResponse,
  pathVersionRequest,
  pathWatchRequest,
  setDataRequest,
  stat,
  statResponse,
} from './records.ts';

/** The server's table in which a request with `watch: true` sets a watch, and on which outcome (docs/protocol.md, "Watches"). */
export type WatchKind = 'data' | 'exists' | 'child';

/** One operation of ZooKeeper: its request, its response, and what a client and a server must know about it. */
export interface OpRow {
  readonly code: number;
  readonly request: AnyField;
  readonly response: AnyField;
  /** First server version that knows it; absent if all versions do. */
  readonly since?: string;
  /** Whether it is a transaction: it takes a zxid, and a read-only server refuses it. */
  readonly writes?: true;
  readonly watch?: WatchKind;
  /** An error code that counts as an answer, not as a failure. */
  readonly nullOn?: number;
  /** Whether the operation is allowed inside a multi, and its result there. */
  readonly part?: { readonly of: 'multi' | 'multiRead'; readonly code: number; readonly body: AnyField };
}

const createTtlRequest = record({ path, data: buffer, acl: acls, flags: int, ttl: longNumber });
const watches = { relativeZxid: long, dataWatches: required(text), existWatches: required(text), childWatches: required(text) };
const clientInfo = record({ scheme: text, user: text });

/** All operations except the two that consist of others. */
const SINGLE = {
  create: {
    code: 1,
    request: createRequest,
    response: pathRequest,
    writes: true,
    part: { of: 'multi', code: 1, body: pathRequest },
  },
  delete: {
    code: 2,
    request: pathVersionRequest,
    response: nothing,
    writes: true,
    part: { of: 'multi', code: 2, body: nothing },
  },
  exists: { code: 3, request: pathWatchRequest, response: statResponse, watch: 'exists', nullOn: NoNodeError.code },
  getData: {
    code: 4,
    request: pathWatchRequest,
    response: dataResponse,
    watch: 'data',
    part: { of: 'multiRead', code: 4, body: dataResponse },
  },
  setData: {
    code: 5,
    request: setDataRequest,
    response: statResponse,
    writes: true,
    part: { of: 'multi', code: 5, body: statResponse },
  },
  getACL: { code: 6, request: pathRequest, response: record({ acl: acls, stat }) },
  setACL: { code: 7, request: record({ path, acl: acls, version: int }), response: statResponse, writes: true },
  getChildren: {
    code: 8,
    request: pathWatchRequest,
    response: childrenResponse,
    watch: 'child',
    part: { of: 'multiRead', code: 8, body: childrenResponse },
  },
  sync: { code: 9, request: record({ path: ustring }), response: record({ path: ustring }) },
  ping: { code: 11, request: nothing, response: nothing },
  getChildren2: {
    code: 12,
    request: pathWatchRequest,
    response: record({ children: names, stat }),
    since: '3.3.0',
    watch: 'child',
  },
  check: {
    code: 13,
    request: pathVersionRequest,
    response: nothing,
    since: '3.4.0',
    writes: true,
    part: { of: 'multi', code: 13, body: nothing },
  },
  create2: {
    code: 15,
    request: createRequest,
    response: pathStatResponse,
    since: '3.5.0',
    writes: true,
    part: { of: 'multi', code: 15, body: pathStatResponse },
  },
  reconfig: {
    code: 16,
    request: record({ joiningServers: ustring, leavingServers: ustring, newMembers: ustring, curConfigId: long }),
    response: dataResponse,
    since: '3.5.0',
    writes: true,
  },
  checkWatches: { code: 17, request: record({ path, type: int }), response: nothing, since: '3.5.0' },
  removeWatches: { code: 18, request: record({ path, type: int }), response: nothing, since: '3.5.0' },
  createContainer: {
    code: 19,
    request: createRequest,
    response: pathStatResponse,
    since: '3.5.1',
    writes: true,
    part: { of: 'multi', code: 15, body: pathStatResponse },
  },
  deleteContainer: { code: 20, request: pathRequest, response: nothing, since: '3.5.1', writes: true },
  createTTL: {
    code: 21,
    request: createTtlRequest,
    response: pathStatResponse,
    since: '3.5.3',
    writes: true,
    part: { of: 'multi', code: 15, body: pathStatResponse },
  },
  auth: { code: 100, request: record({ type: int, scheme: ustring, auth: buffer }), response: nothing },
  setWatches: { code: 101, request: record(watches), response: nothing },
  sasl: { code: 102, request: record({ token: buffer }), response: record({ token: buffer }), since: '3.4.0' },
  getEphemerals: { code: 103, request: record({ prefixPath: ustring }), response: record({ ephemerals: names }), since: '3.6.0' },
  getAllChildrenNumber: { code: 104, request: pathRequest, response: record({ totalNumber: int }), since: '3.6.0' },
  setWatches2: {
    code: 105,
    request: record({ ...watches, persistentWatches: required(text), persistentRecursiveWatches: required(text) }),
    response: nothing,
    since: '3.6.0',
  },
  addWatch: { code: 106, request: record({ path, mode: int }), response: record({ err: int }), since: '3.6.0' },
  whoAmI: { code: 107, request: nothing, response: record({ clientInfo: required(clientInfo) }), since: '3.7.0' },
  closeSession: { code: -11, request: nothing, response: nothing, writes: true },
} as const satisfies Record<string, OpRow>;

type Single = typeof SINGLE;
type PartsOf<Where> = { [K in keyof Single as Single[K] extends { part: { of: Where } } ? K : never]: Single[K] };

const WRITE_PARTS = partsOf('multi') as unknown as PartTable<PartsOf<'multi'>>;
const READ_PARTS = partsOf('multiRead') as unknown as PartTable<PartsOf<'multiRead'>>;

/**
 * THE TABLE: one row per operation. Client, transaction and embedded server take their types and encodings from it,
 * so an operation that one of them lacks, or a field they disagree on, does not compile.
 */
export const OPS = {
  ...SINGLE,
  multi: { code: 14, request: multiRequest(WRITE_PARTS), response: multiResponse(WRITE_PARTS), since: '3.4.0', writes: true },
  multiRead: { code: 22, request: multiRequest(READ_PARTS), response: multiResponse(READ_PARTS), since: '3.6.0' },
} as const satisfies Record<OpName, OpRow>;

/** The name of an operation. Spelt out, because readers of the package's declarations have no use for the tables. */
export type OpName =
  | 'create'
  | 'delete'
  | 'exists'
  | 'getData'
  | 'setData'
  | 'getACL'
  | 'setACL'
  | 'getChildren'
  | 'sync'
  | 'ping'
  | 'getChildren2'
  | 'check'
  | 'create2'
  | 'reconfig'
  | 'checkWatches'
  | 'removeWatches'
  | 'createContainer'
  | 'deleteContainer'
  | 'createTTL'
  | 'auth'
  | 'setWatches'
  | 'sasl'
  | 'getEphemerals'
  | 'getAllChildrenNumber'
  | 'setWatches2'
  | 'addWatch'
  | 'whoAmI'
  | 'closeSession'
  | 'multi'
  | 'multiRead';

export type Ops = typeof OPS;
export type RequestOf<K extends OpName> = K extends OpName ? (Ops[K]['request'] extends Field<infer T> ? T : never) : never;
export type ResponseOf<K extends OpName> = K extends OpName
  ? (Ops[K]['response'] extends Field<infer T> ? T : never) | (Ops[K] extends { nullOn: number } ? null : never)
  : never;

/** One operation of a transaction. */
export type WritePart = Part<PartsOf<'multi'>>;
/** One operation of a multiRead. */
export type ReadPart = Part<PartsOf<'multiRead'>>;

/** Opcode to name, for receivers of requests. */
export const OP_BY_CODE: ReadonlyMap<number, OpName> = new Map(
  Object.entries(OPS).map(([name, row]) => [row.code, name as OpName]),
);

/** Whether a server's version is older than the first one with an operation. Called for every request if the version is known. */
export function isOlder(version: readonly number[], since: string | undefined): boolean {
  if (since === undefined) return false;
  const least = since.split('.').map(Number);
  const differing = least.findIndex((part, index) => part !== (version[index] ?? 0));
  return differing >= 0 && (version[differing] ?? 0) < least[differing]!;
}

type PartTable<Parts> = { [K in keyof Parts]: PartTableRow<Parts[K]> };
type PartTableRow<Row> = {
  code: number;
  request: Row extends { request: infer R extends AnyField } ? R : never;
  result: { code: number; body: AnyField };
};

function partsOf(where: 'multi' | 'multiRead'): Record<string, PartRow> {
  const rows = Object.entries<OpRow>(SINGLE).filter(([, row]) => row.part?.of === where);
  return Object.fromEntries(rows.map(([name, { code, request, part }]) => [name, { code, request, result: part! }]));
}

/** The two modes of `addWatch`. */
export const AddWatchMode = { PERSISTENT: 0, PERSISTENT_RECURSIVE: 1 } as const;
/** The watch types of `removeWatches` and `checkWatches` (4 and 5 since 3.9.0). */
export const WatcherType = { CHILDREN: 1, DATA: 2, ANY: 3, PERSISTENT: 4, PERSISTENT_RECURSIVE: 5 } as const;
/** The `flags` of a create. */
export const CreateFlags = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
} as const;
