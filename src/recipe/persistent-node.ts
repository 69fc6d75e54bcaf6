import { ConnectionClosedError, KazooException, NodeExistsError, NoNodeError } from '../base/errors.ts';
import { describeValue, normalizePath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import type { KazooState, WatchedEvent } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { WaitOptions, ZnodeData } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { requireClient, requireFunction, requireOptions } from './arguments.ts';
import { requireSharedWaiting } from './shared-signal.ts';
import { Attempt } from './attempt.ts';
import { Deferred } from './deferred.ts';
import { persist } from './outage.ts';
import { waitTimedOut } from './wait-timed-out.ts';

export interface PersistentNodeOptions {
  /** Told when a node that is not ours stands at the path, once for each such node. By default it reaches the client's `error` event. */
  onConflict?: ((error: NodeExistsError, stat: ZnodeStat) => unknown) | undefined;
}

/**
 * Keeps an ephemeral node alive: made again after the session was lost, or someone deleted it (Curator's PersistentNode).
 *
 * A node left by an earlier session of this object is replaced at once. A stranger's is reported and left alone (CURATOR-190); ours is made when it has gone.
 *
 * @example
 * const node = new PersistentNode(client, '/workers/worker-1', '10.0.0.1:8080');
 * await node.start();
 */
export class PersistentNode {
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #onConflict: (error: NodeExistsError, stat: ZnodeStat) => unknown;
  #data: ZnodeData;
  #state: 'latent' | 'started' | 'closed' = 'latent';
  /** Sessions in which the node was ours. */
  readonly #sessions = new Set<bigint>();
  #ours = false;
  /** The data was changed since the node was made. */
  #unwritten = false;
  #reported: bigint | undefined;
  #due = false;
  #running: Promise<void> | undefined;
  #made = new Deferred<undefined>();

  /** @throws TypeError or RangeError for arguments that are none */
  constructor(client: RecipeClient, path: string, data: ZnodeData = '', options?: PersistentNodeOptions) {
    requireClient(client);
    requireData(data);
    const { onConflict } = requireOptions(options);
    if (onConflict !== undefined) requireFunction('onConflict', onConflict);
    this.path = normalizePath(path);
    this.#client = client;
    this.#data = data;
    this.#onConflict = onConflict ?? ((error) => client.reportError(error));
  }

  /** Whether the node was there, and ours, when last heard of. */
  get isThere(): boolean {
    return this.#ours;
  }

  /**
   * Starts, and resolves once the node is there. An abort or a timeout ends the wait, not the node's upkeep.
   *
   * @throws KazooException after {@link close}; what keeps the node from being made, such as NoAuthError
   */
  async start(options?: WaitOptions): Promise<void> {
    const waiting = requireSharedWaiting(options);
    if (this.#state === 'closed') throw new KazooException('already closed');
    if (this.#state === 'latent') this.#client.on('state', this.#onState);
    this.#state = 'started';
    this.#refresh();
    const attempt = new Attempt(this.#client.clock, { ...waiting, timedOut: () => waitTimedOut(this.path, 'persistent node') });
    try {
      await attempt.guard(this.#made.promise);
    } finally {
      attempt.close();
    }
  }

  /** Changes the data, now and for every time the node is made again. Resolves when it is stored, or will be with the next making. */
  async setData(data: ZnodeData): Promise<void> {
    requireData(data);
    this.#data = data;
    this.#unwritten = true;
    this.#refresh();
    await this.#running;
  }

  /** Ends the upkeep and removes the node, if it is ours. Harmless when repeated. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return this.#running;
    this.#state = 'closed';
    this.#client.off('state', this.#onState);
    this.#made.reject(new KazooException('closed'));
    const upkeep = this.#running;
    this.#running = this.#remove(upkeep);
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #onState = (state: KazooState): void => {
    if (state === 'LOST') this.#ours = false;
    else if (state === 'CONNECTED' && !this.#ours) this.#refresh();
  };

  readonly #onEvent = prompt((event: WatchedEvent): void => {
    if (event.type === 'NONE') return;
    if (event.type === 'DELETED') this.#ours = false;
    this.#refresh();
  });

  #refresh(): void {
    if (this.#state !== 'started') return;
    this.#due = true;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#due && this.#state === 'started') {
      this.#due = false;
      await persist(this.#client.clock, () => this.#step()).catch((error: unknown) => this.#failed(error));
    }
    this.#running = undefined;
  }

  /** Looks first: what stands there may be ours already, from a create of which the answer was lost. */
  async #step(): Promise<void> {
    if (this.#state !== 'started') return;
    const stat = await this.#client.exists(this.path, { watch: this.#onEvent });
    if (stat === null) return this.#create();
    if (stat.ephemeralOwner === this.#client.clientId?.sessionId) return this.#keep(stat.ephemeralOwner);
    this.#ours = false;
    if (this.#sessions.has(stat.ephemeralOwner)) return this.#replace(stat);
    if (stat.czxid === this.#reported) return;
    this.#reported = stat.czxid;
    this.#onConflict(new NodeExistsError(undefined, { path: this.path, operation: 'persistent node' }), stat);
  }

  /** Its CREATED event leads to another step, which finds it ours. */
  async #create(): Promise<void> {
    this.#unwritten = false;
    try {
      await this.#client.create(this.path, this.#data, { ephemeral: true, makepath: true });
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }

  async #keep(session: bigint): Promise<void> {
    this.#sessions.add(session);
    this.#ours = true;
    this.#made.resolve(undefined);
    if (!this.#unwritten) return;
    this.#unwritten = false;
    await this.#client.set(this.path, this.#data);
  }

  async #replace(stat: ZnodeStat): Promise<void> {
    await this.#client.delete(this.path, { version: stat.version }).catch((error: unknown) => {
      if (!(error instanceof NoNodeError)) throw error;
    });
    this.#due = true;
  }

  #failed(error: unknown): void {
    if (error instanceof ConnectionClosedError && this.#client.state === 'LOST') return;
    if (error instanceof NoNodeError) this.#due = true;
    else if (this.#ours || this.#sessions.size > 0) this.#client.reportError(error);
    else {
      this.#made.reject(error);
      this.#made = new Deferred();
    }
  }

  async #remove(upkeep: Promise<void> | undefined): Promise<void> {
    await upkeep;
    await this.#client.unwatch(this.path, this.#onEvent);
    this.#ours = false;
    try {
      await persist(this.#client.clock, async () => {
        const stat = await this.#client.exists(this.path);
        if (stat !== null && stat.ephemeralOwner === this.#client.clientId?.sessionId) await this.#client.delete(this.path);
      });
    } catch (error) {
      if (!(error instanceof NoNodeError) && !(error instanceof ConnectionClosedError)) throw error;
    }
  }
}

function requireData(data: ZnodeData): void {
  if (data !== null && typeof data !== 'string' && !(data instanceof Uint8Array)) {
    throw new TypeError(`data must be a string, a Uint8Array or null, not ${describeValue(data)}`);
  }
}
