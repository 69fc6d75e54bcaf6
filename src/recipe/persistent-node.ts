import { requireFunction, requireOptions } from '../base/arguments.ts';
import type { Timer } from '../base/clock.ts';
import { Deferred } from '../base/deferred.ts';
import { ConnectionClosedError, KazooException, NodeExistsError, NoNodeError } from '../base/errors.ts';
import { basename, joinPath, parentPath, normalizePath } from '../base/paths.ts';
import { prompt } from '../base/prompt.ts';
import type { KazooState, WatchedEvent } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { WaitOptions, ZnodeData } from '../client/call-options.ts';
import { LOST } from '../client/internals.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalBoolean, ownData, requireClient } from './arguments.ts';
import { isTransient, pauseAfterRefusal } from './attempt.ts';
import { bounded } from './bounded.ts';
import { nullIfMissing } from './missing.ts';
import { isUnstarted, persist } from './outage.ts';
import { presentSession } from './present-session.ts';
import { SequencePattern } from './sequence.ts';
import { ignoreState, listenToState } from './state-listeners.ts';

/** Options of a {@link PersistentNode}. */
export interface PersistentNodeOptions {
  /** Whether the node ends with its session (default), and is created again in the next. A node that does not is still created again if somebody deletes it. */
  ephemeral?: boolean | undefined;
  /** Whether the server appends a number to the name, once: it is kept when the node is created again, as in Curator. Needs `ephemeral`. */
  sequence?: boolean | undefined;
  /** Called if a node that is not ours exists at the path, once for each such node. Default: the client's `error` event. */
  onConflict?: ((error: NodeExistsError, stat: ZnodeStat) => unknown) | undefined;
}

/**
 * Keeps a node in existence until closed: creates it again after the session was lost, or somebody deleted it (Curator's PersistentNode).
 *
 * A node left by an earlier session of this object is replaced at once. Somebody else's node is reported and left alone (CURATOR-190); ours is created when it is gone.
 * A non-ephemeral node has no owner: it is ours if it was created here, or has exactly the data that ours is to have.
 *
 * @example
 * const node = new PersistentNode(client, '/workers/worker-1', '10.0.0.1:8080');
 * await node.start();
 */
export class PersistentNode {
  readonly #client: RecipeClient;
  readonly #ephemeral: boolean;
  readonly #onConflict: (error: NodeExistsError, stat: ZnodeStat) => unknown;
  #path: string;
  /** The server has not numbered the node yet. */
  #unnumbered: boolean;
  #data: ZnodeData;
  /** The data of the last create, whose outcome may be unknown. */
  #sent: ZnodeData | undefined;
  /** There was an unanswered create. */
  #doubtful = false;
  /** The last zxid known before that create. */
  #since = 0n;
  #state: 'latent' | 'started' | 'closed' = 'latent';
  /** Sessions in which the node was, or may have been, ours. */
  readonly #sessions = new Set<bigint>();
  /** Identifies our node if it is not ephemeral. */
  #czxid: bigint | undefined;
  #ours = false;
  #wasThere = false;
  /** The data was changed since the node was created. */
  #unwritten = false;
  #reported: bigint | undefined;
  #due = false;
  #running: Promise<void> | undefined;
  /** Consecutive refusals to create it again; `#next` is the timer of the next attempt. */
  #refusals = 0;
  #next: Timer | undefined;
  #made = new Deferred();

  /** @throws TypeError or RangeError for invalid arguments */
  constructor(client: RecipeClient, path: string, data: ZnodeData = '', options?: PersistentNodeOptions) {
    requireClient(client);
    const { onConflict, ephemeral, sequence } = requireOptions(options, ['ephemeral', 'sequence', 'onConflict']);
    if (onConflict !== undefined) requireFunction('onConflict', onConflict);
    this.#ephemeral = optionalBoolean('ephemeral', ephemeral, true);
    this.#unnumbered = optionalBoolean('sequence', sequence, false);
    if (this.#unnumbered && !this.#ephemeral) throw new TypeError('sequence: true needs an ephemeral node');
    this.#path = normalizePath(path);
    this.#client = client;
    this.#data = ownData('data', data);
    this.#onConflict = onConflict ?? ((error) => client.reportError(error));
  }

  /** The node's path; with `sequence`, without the number until the node is created. */
  get path(): string {
    return this.#path;
  }

  /** Whether the node existed and was ours, as last known. */
  get isThere(): boolean {
    return this.#ours;
  }

  /**
   * Starts, and resolves once the node exists. An abort or a timeout ends the wait, not the node's upkeep.
   *
   * @throws KazooException after {@link close}; ConnectionClosedError when the client stops; the error that prevents the node's creation, such as NoAuthError
   */
  async start(options?: WaitOptions): Promise<void> {
    if (this.#state === 'closed') throw new KazooException('already closed');
    await bounded(this.#client, options, this.#path, 'persistent node', () => {
      if (this.#state === 'latent') listenToState(this.#client, this.#onState);
      this.#state = 'started';
      this.#refresh();
      return this.#made.promise;
    });
  }

  /** Changes the data, now and for every later creation. Resolves when it is stored, or will be with the next creation. An abort or a timeout ends the wait, not the change. */
  async setData(data: ZnodeData, options?: WaitOptions): Promise<void> {
    const own = ownData('data', data);
    await bounded(this.#client, options, this.#path, 'persistent node', async () => {
      this.#data = own;
      this.#unwritten = true;
      this.#refresh();
      await this.#running;
    });
  }

  /** Ends the upkeep and removes the node, if it is ours. Harmless when repeated. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return this.#running;
    this.#state = 'closed';
    ignoreState(this.#client, this.#onState);
    this.#next?.cancel();
    this.#made.reject(new KazooException('the persistent node was closed'));
    const upkeep = this.#running;
    this.#running = this.#remove(upkeep);
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #onState = (state: KazooState): void => {
    if (state === 'LOST') {
      this.#ours = false;
      // Whoever waits for the first creation must learn that the client was stopped.
      if (!this.#wasThere) this.#refresh();
    } else if (state === 'CONNECTED' && !this.#ours) this.#refresh();
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
    // After close(), `#running` is the removal.
    if (this.#state === 'started') this.#running = undefined;
  }

  /** Looks first: a node there may already be ours, from a create whose answer was lost. */
  async #step(): Promise<void> {
    if (this.#state !== 'started') return;
    if (this.#unnumbered) await this.#makeNumbered();
    const stat = await this.#client.exists(this.#path, { watch: this.#onEvent });
    if (stat === null) return this.#make();
    if (await this.#isOurs(stat)) return this.#keep(stat);
    this.#ours = false;
    if (this.#sessions.has(stat.ephemeralOwner)) return this.#replace(stat);
    if (stat.czxid === this.#reported) return;
    this.#reported = stat.czxid;
    this.#onConflict(new NodeExistsError(undefined, { path: this.#path, operation: 'persistent node' }), stat);
  }

  async #isOurs({ czxid, ephemeralOwner }: ZnodeStat): Promise<boolean> {
    if (this.#ephemeral) return ephemeralOwner === presentSession(this.#client);
    if (ephemeralOwner !== 0n || czxid === this.#czxid) return ephemeralOwner === 0n;
    return this.#hasOurData(this.#path);
  }

  async #hasOurData(path: string): Promise<boolean> {
    const [data] = await this.#client.get(path);
    return [this.#data, this.#sent].some((ours) => ours !== undefined && Buffer.from(ours ?? '').equals(data ?? NOTHING));
  }

  /** The CREATED event leads to another step, which finds the node to be ours. */
  async #make(): Promise<void> {
    try {
      await this.#create(false);
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }

  async #makeNumbered(): Promise<void> {
    this.#path = (await this.#findNumbered()) ?? (await this.#create(true));
    this.#unnumbered = false;
  }

  async #create(sequence: boolean): Promise<string> {
    const session = this.#client.clientId?.sessionId;
    if (session !== undefined) this.#sessions.add(session);
    this.#unwritten = false;
    this.#sent = this.#data;
    if (!this.#doubtful) this.#since = this.#client.lastZxid;
    try {
      return await this.#client.create(this.#path, this.#data, { ephemeral: this.#ephemeral, sequence, makepath: true });
    } catch (error) {
      this.#doubtful ||= isTransient(error);
      throw error;
    }
  }

  /** The node that an unanswered create may have left. The sync is needed because the current server may lag behind. */
  async #findNumbered(): Promise<string | undefined> {
    if (!this.#doubtful) return undefined;
    const [parent, name] = [parentPath(this.#path), basename(this.#path)];
    await nullIfMissing(this.#client.sync(parent));
    for (const child of (await nullIfMissing(this.#client.getChildren(parent))) ?? []) {
      if (!child.startsWith(name) || NUMBER.read(child.slice(name.length)) === null) continue;
      const stat = await this.#client.exists(joinPath(parent, child));
      // Another node of this session may have the same name, except for the number.
      if (stat === null || stat.czxid <= this.#since || !(await this.#isOurs(stat))) continue;
      if (await this.#hasOurData(joinPath(parent, child))) return joinPath(parent, child);
    }
    return undefined;
  }

  async #keep({ czxid, ephemeralOwner }: ZnodeStat): Promise<void> {
    if (this.#ephemeral) this.#sessions.add(ephemeralOwner);
    else this.#czxid = czxid;
    this.#ours = this.#wasThere = true;
    this.#refusals = 0;
    this.#made.resolve();
    while (this.#unwritten) {
      const data = this.#data;
      await this.#client.set(this.#path, data);
      if (data === this.#data) this.#unwritten = false;
    }
  }

  async #replace(stat: ZnodeStat): Promise<void> {
    await nullIfMissing(this.#client.delete(this.#path, { version: stat.version }));
    this.#due = true;
  }

  #failed(error: unknown): void {
    const closed = error instanceof ConnectionClosedError;
    if (closed && isUnstarted(this.#client)) return void this.#client[LOST].then(() => this.#refresh());
    if (error instanceof NoNodeError) this.#due = true;
    else if (this.#wasThere) {
      if (!closed) this.#refused(error);
    } else {
      this.#made.reject(error);
      this.#made = new Deferred();
    }
  }

  #refused(error: unknown): void {
    this.#client.reportError(error);
    this.#next?.cancel();
    this.#next = this.#client.clock.timer(pauseAfterRefusal(this.#refusals++), () => this.#refresh(), { background: true });
  }

  async #remove(upkeep: Promise<void> | undefined): Promise<void> {
    await upkeep;
    await this.#client.unwatch(this.#path, this.#onEvent);
    this.#ours = false;
    // Neither created nor found: whatever exists there is not ours.
    if (!this.#wasThere && this.#sent === undefined) return;
    try {
      await persist(this.#client.clock, () => this.#removeOnce());
    } catch (error) {
      if (!(error instanceof NoNodeError) && !(error instanceof ConnectionClosedError)) throw error;
    }
  }

  /** Once, and not again later: whatever the session creates at the path after that is not ours. After an unanswered create, the current server may lag behind. */
  async #removeOnce(): Promise<void> {
    const path = this.#unnumbered ? await this.#findNumbered() : this.#path;
    if (path === undefined) return;
    if (this.#doubtful) await nullIfMissing(this.#client.sync(path));
    const stat = await this.#client.exists(path);
    if (stat !== null && (await this.#isOurs(stat))) await this.#client.delete(path);
  }
}

const NOTHING = Buffer.alloc(0);
const NUMBER = new SequencePattern(['^']);
