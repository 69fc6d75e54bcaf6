import { CancelledError, ConnectionClosedError, NodeExistsError, NoNodeError, SessionExpiredError } from '../base/errors.ts';
import { basename, joinPath } from '../base/paths.ts';
import type { OwnedBirth, RecipeClient } from '../client/recipe-client.ts';
import { isTransient, pauseAfter, sleep } from './attempt.ts';
import { afterLatecomers } from '../client/latecomers.ts';
import { nullIfMissing } from './missing.ts';
import { compareSequences, SequencePattern } from './sequence.ts';

export interface OwnedNodeOptions {
  readonly parent: string;
  /** The name; for a sequential node, the part before the number. It must be unique to this node. */
  readonly name: string;
  readonly data: string;
  readonly sequence: boolean;
  readonly ephemeral: boolean;
}

/**
 * A node that stands for this process: a contender for a lock, a lease, a member.
 * It is created once even if the reply is lost (Kazoo LK-3), is ours only while it belongs to the current session (CURATOR-498), and is removed reliably.
 */
export class OwnedNode {
  readonly #client: RecipeClient;
  readonly #options: OwnedNodeOptions;
  #name: string | null = null;
  #birth: OwnedBirth | null = null;
  #creating: Promise<unknown> | undefined;
  /** A create was sent whose outcome is unknown. */
  #unsure = false;
  /** There was such a create: a request still in a dead connection may be executed late, and create another node. */
  #doubtful = false;
  #abandoned = false;

  constructor(client: RecipeClient, options: OwnedNodeOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The node's name, once it is known. */
  get name(): string | null {
    return this.#name;
  }

  /** The node's path, once it is known. */
  get path(): string | null {
    return this.#name === null ? null : joinPath(this.#options.parent, this.#name);
  }

  /** What the server said about the node's creation; null until {@link make} or {@link verify} has learnt it. */
  get birth(): OwnedBirth | null {
    return this.#birth;
  }

  get ephemeral(): boolean {
    return this.#options.ephemeral;
  }

  /**
   * Creates the node, unless an earlier attempt turns out to have done so. On the first attempt the request is sent in the tick of the call.
   *
   * @returns whether the server created the node before any request made right after this call
   * @throws whatever the client throws; call again after a transient failure
   */
  async make(): Promise<boolean> {
    if (this.#name !== null) return true;
    const isRepeated = this.#unsure;
    if (isRepeated) await this.#recover();
    if (this.#name !== null) return false;
    this.#refuseAbandoned();
    this.#unsure = true;
    const creating = this.#create();
    this.#creating = creating;
    try {
      const { path, birth, atOnce } = await creating;
      this.#name = basename(path);
      this.#birth = birth;
      return atOnce && !isRepeated;
    } catch (error) {
      this.#unsure = isTransient(error);
      this.#doubtful ||= this.#unsure;
      throw error;
    }
  }

  /** Checks that the node is ours; asks the server if that is not known yet. False: it is gone, or belongs to a session that is over. */
  async verify(): Promise<boolean> {
    if (this.#name === null) return false;
    this.#birth ??= await this.#client.exists(joinPath(this.#options.parent, this.#name));
    return this.#birth !== null && this.#isOfPresentSession(this.#birth);
  }

  /**
   * Whether the node is ours at this instant: the client is connected in the session that owns it.
   * A reply describes the past, so check this again, synchronously, wherever ownership is declared.
   */
  get isOurs(): boolean {
    return this.#birth !== null && this.#client.state === 'CONNECTED' && this.#isOfPresentSession(this.#birth);
  }

  /** Whether the node is among its parent's children. If there are two (the first one's reply was lost), the first counts, and the other is removed. */
  isAmong(children: readonly string[]): boolean {
    const own = this.#ownAmong(children);
    const [first, ...others] = own;
    if (first === undefined) return false;
    if (first !== this.#name) this.#birth = null;
    this.#name = first;
    for (const other of others) this.#removeQuietly(other);
    return true;
  }

  /**
   * Removes the node, retrying until it is gone, by itself or with its session. Waits for a create in progress first.
   *
   * @throws permanent errors, such as NoAuthError
   */
  async remove(): Promise<void> {
    this.#abandoned = true;
    await this.#creating?.then(
      () => undefined,
      () => undefined,
    );
    await this.#untilGone(() => this.#removeOnce());
  }

  /** {@link remove} in the background; a failure is logged. */
  discard(): Promise<void> {
    return this.remove().catch((error: unknown) => {
      this.#client.logger.warn(`${this.#options.parent}: could not remove our own node: ${String(error)}`);
    });
  }

  #refuseAbandoned(): void {
    if (this.#abandoned) throw new CancelledError(`the node under ${this.#options.parent} is no longer wanted`);
  }

  async #create(): Promise<{ path: string; birth: OwnedBirth | null; atOnce: boolean }> {
    const { parent, name, data, sequence, ephemeral } = this.#options;
    const path = joinPath(parent, name);
    for (let atOnce = true; ; atOnce = false) {
      try {
        const birth = await this.#client.createOwned(path, data, { ephemeral, sequence });
        return { path: birth.path, birth, atOnce };
      } catch (error) {
        if (error instanceof NodeExistsError) return { path, birth: null, atOnce };
        if (!atOnce || !(error instanceof NoNodeError)) throw error;
      }
      await this.#client.ensurePath(parent);
      this.#refuseAbandoned();
    }
  }

  /** Looks for the node that an unanswered create may have left. The sync is needed because the current server may lag behind. */
  async #recover(): Promise<void> {
    this.isAmong(await this.#listAfresh());
  }

  async #listAfresh(): Promise<string[]> {
    const { parent } = this.#options;
    const [, children] = await Promise.all([
      nullIfMissing(this.#client.sync(parent)),
      nullIfMissing(this.#client.getChildren(parent)),
    ]);
    return children ?? [];
  }

  #ownAmong(children: readonly string[]): string[] {
    const { name, sequence } = this.#options;
    if (!sequence) return children.filter((child) => child === name);
    return children
      .filter((child) => child.startsWith(name))
      .map((child) => ANY_SEQUENCE.read(child))
      .filter((child) => child !== null)
      .sort((a, b) => compareSequences(a.sequence, b.sequence))
      .map((child) => child.name);
  }

  #isOfPresentSession({ ephemeralOwner }: OwnedBirth): boolean {
    return !this.#options.ephemeral || ephemeralOwner === this.#client.clientId?.sessionId;
  }

  async #removeOnce(): Promise<void> {
    if (this.#name !== null) await this.#delete(this.#name);
    if (!this.#doubtful) return;
    await this.#removeStrays();
    afterLatecomers(this.#client, this.#options.parent, () => this.#untilGone(() => this.#removeStrays()));
  }

  async #removeStrays(): Promise<void> {
    await Promise.all(this.#ownAmong(await this.#listAfresh()).map((name) => this.#delete(name)));
  }

  async #delete(name: string): Promise<void> {
    await nullIfMissing(this.#client.delete(joinPath(this.#options.parent, name)));
  }

  #removeQuietly(name: string): void {
    this.#untilGone(() => this.#delete(name)).catch((error: unknown) => {
      this.#client.logger.warn(`could not remove ${joinPath(this.#options.parent, name)}: ${String(error)}`);
    });
  }

  async #untilGone(removal: () => Promise<void>): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await removal();
      } catch (error) {
        if (error instanceof ConnectionClosedError) return;
        if (error instanceof SessionExpiredError && this.#options.ephemeral) return;
        if (!isTransient(error)) throw error;
      }
      await sleep(this.#client.clock, pauseAfter(failures)).promise;
    }
  }
}

const ANY_SEQUENCE = new SequencePattern(['']);
