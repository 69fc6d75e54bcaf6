import { LIMITS, requireLimits } from '../base/arguments.ts';
import { NodeExistsError, NoNodeError } from '../base/errors.ts';
import { describeValue, normalizePath, parentPath } from '../base/paths.ts';
import { Id, OPEN_ACL_UNSAFE, storedAcl, type ACL } from '../base/security.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import { CreateFlags, type OpName, type RequestOf, type ResponseOf, type WritePart } from '../codec/ops.ts';
import { ownAcl, withOwnData } from '../session/call.ts';
import { question, type Question } from '../session/question.ts';
import { checkAcls, checkData, checkFlags, checkGivenData, checkVersion, checkWatch } from './arguments.ts';
import type {
  ChildrenOptions,
  CreateOptions,
  DeleteOptions,
  ReadOptions,
  VersionOptions,
  WaitOptions,
  ZnodeData,
} from './call-options.ts';
import { CoreClient } from './core-client.ts';
import { RETRY_UNTIL, ROOTED, SESSION, SUBMIT, TRANSACTION_HOME } from './internals.ts';
import { withinLimits } from './limits.ts';
import { ProtectedCreate, type Made, type ProtectedHome } from './protected-create.ts';
import type { OwnedBirth, OwnedFlags } from './recipe-client.ts';
import { TransactionRequest, type TransactionCreateOptions, type TransactionHome } from './transaction.ts';
import { walkTree, type WalkOptions } from './walk.ts';
import { changeTree, deleteTree } from './whole-tree.ts';

const READ_OPTIONS = [...LIMITS, 'watch'] as const;
const CHILDREN_OPTIONS = [...READ_OPTIONS, 'includeData'] as const;
const VERSION_OPTIONS = [...LIMITS, 'version'] as const;
const DELETE_OPTIONS = [...VERSION_OPTIONS, 'recursive'] as const;
const ACL_OPTIONS = [...LIMITS, 'acl'] as const;
const CREATE_FLAGS = ['ephemeral', 'sequence', 'makepath', 'includeData', 'container', 'protected'] as const;
const CREATE_OPTIONS = [...LIMITS, ...CREATE_FLAGS, 'acl', 'ttl'] as const;
const MAX_TTL = 2 ** 40 - 1;

type CreateOp = 'create' | 'create2' | 'createContainer' | 'createTTL';

/**
 * ZooKeeper's operations on nodes (Kazoo's `KazooClient`, section 1.7 of its API).
 *
 * Methods that send one request return a promise but are not `async`: with ten thousand calls in flight, each would also keep a suspended function,
 * and their promises would not settle in the order of the replies.
 */
export class Client extends CoreClient {
  readonly #created: { readonly [K in CreateOp]: Question<K, string> } = {
    create: this.#makesPath('create'),
    create2: this.#makesPath('create2'),
    createContainer: this.#makesPath('createContainer'),
    createTTL: this.#makesPath('createTTL'),
  };

  /**
   * Creates a node and returns its path, which may have a sequence number appended.
   * With `includeData: true`, returns `[path, stat]` (ZooKeeper 3.5+).
   *
   * @throws NodeExistsError; NoNodeError when the parent is missing and `makepath` is not set; NoChildrenForEphemeralsError; InvalidACLError; NoAuthError
   */
  create(
    path: string,
    value: ZnodeData | undefined,
    options: CreateOptions & { includeData: true },
  ): Promise<[path: string, stat: ZnodeStat]>;
  create(path: string, value?: ZnodeData, options?: CreateOptions): Promise<string>;
  create(path: string, value?: ZnodeData, options?: CreateOptions): Promise<string | [string, ZnodeStat]> {
    return promised(() => {
      const given = requireLimits(options, CREATE_OPTIONS);
      if (options !== undefined) checkFlags(given, CREATE_FLAGS);
      const { op, request } = this.#createRequest(path, value, given);
      if (given.protected === true || given.makepath === true || given.includeData === true)
        return this.#createAndMore(path, op, request, given);
      return this[SESSION].ask(this.#created[op], request, path, undefined, options);
    });
  }

  /**
   * {@link create} for a node that stands for this process: the same reply tells its owner and its czxid.
   * The reply header carries the zxid of the create itself, and the sender's session owns what it creates; reading the node would tell nothing more.
   */
  async createOwned(path: string, value: ZnodeData, flags: OwnedFlags): Promise<OwnedBirth & { path: string }> {
    const { op, request } = this.#createRequest(path, value, flags);
    let birth: OwnedBirth | undefined;
    const onZxid = (czxid: bigint): void => {
      birth = { czxid, ephemeralOwner: flags.ephemeral ? (this.clientId?.sessionId ?? null) : 0n };
    };
    const made = await this[SUBMIT]('create', op, path, request, { onZxid });
    const { czxid, ephemeralOwner } = birth!;
    return { path: this.unchroot(made.path), czxid, ephemeralOwner };
  }

  /**
   * Creates a node and its missing parents, all persistent and empty. If the node exists, this costs one read.
   * @returns true if the node existed, else its path
   */
  async ensurePath(path: string, options?: { acl?: ACL[] | undefined } & WaitOptions): Promise<true | string> {
    const given = requireLimits(options, ACL_OPTIONS);
    const full = this[ROOTED](path);
    const acl = ownAcl(this.#aclOf(given.acl));
    const context = { operation: 'ensurePath', path };
    return (await withinLimits(this.clock, context, given, (wait) => this.#ensure(full, acl, wait))) ? this.unchroot(full) : true;
  }

  /** The node's stat, or null if it does not exist. The watch fires on its creation, change or deletion. */
  exists(path: string, options?: ReadOptions): Promise<ZnodeStat | null> {
    return this.#read(EXISTS, path, options, READ_OPTIONS);
  }

  /** The node's data and stat. The watch fires on its change or deletion. @throws NoNodeError; NoAuthError */
  get(path: string, options?: ReadOptions): Promise<[data: Buffer | null, stat: ZnodeStat]> {
    return this.#read(GET, path, options, READ_OPTIONS);
  }

  /** The names of the node's children, in no particular order; with `includeData: true`, `[names, stat]`. @throws NoNodeError; NoAuthError */
  getChildren(path: string, options: ChildrenOptions & { includeData: true }): Promise<[children: string[], stat: ZnodeStat]>;
  getChildren(path: string, options?: ChildrenOptions): Promise<string[]>;
  getChildren(path: string, options?: ChildrenOptions): Promise<string[] | [string[], ZnodeStat]> {
    return options?.includeData === true
      ? this.#read(GET_CHILDREN_AND_STAT, path, options, CHILDREN_OPTIONS)
      : this.#read(GET_CHILDREN, path, options, CHILDREN_OPTIONS);
  }

  /** The node's ACL and stat. @throws NoNodeError; NoAuthError */
  getAcls(path: string, options?: WaitOptions): Promise<[ACL[], ZnodeStat]> {
    return promised(() => {
      const given = requireLimits(options, LIMITS);
      return this[SESSION].ask(GET_ACLS, { path: this[ROOTED](path) }, path, undefined, given);
    });
  }

  /**
   * Replaces the node's ACL. `version` is the ACL version (`aversion`). With `recursive: true`, also replaces the ACL of everything now below it, and ignores `version`.
   * @throws NoNodeError; BadVersionError; InvalidACLError; NoAuthError
   */
  setAcls(path: string, acls: ACL[], options?: VersionOptions & { recursive?: boolean | undefined }): Promise<ZnodeStat> {
    return promised(() => {
      const given = requireLimits(options, DELETE_OPTIONS);
      checkFlags(given, ['recursive']);
      const request = { path: this[ROOTED](path), acl: checkAcls(acls), version: checkVersion(given.version) };
      if (given.recursive !== true) return this[SESSION].ask(SET_ACLS, request, path, undefined, given);
      const acl = ownAcl(request.acl);
      return withinLimits(this.clock, { operation: 'setAcls', path }, given, (wait) =>
        changeTree(
          () => this.walk(path, wait),
          path,
          (node) => this[SESSION].ask(SET_ACLS, { path: this[ROOTED](node), acl, version: -1 }, node, undefined, wait),
        ),
      );
    });
  }

  /** Replaces the node's data. @throws NoNodeError; BadVersionError; NoAuthError */
  set(path: string, value: ZnodeData, options?: VersionOptions): Promise<ZnodeStat> {
    return promised(() => {
      if (options !== undefined) requireLimits(options, VERSION_OPTIONS);
      const request = { path: this[ROOTED](path), data: checkGivenData(value), version: checkVersion(options?.version) };
      return this[SESSION].ask(SET, request, path, undefined, options);
    });
  }

  /**
   * Deletes the node. With `recursive: true`, also deletes everything below it, children first, and ignores `version`.
   * @throws NoNodeError (not when recursive); BadVersionError; NotEmptyError; NoAuthError
   */
  delete(path: string, options?: DeleteOptions): Promise<true> {
    return promised(() => {
      const given = requireLimits(options, DELETE_OPTIONS);
      checkFlags(given, ['recursive']);
      const version = checkVersion(given.version);
      const full = this[ROOTED](path);
      if (given.recursive !== true) return this[SESSION].ask(DELETE, { path: full, version }, path, undefined, given);
      return withinLimits(this.clock, { operation: 'delete', path }, given, (wait) =>
        deleteTree(
          () => this.walk(path, wait),
          (node) => this.delete(node, wait),
        ),
      );
    });
  }

  /** Waits until the server has caught up with the leader, so that later reads see all earlier writes. The node need not exist. */
  sync(path: string, options?: WaitOptions): Promise<string> {
    return promised(() => {
      const given = requireLimits(options, LIMITS);
      const asked = question('sync', 'sync', (reply) => this.unchroot(reply.path ?? path));
      return this[SESSION].ask(asked, { path: this[ROOTED](path) }, path, undefined, given);
    });
  }

  /** Creates an empty transaction to add operations to. */
  transaction(): TransactionRequest {
    return new TransactionRequest(this);
  }

  /** @internal */
  get [TRANSACTION_HOME](): TransactionHome {
    return {
      createPart: (path, value, options) => this.#createPart(path, value, options),
      rooted: (path) => this[ROOTED](path),
      unchroot: (path) => this.unchroot(path),
      multi: (parts, options) => this[SUBMIT]('transaction', 'multi', undefined, parts, options),
    };
  }

  /**
   * Every path at and below `path`, parents first, with bounded read-ahead. Nodes deleted meanwhile are left out; if `path` does not exist, there is nothing.
   * @throws NoAuthError at the first node that the client may not read
   */
  walk(path: string, options?: WalkOptions): AsyncIterable<string> {
    return walkTree(
      (node, wait) => this[SESSION].submit('getChildren', { path: this[ROOTED](node), watch: false }, undefined, wait),
      normalizePath(path),
      options,
    );
  }

  #makesPath<K extends CreateOp>(op: K): Question<K, string> {
    return question(op, 'create', (made: { path: string }) => this.unchroot(made.path));
  }

  #createPart(path: string, value: ZnodeData | undefined, options: TransactionCreateOptions): WritePart {
    checkFlags(options, ['ephemeral', 'sequence', 'container']);
    return this.#createRequest(path, value, options);
  }

  #createRequest(
    path: string,
    value: ZnodeData | undefined,
    options: CreateOptions,
  ): { op: CreateOp; request: RequestOf<'createTTL'> } {
    const { ephemeral = false, sequence = false, container = false, ttl } = options;
    const full = this[ROOTED](path, sequence);
    if (ttl !== undefined && (typeof ttl !== 'number' || !Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL)) {
      throw new RangeError(`ttl must be a whole number of milliseconds from 1 to ${MAX_TTL}, not ${describeValue(ttl)}`);
    }
    if (ephemeral && (container || ttl !== undefined))
      throw new TypeError('an ephemeral node can neither be a container nor have a ttl');
    if (container && (sequence || ttl !== undefined)) throw new TypeError('a container can neither be sequential nor have a ttl');
    const data = checkData(value);
    const acl = this.#aclOf(options.acl);
    if (container) return { op: 'createContainer', request: { path: full, data, acl, flags: CreateFlags.CONTAINER, ttl: 0 } };
    if (ttl !== undefined) {
      const flags = sequence ? CreateFlags.PERSISTENT_SEQUENTIAL_WITH_TTL : CreateFlags.PERSISTENT_WITH_TTL;
      return { op: 'createTTL', request: { path: full, data, acl, flags, ttl } };
    }
    const flags = (ephemeral ? CreateFlags.EPHEMERAL : 0) | (sequence ? CreateFlags.PERSISTENT_SEQUENTIAL : 0);
    return { op: options.includeData === true ? 'create2' : 'create', request: { path: full, data, acl, flags, ttl: 0 } };
  }

  /** As in Kazoo, an empty list counts as not given (CM-8). */
  #aclOf(given: ACL[] | undefined): readonly ACL[] {
    if (given !== undefined && checkAcls(given).length > 0) return given;
    const byDefault = this.defaultAcl ?? null;
    return byDefault !== null && checkAcls(byDefault).length > 0 ? byDefault : OPEN_ACL_UNSAFE;
  }

  #read<K extends 'exists' | 'getData' | 'getChildren' | 'getChildren2', R>(
    asked: Question<K, R>,
    path: string,
    options: ChildrenOptions | undefined,
    known: readonly (keyof ChildrenOptions)[],
  ): Promise<R> {
    return promised(() => {
      const full = this[ROOTED](path);
      if (options !== undefined) checkFlags(requireLimits(options, known), ['includeData']);
      const watch = checkWatch(options?.watch);
      const request = { path: full, watch: watch !== undefined } as RequestOf<K>;
      return this[SESSION].ask(asked, request, path, watch, options);
    });
  }

  async #createAndMore(
    path: string,
    op: CreateOp,
    request: RequestOf<'createTTL'>,
    given: CreateOptions,
  ): Promise<string | [string, ZnodeStat]> {
    const { includeData, signal, timeout } = given;
    const made =
      given.protected === true || given.makepath === true
        ? await this.#createCompound(path, op, request, given)
        : ((await this[SUBMIT]('create', op, path, request, given)) as { path: string; stat?: ZnodeStat });
    const result = this.unchroot(made.path);
    if (includeData !== true) return result;
    return [result, made.stat ?? (await this.#statOf(result, { signal, timeout }))];
  }

  /** Copies what was given: it may be sent more than once, and the caller may change it meanwhile. */
  #createCompound(path: string, op: CreateOp, asked: RequestOf<'createTTL'>, options: CreateOptions): Promise<Made> {
    const { makepath, ephemeral, protected: isProtected } = options;
    const request = withOwnData(asked);
    const given = { makepath, ephemeral };
    return withinLimits(this.clock, { operation: 'create', path }, options, (wait) =>
      isProtected
        ? this.#createProtected(path, op, request, given, wait)
        : this.#createMakingPath(path, op, request, given, wait),
    );
  }

  async #createMakingPath(
    path: string,
    op: CreateOp,
    request: RequestOf<'createTTL'>,
    { makepath }: CreateOptions,
    wait: WaitOptions,
  ): Promise<Made> {
    for (;;) {
      const outcome = await this[SUBMIT]('create', op, path, request, wait).catch((error: unknown) => {
        if (makepath === true && error instanceof NoNodeError) return null;
        throw error;
      });
      if (outcome !== null) return outcome;
      await this.#ensure(parentPath(request.path), request.acl, wait);
    }
  }

  #createProtected(
    path: string,
    op: CreateOp,
    request: RequestOf<'createTTL'>,
    given: CreateOptions,
    wait: WaitOptions,
  ): Promise<Made> {
    const ask = <K extends OpName>(op: K, request: RequestOf<K>, wait: WaitOptions): Promise<ResponseOf<K>> =>
      this[SUBMIT]('create', op, path, request, wait);
    const home: ProtectedHome = {
      client: this,
      retry: (signal, fn) => this[RETRY_UNTIL](signal, fn),
      create: (named, wait) => this.#createMakingPath(path, op, { ...request, path: named }, given, wait),
      children: async (parent, wait) => {
        await ask('sync', { path: parent }, wait);
        return (await ask('getChildren', { path: parent, watch: false }, wait)).children;
      },
      remove: (node, wait) => ask('delete', { path: node, version: -1 }, wait),
    };
    return new ProtectedCreate(home, request.path).make(given.ephemeral === true, wait);
  }

  async #statOf(path: string, options: WaitOptions): Promise<ZnodeStat> {
    const stat = await this.exists(path, options);
    if (stat === null) throw new NoNodeError(undefined, { operation: 'create', path });
    return stat;
  }

  /** @returns whether the node had to be created */
  async #ensure(full: string, acl: RequestOf<'create'>['acl'], options: WaitOptions): Promise<boolean> {
    const missing: string[] = [];
    let path = full;
    do {
      const there = await this[SUBMIT]('ensurePath', 'exists', this.unchroot(path), { path, watch: false }, options);
      if (there !== null) break;
      missing.push(path);
      path = parentPath(path);
    } while (path !== '/');
    let made = false;
    while (missing.length > 0) made = await this.#ensureOne(missing.pop()!, acl, options);
    return made;
  }

  async #ensureOne(path: string, acl: RequestOf<'create'>['acl'], options: WaitOptions): Promise<boolean> {
    try {
      await this[SUBMIT]('ensurePath', 'create', this.unchroot(path), { path, data: Buffer.alloc(0), acl, flags: 0 }, options);
      return true;
    } catch (error) {
      if (error instanceof NodeExistsError) return false;
      // Its parent was deleted meanwhile (a container, a clean-up): start again.
      if (error instanceof NoNodeError) return this.#ensure(path, acl, options);
      throw error;
    }
  }
}

/** Turns errors in the arguments into rejections, like every other failure. */
function promised<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Not an array literal: with many calls in flight, the engine would allocate those in its old generation, where they keep young objects alive. */
function pair<A, B>(...both: [A, B]): [A, B] {
  return both;
}

const EXISTS = question('exists', 'exists', (reply) => reply?.stat ?? null);
const GET = question('getData', 'get', ({ data, stat }): [Buffer | null, ZnodeStat] => pair(data, stat));
const GET_CHILDREN = question('getChildren', 'getChildren', ({ children }) => children as string[]);
const GET_CHILDREN_AND_STAT = question('getChildren2', 'getChildren', ({ children, stat }): [string[], ZnodeStat] =>
  pair(children as string[], stat),
);
const SET = question('setData', 'set', ({ stat }) => stat);
const DELETE = question('delete', 'delete', (): true => true);
const GET_ACLS = question('getACL', 'getAcls', ({ acl, stat }): [ACL[], ZnodeStat] => [
  (acl ?? []).map(({ perms, id }) => storedAcl(perms, new Id(id.scheme ?? '', id.id ?? ''))),
  stat,
]);
const SET_ACLS = question('setACL', 'setAcls', ({ stat }) => stat);
