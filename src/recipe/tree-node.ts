import { basename } from '../base/paths.ts';
import type { NodeData } from './tree-event.ts';

/** What is read of a node: its data, its children, or (for a root that is missing) whether it is there. */
export type ReadKind = 'data' | 'children' | 'exists';
/** Waiting to be sent, sent, or sent with another to follow, since an event came meanwhile. */
type ReadState = 'queued' | 'sent' | 'again';

const BITS = { data: 1, children: 2, exists: 4 } as const satisfies Record<ReadKind, number>;
const NONE: ReadonlyMap<string, TreeNode> = new Map();

/**
 * One node of a TreeCache. Once removed it stays so; a node made anew at the same path is another object.
 * Small, since there are many: most are leaves and have no map of children.
 */
export class TreeNode {
  readonly path: string;
  readonly parent: TreeNode | null;
  #children: Map<string, TreeNode> | undefined;
  /** Null until read, or when it cannot be. */
  data: NodeData | null = null;
  removed = false;
  /** The latest update that listeners are still to be told of. */
  untold: NodeData | null = null;
  /** Whether it cannot be read, which the fault listeners have heard of. */
  unreadable = false;
  /** In which session (counted by the cache) it was last asked for. */
  session = -1;
  /** What has not been read yet in that session: a bit each. */
  #missing = 0;
  /** Reads under way, at most one of a kind. */
  readonly reading: Record<ReadKind, ReadState | undefined> = { data: undefined, children: undefined, exists: undefined };

  constructor(path: string, parent: TreeNode | null) {
    this.path = path;
    this.parent = parent;
  }

  get name(): string {
    return basename(this.path);
  }

  get children(): ReadonlyMap<string, TreeNode> {
    return this.#children ?? NONE;
  }

  adopt(child: TreeNode): void {
    this.#children ??= new Map();
    this.#children.set(child.name, child);
  }

  disown(child: TreeNode): void {
    this.#children?.delete(child.name);
  }

  disownAll(): void {
    this.#children = undefined;
  }

  /** These are to be read, and nothing else: what an earlier run of the client left unanswered counts no more. */
  miss(...kinds: ReadKind[]): void {
    this.#missing = kinds.reduce((bits, kind) => bits | BITS[kind], 0);
  }

  misses(kind: ReadKind): boolean {
    return (this.#missing & BITS[kind]) !== 0;
  }

  /** @returns whether nothing is missing any more */
  got(kind: ReadKind): boolean {
    this.#missing &= ~BITS[kind];
    return this.#missing === 0;
  }
}
