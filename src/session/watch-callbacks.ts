import { stripChroot } from '../base/paths.ts';
import { isPrompt } from '../base/prompt.ts';
import { EVENT_TYPE_MAP, type EventType, type KeeperState, type WatchListener } from '../base/states.ts';
import type { Handler } from '../connection/handler.ts';
import type { WatchTable } from './watch-table.ts';

/** Delivers events to watch listeners: to a user's through the callback queue, to one of ours at once; a callback may await any call of the client. */
export class WatchCallbacks {
  readonly #watches: WatchTable;
  readonly #handler: Handler;
  readonly #chroot: string;
  readonly #onError: (error: unknown) => void;
  /** The node for which the last event implied CHILD, without the server having sent it; the server's own CHILD may follow. */
  #toldByChild: string | undefined;

  constructor(watches: WatchTable, handler: Handler, chroot: string, onError: (error: unknown) => void) {
    this.#watches = watches;
    this.#handler = handler;
    this.#chroot = chroot;
    this.#onError = onError;
  }

  /** Handles an event from the server. @returns false for an unknown type */
  event(wireType: number, serverPath: string, state: KeeperState, hasZxid: boolean): boolean {
    const type = EVENT_TYPE_MAP[wireType];
    if (type === undefined || type === 'NONE') return false;
    const told = this.#toldByChild;
    this.#toldByChild = undefined;
    if (type === 'CHILD' && serverPath === told) return true;
    this.#fire(type, serverPath, state);
    if (hasZxid) return true;
    this.#toldByChild = this.#watches.toldByChild(type, serverPath);
    if (this.#toldByChild !== undefined) this.#fire('CHILD', this.#toldByChild, state);
    return true;
  }

  /** Delivers a session event. */
  none(listeners: Iterable<WatchListener>, state: KeeperState): void {
    this.#tell(listeners, 'NONE', null, state);
  }

  #fire(type: Exclude<EventType, 'NONE'>, serverPath: string, state: KeeperState): void {
    const listeners = this.#watches.fire(type, serverPath);
    if (listeners.size > 0) this.#tell(listeners, type, stripChroot(this.#chroot, serverPath), state);
  }

  #tell(listeners: Iterable<WatchListener>, type: EventType, path: string | null, state: KeeperState): void {
    for (const listener of listeners)
      this.#handler.dispatch(isPrompt(listener) ? 'completion' : 'watch', () => listener({ type, state, path }), this.#onError);
  }
}
