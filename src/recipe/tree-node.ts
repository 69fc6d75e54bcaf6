import { basename } from '../base/paths.ts';
import type { NodeData } from './tree-event.ts';

/** What is read of a node: its data, its children, or (for a root that is missing) whether it is there. */
export type ReadKind = 'data' | 'children' | 'exists';

/** One node of a TreeCache. Once removed it stays so; a node made anew at the same path is another object. */
export class TreeNode {
  readonly path: string;
  readonly parent: TreeNode | null;
  readonly children = new Map<string, TreeNode>();
  /** Null until read, or when it cannot be. */
  data: NodeData | null = null;
  removed = false;
  /** Whether listeners are still to be told of an update: they will be, of the latest. */
  untold = false;
  /** Whether the fault listeners have heard that it cannot be read. */
  unreadable = false;
  /** In which session (counted by the cache) it was last asked for. */
  session = -1;
  /** What has not been read yet in that session. */
  readonly missing = new Set<ReadKind>();
  /** Reads under way, at most one of a kind: waiting to be sent, sent, or sent with another to follow, since an event came meanwhile. */
  readonly reading = new Map<ReadKind, 'queued' | 'sent' | 'again'>();

  constructor(path: string, parent: TreeNode | null) {
    this.path = path;
    this.parent = parent;
  }

  get name(): string {
    return basename(this.path);
  }
}
