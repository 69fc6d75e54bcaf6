import { FAILED, type PartResult } from '../codec/multi.ts';
import { CreateFlags, OPS, type OpRow, type WritePart } from '../codec/ops.ts';
import type { Call, Handlers } from './call.ts';
import type { DataNode } from './data-node.ts';
import { Code, Refusal, refusal } from './refusal.ts';
import type { CreateKind, Creation } from './transactions.ts';

/** Handlers of operations that take a zxid. */
export const writeHandlers = {
  create(request, call) {
    const [path] = create(request, 'plain', call);
    return { path };
  },

  create2: (request, call) => created(create(request, 'plain', call)),

  createContainer: (request, call) => created(create(request, 'container', call)),

  createTTL: (request, call) => created(create(request, { ttl: request.ttl }, call)),

  delete({ path, version }, call) {
    call.state.transactions.delete(path, version, call, call.transaction);
    call.state.transactions.commit(call.transaction);
  },

  deleteContainer({ path }, call) {
    // Before 3.9 the request was the bare bytes of the path: one with a length in front starts with a NUL.
    if (!call.state.version.features.deleteContainerIsJute) throw refusal(Code.BAD_ARGUMENTS);
    call.state.transactions.deleteContainer(path, call.transaction);
    call.state.transactions.commit(call.transaction);
  },

  setData({ path, data, version }, call) {
    const node = call.state.transactions.setData(path, data, version, call, call.transaction);
    call.state.transactions.commit(call.transaction);
    return { stat: node.stat() };
  },

  setACL: ({ path, acl, version }, call) => ({ stat: call.state.transactions.setAcl(path, acl, version, call).stat() }),

  check(_request, call) {
    // Releases that do not refuse a check outside a multi never answer it.
    call.silent = true;
  },

  reconfig(_request, call) {
    throw refusal(call.state.options.reconfigEnabled ? Code.UNIMPLEMENTED : Code.RECONFIG_DISABLED);
  },

  multi(parts, call) {
    for (const part of parts) checkPart(part, call);
    call.begin(true);
    const { transactions } = call.state;
    const results: PartResult[] = [];
    try {
      for (const part of parts) results.push(applyPart(part, call));
    } catch (error) {
      transactions.rollBack(call.transaction);
      if (!(error instanceof Refusal) || error.code === Code.MARSHALLING) throw error;
      return failed(results.length, error.code, parts.length);
    }
    transactions.commit(call.transaction);
    return results;
  },
} satisfies Partial<Handlers>;

function create(request: Creation, kind: CreateKind, call: Call): [path: string, node: DataNode] {
  const made = call.state.transactions.create(request, kind, call, call.transaction);
  call.state.transactions.commit(call.transaction);
  return made;
}

function created([path, node]: [string, DataNode]): { path: string; stat: ReturnType<DataNode['stat']> } {
  return { path, stat: node.stat() };
}

/**
 * Checks for errors that make the whole multi undecodable, rather than one of its operations invalid. A null list of ACLs does so
 * before a zxid is taken, invalid flags after.
 */
function checkPart({ op, request }: WritePart, call: Call): void {
  if (!('flags' in request)) return;
  const { version } = call.state;
  const row: OpRow = OPS[op];
  const isReadable = version.atLeast(row.since ?? '3.4.0') && (!version.features.create2InMulti || areFlagsOf(op, request.flags));
  if (isReadable && request.acl !== null) return;
  if (!isReadable) call.begin(false);
  throw refusal(Code.MARSHALLING);
}

/** Whether the flags are known, and do not request a time to live; createTTL may have any flags, and fails in its turn. */
function areFlagsOf(op: WritePart['op'], flags: number): boolean {
  return op === 'createTTL' || (flags >= CreateFlags.PERSISTENT && flags <= CreateFlags.CONTAINER);
}

/** All operations before the failed one would have succeeded; those after it were not attempted. */
function failed(index: number, code: number, count: number): PartResult[] {
  return Array.from({ length: count }, (_, i) => {
    const err = i === index ? code : i < index ? 0 : Code.RUNTIME_INCONSISTENCY;
    return { type: FAILED, err, body: undefined };
  });
}

function applyPart(part: WritePart, call: Call): PartResult {
  const { transactions } = call.state;
  const tx = call.transaction;
  switch (part.op) {
    case 'delete':
      transactions.delete(part.request.path, part.request.version, call, tx);
      return { type: OPS.delete.part.code, err: 0, body: undefined };
    case 'check':
      transactions.check(part.request.path, part.request.version, call);
      return { type: OPS.check.part.code, err: 0, body: undefined };
    case 'setData': {
      const { path, data, version } = part.request;
      return { type: OPS.setData.part.code, err: 0, body: { stat: transactions.setData(path, data, version, call, tx).stat() } };
    }
    default:
      return createPart(part, call);
  }
}

function createPart(
  part: Extract<WritePart, { op: 'create' | 'create2' | 'createContainer' | 'createTTL' }>,
  call: Call,
): PartResult {
  const { op, request } = part;
  // Releases that do not refuse these flags beforehand fail on them in their turn.
  if (op !== 'createTTL' && hasTtl(request.flags)) throw refusal(Code.MARSHALLING);
  // Inside a multi the flags decide what is created: a container, whatever the operation; for createTTL without TTL flags, an ordinary node.
  const isContainer = op === 'createContainer' || request.flags === CreateFlags.CONTAINER;
  const kind = op === 'createTTL' && hasTtl(request.flags) ? { ttl: request.ttl } : isContainer ? 'container' : 'plain';
  const [path, node] = call.state.transactions.create(request, kind, call, call.transaction);
  const isPlain = op === 'create' || op === 'createTTL' || (op === 'create2' && !call.state.version.features.create2InMulti);
  return isPlain && kind === 'plain'
    ? { type: OPS.create.part.code, err: 0, body: { path } }
    : { type: OPS.create2.part.code, err: 0, body: { path, stat: node.stat() } };
}

function hasTtl(flags: number): boolean {
  return flags === CreateFlags.PERSISTENT_WITH_TTL || flags === CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL;
}
