import { AddWatchMode, WatcherType, type RequestOf } from '../codec/ops.ts';
import type { Call, Handlers } from './call.ts';
import { Code, refusal } from './refusal.ts';
import { Event, WatchMode } from './watch-table.ts';

const ALL = WatchMode.STANDARD | WatchMode.PERSISTENT | WatchMode.RECURSIVE;

/** Handlers that set, check and remove watches (docs/protocol.md, "Watches"). */
export const watchHandlers = {
  addWatch({ path, mode }, call) {
    if (mode === AddWatchMode.PERSISTENT) call.state.watches.watchPersistently(path, call.caller);
    else if (mode === AddWatchMode.PERSISTENT_RECURSIVE) call.state.watches.watchRecursively(path, call.caller);
    else throw refusal(Code.MARSHALLING);
    return { err: 0 };
  },

  checkWatches(request, call) {
    findWatches(request, call);
  },

  removeWatches(request, call) {
    call.state.watches.remove(request.path, call.caller, findWatches(request, call));
  },

  setWatches(request, call) {
    restoreStandard(request, call);
  },

  setWatches2(request, call) {
    restoreStandard(request, call);
    for (const path of request.persistentWatches) call.state.watches.watchPersistently(path, call.caller);
    for (const path of request.persistentRecursiveWatches) call.state.watches.watchRecursively(path, call.caller);
  },
} satisfies Partial<Handlers>;

/** The modes that each type covers, in each table. Since 3.9 exactly these. */
const EXACT: Readonly<Partial<Record<number, { data: number; child: number }>>> = {
  [WatcherType.CHILDREN]: { data: 0, child: WatchMode.STANDARD },
  [WatcherType.DATA]: { data: WatchMode.STANDARD, child: 0 },
  [WatcherType.ANY]: { data: ALL, child: ALL },
  [WatcherType.PERSISTENT]: { data: WatchMode.PERSISTENT, child: WatchMode.PERSISTENT },
  [WatcherType.PERSISTENT_RECURSIVE]: { data: WatchMode.RECURSIVE, child: 0 },
};

/** Before 3.9 a type meant a table, with any mode in it. */
const BY_TABLE: typeof EXACT = {
  [WatcherType.CHILDREN]: { data: 0, child: ALL },
  [WatcherType.DATA]: { data: ALL, child: 0 },
  [WatcherType.ANY]: { data: ALL, child: ALL },
};

/** @throws Refusal with NoWatcher if the connection has no such watch, with MarshallingError for an unknown type */
function findWatches({ path, type }: RequestOf<'checkWatches'>, call: Call): { data: number; child: number } {
  const wanted = (call.state.version.features.watchModesCoexist ? EXACT : BY_TABLE)[type];
  if (wanted === undefined) throw refusal(Code.MARSHALLING);
  const has = call.state.watches.modes(path, call.caller);
  if ((has.data & wanted.data) === 0 && (has.child & wanted.child) === 0) throw refusal(Code.NO_WATCHER);
  return wanted;
}

/** Header zxid of events that make up for missed ones. */
const CAUGHT_UP = -1;

/** Sends events at once for nodes that have changed since, and sets the other watches. */
function restoreStandard(request: RequestOf<'setWatches'>, call: Call): void {
  const { state, caller } = call;
  const since = request.relativeZxid;
  for (const path of request.dataWatches) {
    const node = state.tree.get(path);
    if (node === undefined) caller.deliver(Event.DELETED, path, CAUGHT_UP);
    else if (node.mzxid > since) caller.deliver(Event.DATA_CHANGED, path, CAUGHT_UP);
    else state.watches.watchData(path, caller);
  }
  for (const path of request.existWatches) {
    if (state.tree.get(path) !== undefined) caller.deliver(Event.CREATED, path, CAUGHT_UP);
    else state.watches.watchData(path, caller);
  }
  for (const path of request.childWatches) {
    const node = state.tree.get(path);
    if (node === undefined) caller.deliver(Event.DELETED, path, CAUGHT_UP);
    else if (node.pzxid > since) caller.deliver(Event.CHILDREN_CHANGED, path, CAUGHT_UP);
    else state.watches.watchChildren(path, caller);
  }
}
