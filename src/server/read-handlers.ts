import { Permissions } from '../base/security.ts';
import { FAILED, type PartResult } from '../codec/multi.ts';
import { OPS, type ReadPart } from '../codec/ops.ts';
import { demand, permits, withoutHashes } from './acl.ts';
import type { Call, Handlers } from './call.ts';
import type { DataNode } from './data-node.ts';
import { Code, Refusal, refusal } from './refusal.ts';

const { READ, ADMIN } = Permissions;

/** Handlers of read operations. */
export const readHandlers = {
  exists({ path, watch }, call) {
    if (path.includes('\0')) throw refusal(Code.BAD_ARGUMENTS);
    const node = call.state.tree.get(path);
    if (node !== undefined && call.state.version.features.readGuardsEvents) demand(node.acl, READ, call.identities);
    if (watch) call.state.watches.watchData(path, call.caller);
    return node === undefined ? refusal(Code.NO_NODE) : { stat: node.stat() };
  },

  getData({ path, watch }, call) {
    const node = readable(path, call);
    if (watch) call.state.watches.watchData(path, call.caller);
    return { data: node.data, stat: node.stat() };
  },

  getChildren({ path, watch }, call) {
    const node = readable(path, call);
    if (watch) call.state.watches.watchChildren(path, call.caller);
    return { children: childrenOf(node) };
  },

  getChildren2({ path, watch }, call) {
    const node = readable(path, call);
    if (watch) call.state.watches.watchChildren(path, call.caller);
    return { children: childrenOf(node), stat: node.stat() };
  },

  getACL({ path }, call) {
    const node = find(path, call);
    demand(node.acl, READ | ADMIN, call.identities);
    const whole = permits(node.acl, ADMIN, call.identities);
    return { acl: whole ? node.acl : withoutHashes(node.acl), stat: node.stat() };
  },

  getAllChildrenNumber({ path }, call) {
    readable(path, call);
    return { totalNumber: call.state.tree.countBelow(path) };
  },

  getEphemerals({ prefixPath }, call) {
    const prefix = prefixPath === null || prefixPath.trim() === '' || prefixPath === '/' ? '' : prefixPath;
    return { ephemerals: [...call.state.tree.ephemeralsOf(call.sessionId)].filter((path) => path.startsWith(prefix)) };
  },

  sync: ({ path }) => ({ path }),

  ping: () => undefined,

  multiRead: (parts, call) => parts.map((part) => readPart(part, call)),
} satisfies Partial<Handlers>;

function find(path: string, call: Call): DataNode {
  const node = call.state.tree.get(path);
  if (node === undefined) throw refusal(Code.NO_NODE);
  return node;
}

function readable(path: string, call: Call): DataNode {
  const node = find(path, call);
  demand(node.acl, READ, call.identities);
  return node;
}

function childrenOf(node: DataNode): readonly string[] {
  return node.children === null ? [] : [...node.children];
}

/** Never sets a watch, even if requested. */
function readPart({ op, request }: ReadPart, call: Call): PartResult {
  const quiet = { path: request.path, watch: false };
  try {
    if (op === 'getData') return { type: OPS.getData.part.code, err: 0, body: readHandlers.getData(quiet, call) };
    return { type: OPS.getChildren.part.code, err: 0, body: readHandlers.getChildren(quiet, call) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { type: FAILED, err: error.code, body: undefined };
  }
}
