import { prompt } from '../base/prompt.ts';
import type { KazooState } from '../base/states.ts';
import type { RecipeClient } from '../client/recipe-client.ts';

type StateListener = (state: KazooState) => void;

const listenersOf = new WeakMap<RecipeClient, { readonly all: Set<StateListener>; readonly tellAll: StateListener }>();

/**
 * Calls a recipe's listener at each state of the client, before the user's listeners. One listener on the client serves all recipes: there may be many
 * thousands of them, and removing a listener from an emitter takes time proportional to their number.
 */
export function listenToState(client: RecipeClient, listener: StateListener): void {
  let listeners = listenersOf.get(client);
  if (listeners === undefined) {
    const all = new Set<StateListener>();
    const tellAll = prompt((state: KazooState): void => {
      for (const each of [...all]) each(state);
    });
    listeners = { all, tellAll };
    listenersOf.set(client, listeners);
  }
  // Check, because a user may have removed all listeners of the client.
  if (!client.listeners('state').includes(listeners.tellAll)) client.on('state', listeners.tellAll);
  listeners.all.add(listener);
}

/** Harmless when repeated. */
export function ignoreState(client: RecipeClient, listener: StateListener): void {
  const listeners = listenersOf.get(client);
  if (listeners?.all.delete(listener) === true && listeners.all.size === 0) client.off('state', listeners.tellAll);
}
