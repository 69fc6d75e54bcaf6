/** The session state the application should act on. Values equal names (Kazoo `KazooState`). */
export const KazooState = { SUSPENDED: 'SUSPENDED', CONNECTED: 'CONNECTED', LOST: 'LOST' } as const;
export type KazooState = (typeof KazooState)[keyof typeof KazooState];

/** The session state at protocol level (Kazoo `KeeperState`). */
export const KeeperState = {
  AUTH_FAILED: 'AUTH_FAILED',
  CONNECTED: 'CONNECTED',
  CONNECTED_RO: 'CONNECTED_RO',
  CONNECTING: 'CONNECTING',
  CLOSED: 'CLOSED',
  EXPIRED_SESSION: 'EXPIRED_SESSION',
} as const;
export type KeeperState = (typeof KeeperState)[keyof typeof KeeperState];

/** What happened to a node; `NONE` for session events. */
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

/** The event a watch receives. `path` is relative to the chroot; null for `NONE`. */
export interface WatchedEvent {
  readonly type: EventType;
  /** The client's state when the event arrived. */
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
