import { requireOptions } from '../base/arguments.ts';
import { NodeExistsError } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import { Turnstile } from '../base/turnstile.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalString, requireClient } from './arguments.ts';
import { type Attempt, isTransient } from './attempt.ts';
import { bounded } from './bounded.ts';
import { uniqueName } from './identifier.ts';
import { afterLatecomers } from '../client/latecomers.ts';
import { nullIfMissing, readTexts } from './missing.ts';
import { presentSession } from './present-session.ts';
import { removeNode } from './removal.ts';

export interface PartyOptions {
  /** The name that others see. Default: empty. */
  identifier?: string | undefined;
}

// Symbols instead of names: the type declarations do not show them, and a user's derived class might use such names.
const COUNTS: unique symbol = Symbol('counts');
const NAMES: unique symbol = Symbol('names');
const READING: unique symbol = Symbol('reading');

/** The common part of parties. */
abstract class BaseParty {
  readonly path: string;
  readonly client: RecipeClient;
  readonly #identifier: string;
  readonly #node: string;
  readonly #turnstile = new Turnstile();
  #participating = false;
  /** There was an unanswered create since the last removal. */
  #doubtful = false;

  protected constructor(
    client: RecipeClient,
    path: string,
    options: PartyOptions | undefined,
    suffix: (identifier: string) => string,
  ) {
    this.client = requireClient(client);
    this.path = normalizePath(path);
    this.#identifier = optionalString('identifier', requireOptions(options, ['identifier']).identifier, '');
    this.#node = requireOneNode(joinPath(this.path, uniqueName() + suffix(this.#identifier)), this.path);
  }

  /** The identifiers of the members, in no particular order. */
  abstract members(options?: WaitOptions): Promise<string[]>;
  /** Whether a node of this name counts as a member. @internal */
  protected abstract [COUNTS](name: string): boolean;

  /** Whether this member has joined and not left. The loss of the session ends the membership, but does not reset this: join again then (Kazoo PT-6). */
  get participating(): boolean {
    return this.#participating;
  }

  /**
   * Joins, for as long as the session lasts. Harmless if already joined; a node left by an earlier session is replaced.
   * A call that is aborted or times out has not joined: its node is removed.
   */
  async join(options?: WaitOptions): Promise<void> {
    await bounded(this.client, options, this.path, 'join', (attempt) =>
      this.#turnstile.pass(async () => {
        attempt.check();
        try {
          await attempt.retry(this.client, () => this.#join(attempt));
          this.#participating = true;
        } catch (error) {
          if (attempt.ended && !this.#participating) await this.#remove();
          throw error;
        }
      }),
    );
  }

  /**
   * Leaves. An abort or a timeout ends the wait, not the leave.
   *
   * @returns false if this member was not, or no longer, in the party
   */
  async leave(options?: WaitOptions): Promise<boolean> {
    return bounded(this.client, options, this.path, 'leave', () => {
      this.#participating = false;
      return this.#turnstile.pass(() => {
        this.#participating = false;
        return this.#remove();
      });
    });
  }

  /** The number of members. */
  size(options?: WaitOptions): Promise<number> {
    return this[READING](options, async (limits) => (await this[NAMES](limits)).length);
  }

  /** Iterates over the identifiers of {@link members}. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    yield* await this.members();
  }

  /** @internal */
  protected async [NAMES](limits: WaitOptions): Promise<string[]> {
    const children = await nullIfMissing(this.client.getChildren(this.path, limits));
    if (children === null) await this.client.ensurePath(this.path, limits);
    return (children ?? []).filter((name) => this[COUNTS](name));
  }

  /** @internal */
  protected [READING]<T>(options: WaitOptions | undefined, read: (limits: WaitOptions) => Promise<T>): Promise<T> {
    return bounded(this.client, options, this.path, 'members', ({ limits }) => read(limits));
  }

  /** Also removes the node of a late create, unless this member has joined again. */
  async #remove(): Promise<boolean> {
    if (this.#doubtful)
      afterLatecomers(this.client, this.path, () =>
        this.#turnstile.pass(async () => this.#participating || removeNode(this.client, this.#node)),
      );
    this.#doubtful = false;
    return removeNode(this.client, this.#node);
  }

  async #join(attempt: Attempt): Promise<void> {
    const { limits } = attempt;
    try {
      await this.client.create(this.#node, this.#identifier, { ephemeral: true, makepath: true, ...limits });
    } catch (error) {
      this.#doubtful ||= attempt.ended || isTransient(error);
      if (!(error instanceof NodeExistsError)) throw error;
      const stat = await this.client.exists(this.#node, limits);
      if (stat?.ephemeralOwner === presentSession(this.client)) return;
      await removeNode(this.client, this.#node, attempt);
      await this.#join(attempt);
    }
  }
}

/**
 * A group whose members are known: each is an ephemeral node with its identifier as data (Kazoo PT-1).
 *
 * @example
 * const party = client.party('/services/web', { identifier: 'web-1' });
 * await party.join();
 * console.log(await party.members());
 */
export class Party extends BaseParty {
  constructor(client: RecipeClient, path: string, options?: PartyOptions) {
    super(client, path, options, () => MARK);
  }

  members(options?: WaitOptions): Promise<string[]> {
    return this[READING](options, async (limits) => readTexts(this.client, this.path, await this[NAMES](limits), limits));
  }

  /** @internal */
  protected [COUNTS](name: string): boolean {
    return name.includes(MARK);
  }
}

/**
 * A party with the identifiers in the node names: one request lists all members (Kazoo PT-2). An identifier must be valid in a node name.
 *
 * @example
 * const party = client.shallowParty('/services/web', { identifier: 'web-1' });
 */
export class ShallowParty extends BaseParty {
  constructor(client: RecipeClient, path: string, options?: PartyOptions) {
    super(client, path, options, (identifier) => `-${identifier}`);
  }

  members(options?: WaitOptions): Promise<string[]> {
    return this[READING](options, async (limits) => (await this[NAMES](limits)).map((name) => name.slice(name.indexOf('-') + 1)));
  }

  /** @internal */
  protected [COUNTS](): boolean {
    return true;
  }
}

const MARK = '__party__';

/** @throws RangeError if the identifier leads to more than one path component, or to a name that ZooKeeper refuses */
function requireOneNode(path: string, parent: string): string {
  const normal = normalizePath(path);
  const name = normal.slice(joinPath(parent, '').length);
  if (normal !== path || name.includes('/'))
    throw new RangeError(`identifier must be valid in a node name, not ${JSON.stringify(name)}`);
  return normal;
}
