import { KazooException, NoNodeError } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireClient } from './arguments.ts';
import { PersistentNode } from './persistent-node.ts';
import { parseServiceInstance, serializeServiceInstance, type ServiceInstance } from './service-instance.ts';
import { ServiceProvider, type ServiceProviderOptions } from './service-provider.ts';

/**
 * Registers the providers of services, and finds them: Curator's x-discovery, on its layout (`<base>/<service>/<id>`) and in its JSON, so that either finds what the other registered.
 *
 * @example
 * const discovery = new ServiceDiscovery(client, '/services');
 * await discovery.register(makeServiceInstance({ name: 'web', address: '10.0.0.1', port: 8080 }));
 * const provider = await discovery.provider('web');
 * provider.next()?.address;
 */
export class ServiceDiscovery {
  readonly path: string;
  readonly #client: RecipeClient;
  /** What is registered here and goes with the session, by path. */
  readonly #nodes = new Map<string, PersistentNode>();
  readonly #providers = new Set<ServiceProvider>();
  #closed = false;

  /** @throws TypeError or RangeError for a path or client that is none */
  constructor(client: RecipeClient, basePath: string) {
    requireClient(client);
    this.path = normalizePath(basePath);
    this.#client = client;
  }

  /**
   * Registers an instance, in place of one with the same name and id. A DYNAMIC one is registered anew in each session, until it is unregistered.
   *
   * @throws KazooException after {@link close}
   */
  async register(instance: ServiceInstance): Promise<void> {
    if (this.#closed) throw new KazooException('already closed');
    const path = this.#pathOf(instance.name, instance.id);
    const data = serializeServiceInstance(instance);
    await this.unregister(instance);
    if (instance.serviceType !== 'DYNAMIC') {
      await this.#client.create(path, data, { makepath: true });
      return;
    }
    const node = new PersistentNode(this.#client, path, data);
    this.#nodes.set(path, node);
    await node.start();
  }

  /** Changes what an instance tells of itself. @throws NoNodeError if it is not registered */
  async update(instance: ServiceInstance): Promise<void> {
    const path = this.#pathOf(instance.name, instance.id);
    const data = serializeServiceInstance(instance);
    await (this.#nodes.get(path)?.setData(data) ?? this.#client.set(path, data));
  }

  /** Takes an instance back, whoever registered it. Fine if it is not there. */
  async unregister({ name, id }: Pick<ServiceInstance, 'name' | 'id'>): Promise<void> {
    const path = this.#pathOf(name, id);
    const node = this.#nodes.get(path);
    this.#nodes.delete(path);
    await node?.close();
    await this.#client.delete(path).catch(ignoreMissing);
  }

  /** The names of the services. */
  async names(): Promise<string[]> {
    return this.#children(this.path);
  }

  /** The providers of a service, read now. What is no instance is skipped. */
  async instances(name: string): Promise<ServiceInstance[]> {
    const ids = await this.#children(joinPath(this.path, name));
    const found = await Promise.all(ids.map((id) => this.instance(name, id)));
    return found.filter((instance) => instance !== null);
  }

  /** One provider; null if there is none of that id. */
  async instance(name: string, id: string): Promise<ServiceInstance | null> {
    try {
      const [data] = await this.#client.get(this.#pathOf(name, id));
      return parseServiceInstance(data);
    } catch (error) {
      if (error instanceof NoNodeError || error instanceof SyntaxError || error instanceof TypeError) return null;
      throw error;
    }
  }

  /** Keeps the providers of a service at hand, to choose from. */
  async provider(name: string, options?: ServiceProviderOptions): Promise<ServiceProvider> {
    if (this.#closed) throw new KazooException('already closed');
    const provider = new ServiceProvider(this.#client, joinPath(this.path, name), options);
    this.#providers.add(provider);
    await provider.start();
    return provider;
  }

  /** Takes back what was registered here and goes with the session, and ends the providers. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#nodes.values(), ...this.#providers].map((each) => each.close()));
    this.#nodes.clear();
    this.#providers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #children(path: string): Promise<string[]> {
    try {
      return await this.#client.getChildren(path);
    } catch (error) {
      ignoreMissing(error);
      return [];
    }
  }

  #pathOf(name: string, id: string): string {
    return joinPath(joinPath(this.path, name), id);
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof NoNodeError)) throw error;
}
