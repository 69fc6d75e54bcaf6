import { requireOptions } from '../base/arguments.ts';
import { KazooException, NoNodeError } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireClient } from './arguments.ts';
import { bounded } from './bounded.ts';
import { nullIfMissing } from './missing.ts';
import { persist } from './outage.ts';
import { PersistentNode } from './persistent-node.ts';
import { removeNode } from './removal.ts';
import { parseServiceInstance, requireNodeName, serializeServiceInstance, type ServiceInstance } from './service-instance.ts';
import { ServiceProvider, type ServiceProviderOptions } from './service-provider.ts';

/**
 * Registers service instances and finds them: Curator's x-discovery, with its layout (`<base>/<service>/<id>`) and JSON, so that either side finds what the other registered.
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
  /** The instances registered here, by path: null for those that outlive the session. */
  readonly #nodes = new Map<string, PersistentNode | null>();
  /** The work in progress at each path. */
  readonly #works = new Map<string, Promise<void>>();
  readonly #providers = new Set<ServiceProvider>();
  #closed = false;

  /** @throws TypeError or RangeError for an invalid path or client */
  constructor(client: RecipeClient, basePath: string) {
    requireClient(client);
    this.path = normalizePath(basePath);
    this.#client = client;
  }

  /**
   * Registers an instance, replacing one with the same name and id. A DYNAMIC one is registered again in each session, until it is unregistered;
   * a DYNAMIC_SEQUENTIAL one keeps the name that the server gave its node.
   *
   * An abort or a timeout ends the wait, not the registration.
   *
   * @throws KazooException after {@link close}; TypeError for an instance that Curator could not read
   */
  async register(instance: ServiceInstance, options?: WaitOptions): Promise<void> {
    this.#refuseClosed();
    const { serviceType } = instance;
    const path = this.#pathOf(instance.name, instance.id);
    const data = serializeServiceInstance(instance);
    await bounded(this.#client, options, path, 'register', async () => {
      if (!serviceType.startsWith('DYNAMIC')) return this.#replace(path, null, () => this.#put(path, data));
      const node = new PersistentNode(this.#client, path, data, { sequence: serviceType === 'DYNAMIC_SEQUENTIAL' });
      await this.#replace(path, node, () => removeNode(this.#client, path));
      try {
        await node.start();
      } catch (error) {
        // A later registration may have replaced this one.
        const present = this.#nodes.get(path);
        if (present === node || present === undefined) throw error;
      }
    });
  }

  /** Changes an instance's data. @throws NoNodeError if it is not registered */
  async update(instance: ServiceInstance, options?: WaitOptions): Promise<void> {
    const path = this.#pathOf(instance.name, instance.id);
    const data = serializeServiceInstance(instance);
    await bounded<unknown>(
      this.#client,
      options,
      path,
      'update',
      ({ limits }) => this.#nodes.get(path)?.setData(data) ?? this.#client.set(path, data, limits),
    );
  }

  /** Unregisters an instance, whoever registered it; a DYNAMIC_SEQUENTIAL one only if it was registered here. No error if there is none. */
  async unregister({ name, id }: Pick<ServiceInstance, 'name' | 'id'>, options?: WaitOptions): Promise<void> {
    const path = this.#pathOf(name, id);
    await bounded(this.#client, options, path, 'unregister', () =>
      this.#replace(path, undefined, () => removeNode(this.#client, path)),
    );
  }

  /** The names of the services. */
  names(options?: WaitOptions): Promise<string[]> {
    return bounded(this.#client, options, this.path, 'names', ({ limits }) => this.#children(this.path, limits));
  }

  /** The instances of a service, read now. Anything that is not an instance is skipped. */
  async instances(name: string, options?: WaitOptions): Promise<ServiceInstance[]> {
    const path = this.#pathOf(name);
    return bounded(this.#client, options, path, 'instances', async ({ limits }) => {
      const ids = await this.#children(path, limits);
      const found = await Promise.all(ids.map((id) => this.#read(joinPath(path, id), limits)));
      return found.filter((instance) => instance !== null);
    });
  }

  /** One instance; null if there is none with that id. For a DYNAMIC_SEQUENTIAL one registered elsewhere, pass its node's name. */
  async instance(name: string, id: string, options?: WaitOptions): Promise<ServiceInstance | null> {
    const path = this.#pathOf(name, id);
    return bounded(this.#client, options, path, 'instance', ({ limits }) =>
      this.#read(this.#nodes.get(path)?.path ?? path, limits),
    );
  }

  async #read(path: string, limits: WaitOptions): Promise<ServiceInstance | null> {
    try {
      const [data] = await this.#client.get(path, limits);
      return parseServiceInstance(data);
    } catch (error) {
      if (error instanceof NoNodeError || error instanceof SyntaxError || error instanceof TypeError) return null;
      throw error;
    }
  }

  /** Keeps a list of a service's instances up to date, to choose from. @throws KazooException after {@link close} */
  async provider(name: string, options?: ServiceProviderOptions & WaitOptions): Promise<ServiceProvider> {
    this.#refuseClosed();
    const { timeout, signal, ...choice } = requireOptions(options);
    const provider = new ServiceProvider(this.#client, this.#pathOf(name), choice);
    this.#providers.add(provider);
    try {
      await provider.start({ timeout, signal });
    } catch (error) {
      // Its watch may still arrive, and is removed then.
      void provider.close().then(() => this.#providers.delete(provider));
      throw error;
    }
    return provider;
  }

  /** Unregisters the instances registered here that end with the session, closes the providers, and waits for work in progress. */
  async close(): Promise<void> {
    this.#closed = true;
    const works = Promise.allSettled(this.#works.values());
    await Promise.all([...this.#nodes.values(), ...this.#providers].map(async (each) => each?.close()));
    await works;
    this.#nodes.clear();
    this.#providers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #refuseClosed(): void {
    if (this.#closed) throw new KazooException('already closed');
  }

  /** Closes what is registered here, then does `work`; one call at a time, so that none undoes a later one. */
  async #replace(path: string, node: PersistentNode | null | undefined, work: () => Promise<unknown>): Promise<void> {
    const [old, earlier] = [this.#nodes.get(path), this.#works.get(path)];
    if (node === undefined) this.#nodes.delete(path);
    else this.#nodes.set(path, node);
    const present = (async () => {
      await earlier?.catch(() => undefined);
      await old?.close();
      await work();
    })();
    this.#works.set(path, present);
    try {
      await present;
    } catch (error) {
      if (this.#nodes.get(path) === node) this.#nodes.delete(path);
      throw error;
    } finally {
      if (this.#works.get(path) === present) this.#works.delete(path);
    }
  }

  /** Deletes and creates: changing a node would not notify those who watch for its creation. */
  async #put(path: string, data: Buffer): Promise<void> {
    await persist(this.#client.clock, async () => {
      await removeNode(this.#client, path);
      await this.#client.create(path, data, { makepath: true });
    });
  }

  async #children(path: string, limits: WaitOptions): Promise<string[]> {
    return (await nullIfMissing(this.#client.getChildren(path, limits))) ?? [];
  }

  #pathOf(name: string, id?: string): string {
    requireNodeName('name', name);
    const path = joinPath(this.path, name);
    if (id === undefined) return path;
    requireNodeName('id', id);
    return joinPath(path, id);
  }
}
