import { isPrompt } from '../base/prompt.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { type NodeData, TreeEvent, type TreeEventType } from './tree-event.ts';
import type { TreeNode } from './tree-node.ts';

type Listener<T> = (news: T) => unknown;

/** Calls the listeners of a TreeCache, in the queue of the client's callbacks; our own at once. */
export class TreeTeller {
  readonly listeners: Listener<TreeEvent>[] = [];
  readonly faultListeners: Listener<unknown>[] = [];
  readonly freshnessListeners: Listener<boolean>[] = [];
  readonly #client: RecipeClient;
  readonly #isClosed: () => boolean;

  constructor(client: RecipeClient, isClosed: () => boolean) {
    this.#client = client;
    this.#isClosed = isClosed;
  }

  publish(type: TreeEventType, data: NodeData | null = null): void {
    const event = new TreeEvent(type, data);
    this.#tellOurs(event);
    this.#client.dispatch(() => this.#tell(this.listeners, event));
  }

  /** The cache is updated while listeners are busy; updates they could not follow are reported as one, the latest. */
  updated(node: TreeNode, data: NodeData): void {
    this.#tellOurs(new TreeEvent(TreeEvent.NODE_UPDATED, data));
    if (node.untold !== null) return void (node.untold = data);
    node.untold = data;
    this.#client.dispatch(() => {
      const latest = node.untold;
      node.untold = null;
      return this.#tell(this.listeners, new TreeEvent(TreeEvent.NODE_UPDATED, latest));
    });
  }

  freshness(fresh: boolean): void {
    this.#client.dispatch(() => this.#tell(this.freshnessListeners, fresh));
  }

  fault(error: unknown): void {
    this.#client.dispatch(() => this.#fault(error));
  }

  #tellOurs(event: TreeEvent): void {
    for (const listener of this.listeners) if (isPrompt(listener)) listener(event);
  }

  /** One after the other; returns a promise only if a listener does, which few do. */
  #tell<T>(listeners: readonly Listener<T>[], news: T, from = 0): Promise<void> | undefined {
    for (let index = from; index < listeners.length && !this.#isClosed(); index++) {
      const listener = listeners[index]!;
      if (isPrompt(listener)) continue;
      const rest = (): Promise<void> | undefined => this.#tell(listeners, news, index + 1);
      try {
        const outcome = listener(news);
        if (outcome instanceof Object && 'then' in outcome)
          return Promise.resolve(outcome)
            .catch((error: unknown) => this.#fault(error))
            .then(rest);
      } catch (error) {
        return this.#fault(error).then(rest);
      }
    }
    return undefined;
  }

  async #fault(error: unknown): Promise<void> {
    if (this.faultListeners.length === 0) this.#client.reportError(error);
    for (const listener of [...this.faultListeners]) {
      try {
        await listener(error);
      } catch (fault) {
        this.#client.reportError(fault);
      }
    }
  }
}
