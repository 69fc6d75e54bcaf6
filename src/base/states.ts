/** What the application should believe of its session. Values equal names (Kazoo `KazooState`). */
export const KazooState = { SUSPENDED: 'SUSPENDED', CONNECTED: 'CONNECTED', LOST: 'LOST' } as const;
export type KazooState = (typeof KazooState)[keyof typeof KazooState];

/** What the protocol says of the session (Kazoo `KeeperState`). */
export const KeeperState = {
  AUTH_FAILED: 'AUTH_FAILED',
  CONNECTED: 'CONNECTED',
  CONNECTED_RO: 'CONNECTED_RO',
  CONNECTING: 'CONNECTING',
  CLOSED: 'CLOSED',
  EXPIRED_SESSION: 'EXPIRED_SESSION',
} as const;
export type KeeperState = (typeof KeeperState)[keyof typeof KeeperState];

/** What happened to a node, or `NONE` for what happened to the session. */
export const EventType = { CREATED: 'CREATED', DELETED: 'DELETED', CHANGED: 'CHANGED', CHILD: 'CHILD', NONE: 'NONE' } as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

/** Wire number to name (docs/protocol.md, "Watches"). */
export const EVENT_TYPE_MAP: Readonly<Record<number, EventType>> = {
  [-1]: 'NONE',
  1: 'CREATED',
  2: 'DELETED',
  3: 'CHANGED',
  4: 'CHILD',
};

/** What a watch is told. `path` is relative to the chroot, and null for `NONE`. */
export interface WatchedEvent {
  readonly type: EventType;
  /** Of the client, when the event came. */
  readonly state: KeeperState;
  readonly path: string | null;
}

/** A watch's callback. It may be async: the next event waits for it. */
export type WatchListener = (event: WatchedEvent) => void | Promise<void>;

/** The application's view of each protocol state (Kazoo ST-2). */
export const KAZOO_STATE_OF = {
  AUTH_FAILED: 'LOST',
  CONNECTED: 'CONNECTED',
  CONNECTED_RO: 'CONNECTED',
  CONNECTING: 'SUSPENDED',
  CLOSED: 'LOST',
  EXPIRED_SESSION: 'LOST',
} as const satisfies Record<KeeperState, KazooState>;

/** The states in which requests are refused at once (Kazoo `CLOSED_STATES`, RQ-1). */
export const CLOSED_STATES: ReadonlySet<KeeperState> = new Set(['AUTH_FAILED', 'CLOSED', 'EXPIRED_SESSION']);
