import { EventEmitter } from 'eventemitter3';
import { isPrompt } from './prompt.ts';

type Listener = (...args: unknown[]) => unknown;

/**
 * An emitter whose listeners cannot hurt each other: what one throws, or rejects with, is reported and the next is still called.
 * Prompt ones of our own come first: what a user's listener looks at, the signal of a lock, say, knows by then.
 * A listener of `state` that returns exactly true is removed (Kazoo ST-13).
 */
export abstract class SafeEmitter<Events extends EventEmitter.ValidEventTypes> extends EventEmitter<Events> {
  /** Where a listener's error goes. @internal */
  protected abstract onListenerError(error: unknown, event: unknown): void;

  override emit<T extends EventEmitter.EventNames<Events>>(event: T, ...args: EventEmitter.EventArgs<Events, T>): boolean {
    const listeners = this.listeners(event) as unknown as Listener[];
    for (const first of [true, false])
      for (const listener of listeners) if (isPrompt(listener) === first) this.#call(event, listener, args);
    return listeners.length > 0;
  }

  override once<T extends EventEmitter.EventNames<Events>>(
    event: T,
    fn: EventEmitter.EventListener<Events, T>,
    context?: unknown,
  ): this {
    const wrapped: Listener & { original?: unknown } = (...args) => {
      super.off(event, wrapped as never);
      return (fn as unknown as Listener).apply(context ?? this, args);
    };
    wrapped.original = fn;
    return this.on(event, wrapped as never);
  }

  override removeListener<T extends EventEmitter.EventNames<Events>>(event: T, fn?: EventEmitter.EventListener<Events, T>): this {
    if (fn === undefined) return super.off(event);
    const wrapped = (this.listeners(event) as unknown as (Listener & { original?: unknown })[]).find(
      (listener) => listener.original === fn,
    );
    return super.removeListener(event, (wrapped ?? fn) as never);
  }

  override off<T extends EventEmitter.EventNames<Events>>(event: T, fn?: EventEmitter.EventListener<Events, T>): this {
    return this.removeListener(event, fn);
  }

  #call(event: EventEmitter.EventNames<Events>, listener: Listener, args: unknown[]): void {
    try {
      const result = listener.apply(this, args);
      if (result === true && event === 'state') super.off(event, listener as never);
      if (result instanceof Promise) result.catch((error: unknown) => this.onListenerError(error, event));
    } catch (error) {
      this.onListenerError(error, event);
    }
  }
}
