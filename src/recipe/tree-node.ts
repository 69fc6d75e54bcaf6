import { basename } from '../base/paths.ts';
import type { NodeData } from './tree-event.ts';

/** What is read of a node: its data, its children, or (for a missing root) whether it exists. */
export type ReadKind = 'data' | 'children' | 'exists';
/** Waiting to be sent; sent; or sent, to be repeated because an event came meanwhile. */
type ReadState = 'queued' | 'sent' | 'again';

const BITS = { data: 1, children: 2, exists: 4 } as const satisfies Record<ReadKind, number>;
const NONE: ReadonlyMap<string, TreeNode> = new Map();

/**
 * One node of a TreeCache. Once removed it stays removed; a node created again at the same path is another object.
 * Small, because there are many: most are leaves and have no map of children.
 */
export class TreeNode {
  readonly path: string;
  readonly parent: TreeNode | null;
  #children: Map<string, TreeNode> | undefined;
  /** Null until read, or if it cannot be read. */
  data: NodeData | null = null;
  removed = false;
  /** The latest update not yet reported to listeners. */
  untold: NodeData | null = null;
  /** Whether it cannot be read, as reported to the fault listeners. */
  unreadable = false;
  /** The session (by the cache's count) in which it was last requested. */
  session = -1;
  /** What has not been read yet in that session, as bits. */
  #missing = 0;
  /** Reads in progress, at most one of a kind. */
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

  /** Sets what is to be read, and nothing else: anything left unanswered by an earlier run of the client no longer counts. */
  miss(...kinds: ReadKind[]): void {
    this.#missing = kinds.reduce((bits, kind) => bits | BITS[kind], 0);
  }

  misses(kind: ReadKind): boolean {
    return (this.#missing & BITS[kind]) !== 0;
  }

  /** @returns whether nothing more is missing */
  got(kind: ReadKind): boolean {
    this.#missing &= ~BITS[kind];
    return this.#missing === 0;
  }
}
