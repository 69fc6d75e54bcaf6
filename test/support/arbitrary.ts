import fc from 'fast-check';
import { ZnodeStat } from '../../src/base/znode-stat.ts';
import { OPS, type OpName, type RequestOf, type ResponseOf } from '../../src/codec/ops.ts';

const int = fc.integer();
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const time = fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((value) => Buffer.from(value).toString());
const path = text.map((name) => `/${name}`);
const data = fc.option(fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)));
const flag = fc.boolean();
const acl = fc.option(
  fc.array(fc.record({ perms: int, id: fc.record({ scheme: fc.option(text), id: fc.option(text) }) }), { maxLength: 3 }),
);
const list = fc.array(text, { maxLength: 4 });
const nothing = fc.constant(undefined);
const stat = fc.tuple(long, long, time, time, int, int, int, long, int, int, long).map((fields) => new ZnodeStat(...fields));
const optional = fc.option(text);

const create = fc.record({ path, data, acl, flags: int });
const createTtl = fc.record({ path, data, acl, flags: int, ttl: time });
const watch = fc.record({ path, watch: flag });
const version = fc.record({ path, version: int });
const typed = fc.record({ path, type: int });
const setData = fc.record({ path, data, version: int });
const pathStat = fc.record({ path, stat });
const dataStat = fc.record({ data, stat });
const watches = { relativeZxid: long, dataWatches: list, existWatches: list, childWatches: list };

const part = <K extends string>(op: K, request: fc.Arbitrary<unknown>): fc.Arbitrary<{ op: K; request: unknown }> =>
  fc.record({ op: fc.constant(op), request });
const result = (type: number, body: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.record({ type: fc.constant(type), err: fc.constant(0), body });
const failure = int.map((err) => ({ type: -1, err, body: undefined }));
const writes = fc.array(
  fc.oneof(
    part('create', create),
    part('create2', create),
    part('createContainer', create),
    part('createTTL', createTtl),
    part('delete', version),
    part('setData', setData),
    part('check', version),
  ),
  { maxLength: 5 },
);
const written = fc.array(
  fc.oneof(
    failure,
    result(1, fc.record({ path })),
    result(15, pathStat),
    result(2, nothing),
    result(5, fc.record({ stat })),
    result(13, nothing),
  ),
  { maxLength: 5 },
);
const reads = fc.array(fc.oneof(part('getData', watch), part('getChildren', watch)), { maxLength: 5 });
const read = fc.array(fc.oneof(failure, result(4, dataStat), result(8, fc.record({ children: list }))), { maxLength: 5 });

/** Any request and any response of every operation. */
export const ARBITRARY: { readonly [K in OpName]: readonly [request: fc.Arbitrary<unknown>, response: fc.Arbitrary<unknown>] } = {
  create: [create, fc.record({ path })],
  delete: [version, nothing],
  exists: [watch, fc.record({ stat })],
  getData: [watch, dataStat],
  setData: [setData, fc.record({ stat })],
  getACL: [fc.record({ path }), fc.record({ acl, stat })],
  setACL: [fc.record({ path, acl, version: int }), fc.record({ stat })],
  getChildren: [watch, fc.record({ children: list })],
  sync: [fc.record({ path: optional }), fc.record({ path: optional })],
  ping: [nothing, nothing],
  getChildren2: [watch, fc.record({ children: list, stat })],
  check: [version, nothing],
  create2: [create, pathStat],
  reconfig: [
    fc.record({ joiningServers: optional, leavingServers: optional, newMembers: optional, curConfigId: long }),
    dataStat,
  ],
  checkWatches: [typed, nothing],
  removeWatches: [typed, nothing],
  createContainer: [create, pathStat],
  deleteContainer: [fc.record({ path }), nothing],
  createTTL: [createTtl, pathStat],
  auth: [fc.record({ type: int, scheme: optional, auth: data }), nothing],
  setWatches: [fc.record(watches), nothing],
  sasl: [fc.record({ token: data }), fc.record({ token: data })],
  getEphemerals: [fc.record({ prefixPath: optional }), fc.record({ ephemerals: list })],
  getAllChildrenNumber: [fc.record({ path }), fc.record({ totalNumber: int })],
  setWatches2: [fc.record({ ...watches, persistentWatches: list, persistentRecursiveWatches: list }), nothing],
  addWatch: [fc.record({ path, mode: int }), fc.record({ err: int })],
  whoAmI: [nothing, fc.record({ clientInfo: fc.array(fc.record({ scheme: text, user: text }), { maxLength: 3 }) })],
  closeSession: [nothing, nothing],
  multi: [writes, written],
  multiRead: [reads, read],
} satisfies { readonly [K in OpName]: readonly [fc.Arbitrary<unknown>, fc.Arbitrary<unknown>] };

export const OP_NAMES = Object.keys(OPS) as OpName[];
export type AnyRequest = RequestOf<OpName>;
export type AnyResponse = ResponseOf<OpName>;
