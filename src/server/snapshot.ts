import type { ZnodeStat } from '../base/znode-stat.ts';
import type { DataTree } from './data-tree.ts';

/** One node of a snapshot. */
export interface SnapshotNode {
  readonly data: Buffer | null;
  readonly acl: readonly { readonly perms: number; readonly scheme: string | null; readonly id: string | null }[];
  readonly stat: ZnodeStat;
  /** The children's names, sorted. */
  readonly children: readonly string[];
}

/** A whole tree: nodes by path, sorted by path. */
export type Snapshot = Readonly<Record<string, SnapshotNode>>;

export function takeSnapshot(tree: DataTree): Snapshot {
  const entries = [...tree.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([path, node]): [string, SnapshotNode] => [
      path,
      {
        data: node.data === null ? null : Buffer.from(node.data),
        acl: node.acl.map(({ perms, id: { scheme, id } }) => ({ perms, scheme, id })),
        stat: node.stat(),
        children: [...(node.children ?? [])].sort(),
      },
    ]),
  );
}
