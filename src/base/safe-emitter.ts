import { EventEmitter } from 'eventemitter3';
import { isPrompt } from './prompt.ts';

/** How eventemitter3 keeps a listener. */
interface Registered {
  readonly fn: (...args: unknown[]) => unknown;
  readonly context: unknown;
  readonly once: boolean;
}

/** A key that no derived class can have by accident: the type declarations do not show it. */
export const ON_LISTENER_ERROR: unique symbol = Symbol('onListenerError');

/**
 * An emitter whose listeners cannot break each other: if one throws or rejects, that is reported and the next is still called.
 * Our own prompt listeners come first, so that whatever a user's listener looks at, say a lock's signal, is already up to date.
 * A listener of `state` that returns exactly true is removed (Kazoo ST-13).
 */
export abstract class SafeEmitter<Events extends EventEmitter.ValidEventTypes> extends EventEmitter<Events> {
  /** Called with a listener's error. @internal */
  protected abstract [ON_LISTENER_ERROR](error: unknown, event: unknown): void;

  override emit<T extends EventEmitter.EventNames<Events>>(event: T, ...args: EventEmitter.EventArgs<Events, T>): boolean {
    // There is no API for contexts and `once`; a single listener is kept without an array.
    const { _events } = this as unknown as { _events: Record<PropertyKey, Registered | Registered[] | undefined> };
    const listeners = [_events[event as PropertyKey] ?? []].flat();
    for (const first of [true, false])
      for (const listener of listeners) if (isPrompt(listener.fn) === first) this.#call(event, listener, args);
    return listeners.length > 0;
  }

  #call(event: EventEmitter.EventNames<Events>, { fn, context, once }: Registered, args: unknown[]): void {
    try {
      if (once) this.off(event, fn as never, undefined, true);
      const result = fn.apply(context, args);
      if (result === true && event === 'state') this.off(event, fn as never, context);
      if (result instanceof Promise) result.catch((error: unknown) => this[ON_LISTENER_ERROR](error, event));
    } catch (error) {
      this[ON_LISTENER_ERROR](error, event);
    }
  }
}
