import { CLOSED_STATES, KAZOO_STATE_OF, type KazooState, type KeeperState } from '../base/states.ts';

/** The legal transitions; any other is a bug of ours and throws. */
const LEGAL = {
  CLOSED: ['CONNECTING'],
  CONNECTING: ['CONNECTED', 'CONNECTED_RO', 'EXPIRED_SESSION', 'AUTH_FAILED', 'CLOSED'],
  CONNECTED: ['CONNECTING', 'AUTH_FAILED', 'EXPIRED_SESSION', 'CLOSED'],
  CONNECTED_RO: ['CONNECTING', 'AUTH_FAILED', 'EXPIRED_SESSION', 'CLOSED'],
  EXPIRED_SESSION: ['CONNECTING', 'CLOSED'],
  AUTH_FAILED: ['CONNECTING', 'CLOSED'],
} as const satisfies Record<KeeperState, readonly KeeperState[]>;

/** The only writer of the client's two states (Kazoo ST-1 to ST-4). */
export class StateMachine {
  #raw: KeeperState = 'CLOSED';
  #high: KazooState = 'LOST';
  #refuses = true;

  get raw(): KeeperState {
    return this.#raw;
  }

  get high(): KazooState {
    return this.#high;
  }

  /** There is no session, and there will be none before the next start. */
  get isOver(): boolean {
    return this.raw === 'CLOSED' || this.raw === 'AUTH_FAILED';
  }

  /** Whether requests are refused instead of queued. A field, because every request reads it. */
  get refuses(): boolean {
    return this.#refuses;
  }

  /** Changes the state, and returns what to report to listeners: null if the application's view has not changed. */
  move(next: KeeperState): KazooState | null {
    const from = this.#raw;
    if (from === next) return null;
    if (!(LEGAL[from] as readonly KeeperState[]).includes(next)) throw new Error(`illegal state change: ${from} to ${next}`);
    this.#raw = next;
    this.#refuses = CLOSED_STATES.has(next);
    // Connecting from a closed state is not reported: LOST stays LOST until there is a session (Kazoo ST-3).
    const high = next === 'CONNECTING' && CLOSED_STATES.has(from) ? this.#high : KAZOO_STATE_OF[next];
    if (high === this.#high) return null;
    this.#high = high;
    return high;
  }
}
