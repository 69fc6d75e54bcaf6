import { requireFunction, requireOptions } from '../base/arguments.ts';
import { Deferred } from '../base/deferred.ts';
import { KazooException } from '../base/errors.ts';
import { joinPath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import { ON_LISTENER_ERROR, SafeEmitter } from '../base/safe-emitter.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireOneOf } from './arguments.ts';
import { bounded } from './bounded.ts';
import { parseServiceInstance, type ServiceInstance } from './service-instance.ts';
import { TreeCache } from './tree-cache.ts';
import { type NodeData, TreeEvent } from './tree-event.ts';
import { loadTree } from './tree-loading.ts';

export interface ServiceProviderOptions {
  /** How an instance is chosen: in turn (default), at random, or the same one while it is eligible. */
  strategy?: 'roundRobin' | 'random' | 'sticky' | undefined;
  /** Which instances may be chosen, of those that are enabled and not down. */
  filter?: ((instance: ServiceInstance) => boolean) | undefined;
}

export interface ServiceProviderEvents {
  /** The instances have changed. Not emitted for those that {@link ServiceProvider.start} finds. */
  changed: [instances: ServiceInstance[]];
}

/**
 * Keeps the list of one service's instances up to date by watches, and chooses among them: Curator's ServiceCache and ServiceProvider. Created by `ServiceDiscovery.provider()`.
 *
 * @example
 * const provider = await client.serviceDiscovery('/services').provider('web');
 * provider.on('changed', (instances) => console.log(instances.length));
 */
export class ServiceProvider extends SafeEmitter<ServiceProviderEvents> {
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #cache: TreeCache;
  readonly #loaded = new Deferred();
  readonly #filter: (instance: ServiceInstance) => boolean;
  readonly #choose: (instances: readonly ServiceInstance[]) => ServiceInstance;
  readonly #instances = new Map<string, ServiceInstance>();
  /** The times of the errors noted for an instance, by id. */
  readonly #errors = new Map<string, number[]>();
  /** Sorted by id; reset when an instance is added, removed or changed. */
  #sorted: ServiceInstance[] | undefined;
  #tells = false;
  #isDue = false;
  #turn = 0;
  #favourite: string | undefined;

  /** @throws TypeError for an unknown strategy, or a filter that is not a function */
  constructor(client: RecipeClient, path: string, options?: ServiceProviderOptions) {
    super();
    const { strategy = 'roundRobin', filter = () => true } = requireOptions(options, ['strategy', 'filter']);
    const choices = { roundRobin: this.#inTurn, random: this.#any, sticky: this.#theSame };
    requireOneOf<string>('strategy', strategy, Object.keys(choices));
    requireFunction('filter', filter);
    this.path = path;
    this.#client = client;
    this.#filter = filter;
    this.#choose = choices[strategy];
    this.#cache = new TreeCache(client, path);
    this.#cache.listen(this.#onEvent);
  }

  /** Resolves when the instances are known. @throws KazooException after {@link close}; ConnectionClosedError when the client stops */
  async start(options?: WaitOptions): Promise<void> {
    await bounded(this.#client, options, this.path, 'service provider', () => loadTree(this.#cache, this.#loaded.promise));
  }

  /** The current instances, sorted by id. */
  instances(): ServiceInstance[] {
    return [...this.#inOrder];
  }

  /** An instance that is enabled, not down, and passes the filter; null if there is none. */
  next(): ServiceInstance | null {
    const fit = this.#inOrder.filter((instance) => instance.enabled && !this.#isDown(instance) && this.#filter(instance));
    return fit.length === 0 ? null : this.#choose(fit);
  }

  /** Notes that an instance failed. It is not chosen while it has two errors in the last 30 s, as in Curator. */
  noteError({ id }: Pick<ServiceInstance, 'id'>): void {
    this.#errors.set(id, [...this.#recentErrors(id), this.#client.clock.now()]);
  }

  /** Stops watching; after that there are no instances. */
  async close(): Promise<void> {
    this.#tells = false;
    this.#loaded.reject(new KazooException('the service provider was closed'));
    await this.#cache.close();
    this.#instances.clear();
    this.#sorted = undefined;
  }

  /** @internal */
  protected override [ON_LISTENER_ERROR](error: unknown): void {
    this.#client.reportError(error);
  }

  readonly #onEvent = prompt(({ eventType, eventData }: TreeEvent): void => {
    if (eventType === TreeEvent.INITIALIZED) {
      this.#tells = true;
      this.#loaded.resolve();
    }
    if (eventData === null || eventData.path === this.path) return;
    const id = eventData.path.slice(joinPath(this.path, '').length);
    const instance = eventType === TreeEvent.NODE_REMOVED ? null : this.#read(eventData);
    if (instance !== null) this.#instances.set(id, instance);
    else if (!this.#instances.delete(id)) return;
    this.#sorted = undefined;
    if (this.#tells) this.#tellLater();
  });

  /** Emits once for all changes before the listeners run. */
  #tellLater(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#client.dispatch(() => {
      this.#isDue = false;
      return this.#tells && this.emit('changed', this.instances());
    });
  }

  get #inOrder(): readonly ServiceInstance[] {
    return (this.#sorted ??= [...this.#instances.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }

  #read({ path, data }: NodeData): ServiceInstance | null {
    try {
      return parseServiceInstance(data);
    } catch (error) {
      // Its message may quote the data, which is never logged.
      this.#client.logger.warn(`${path} is not a service instance (${(error as Error).name})`);
      return null;
    }
  }

  #isDown({ id }: ServiceInstance): boolean {
    return this.#errors.has(id) && this.#recentErrors(id).length >= ERRORS_TOLERATED;
  }

  #recentErrors(id: string): number[] {
    const since = this.#client.clock.now() - ERROR_AGE;
    const recent = (this.#errors.get(id) ?? []).filter((time) => time > since);
    if (recent.length === 0) this.#errors.delete(id);
    return recent;
  }

  readonly #inTurn = (instances: readonly ServiceInstance[]): ServiceInstance => instances[this.#turn++ % instances.length]!;

  readonly #any = (instances: readonly ServiceInstance[]): ServiceInstance =>
    instances[Math.floor(Math.random() * instances.length)]!;

  readonly #theSame = (instances: readonly ServiceInstance[]): ServiceInstance => {
    const chosen = instances.find(({ id }) => id === this.#favourite) ?? this.#any(instances);
    this.#favourite = chosen.id;
    return chosen;
  };
}

const ERRORS_TOLERATED = 2;
const ERROR_AGE = 30_000;
