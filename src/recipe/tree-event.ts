import type { ZnodeStat } from '../base/znode-stat.ts';

/** A node in a TreeCache. */
export class NodeData {
  readonly path: string;
  readonly data: Buffer | null;
  readonly stat: ZnodeStat;

  constructor(path: string, data: Buffer | null, stat: ZnodeStat) {
    this.path = path;
    this.data = data;
    this.stat = stat;
  }

  static make(path: string, data: Buffer | null, stat: ZnodeStat): NodeData {
    return new NodeData(path, data, stat);
  }
}

export type TreeEventType = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** An event of a TreeCache; the numbers are Kazoo's. */
export class TreeEvent {
  static readonly NODE_ADDED = 0;
  /** The node's data has changed. */
  static readonly NODE_UPDATED = 1;
  /** With the last known data. Children are reported before their parent. */
  static readonly NODE_REMOVED = 2;
  /** The cache may be out of date from here on. */
  static readonly CONNECTION_SUSPENDED = 3;
  /** Events for what changed meanwhile follow. */
  static readonly CONNECTION_RECONNECTED = 4;
  /** The session is over. */
  static readonly CONNECTION_LOST = 5;
  /** Everything readable has been read; emitted again after each CONNECTION_LOST. */
  static readonly INITIALIZED = 6;

  /** Such as `TreeEvent.NODE_ADDED`. */
  readonly eventType: TreeEventType;
  /** The node of a NODE_ event; null for the others. */
  readonly eventData: NodeData | null;

  constructor(eventType: TreeEventType, eventData: NodeData | null) {
    this.eventType = eventType;
    this.eventData = eventData;
  }

  static make(eventType: TreeEventType, eventData: NodeData | null = null): TreeEvent {
    return new TreeEvent(eventType, eventData);
  }
}
