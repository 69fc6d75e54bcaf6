import { LIMITS, requireLimits, requireOptions } from '../base/arguments.ts';
import {
  errorForCode,
  MarshallingError,
  TransactionError,
  type TransactionOperation,
  UnimplementedError,
  type ZookeeperError,
} from '../base/errors.ts';
import { describeValue } from '../base/paths.ts';
import type { ACL } from '../base/security.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import { FAILED, type PartResult } from '../codec/multi.ts';
import type { WritePart } from '../codec/ops.ts';
import { checkGivenData, checkVersion } from './arguments.ts';
import type { WaitOptions, ZnodeData } from './call-options.ts';
import { TRANSACTION_HOME } from './internals.ts';
import { withOwnData } from '../session/call.ts';
import { unimplemented } from '../session/unimplemented.ts';

/** Options of a transaction's `create`. */
export interface TransactionCreateOptions {
  acl?: ACL[] | undefined;
  ephemeral?: boolean | undefined;
  sequence?: boolean | undefined;
  container?: boolean | undefined;
  ttl?: number | undefined;
}

/** A path from `create`, true from `delete` and `check`, a stat from `setData`. */
export type TransactionResult = string | true | ZnodeStat;

/** The parts of its client that a transaction uses. */
export interface TransactionHome {
  createPart(path: string, value: ZnodeData | undefined, options: TransactionCreateOptions): WritePart;
  rooted(path: string): string;
  unchroot(path: string): string;
  multi(parts: readonly WritePart[], options: WaitOptions & { onSent: () => void }): Promise<readonly PartResult[]>;
}

/** The client of a transaction: a KazooClient. */
export interface TransactionClient {
  transaction(): TransactionRequest;
  /** @internal */
  readonly [TRANSACTION_HOME]?: TransactionHome;
}

const CREATE_OPTIONS = ['acl', 'ephemeral', 'sequence', 'container', 'ttl'] as const;
const VERSION_OPTIONS = ['version'] as const;
const TYPE_OF = {
  create: 'create',
  create2: 'create',
  createContainer: 'create',
  createTTL: 'create',
  delete: 'delete',
  setData: 'setData',
  check: 'check',
} as const satisfies Record<WritePart['op'], TransactionOperation['type']>;

/**
 * Operations that all take effect together, or not at all (Kazoo TX-1 to TX-6).
 *
 * @example
 * await client.transaction().check('/config', 3).setData('/config', 'new').create('/log/entry-', 'changed', { sequence: true }).commitOrThrow();
 */
export class TransactionRequest {
  readonly #home: TransactionHome;
  readonly #parts: WritePart[] = [];
  readonly #operations: TransactionOperation[] = [];
  #committed = false;

  /** Like `client.transaction()`; for a class derived from this one. */
  constructor(client: TransactionClient) {
    const home = (client as Partial<TransactionClient> | undefined)?.[TRANSACTION_HOME];
    if (home === undefined) throw new TypeError(`a transaction needs a KazooClient, not ${describeValue(client)}`);
    this.#home = home;
  }

  /** The operations added so far, in order. */
  get operations(): readonly TransactionOperation[] {
    return [...this.#operations];
  }

  /** Whether it has been sent or is waiting to be sent. */
  get committed(): boolean {
    return this.#committed;
  }

  create(path: string, value?: ZnodeData, options?: TransactionCreateOptions): this {
    return this.#add(path, this.#home.createPart(path, value, requireOptions(options, CREATE_OPTIONS)));
  }

  delete(path: string, options?: { version?: number | undefined }): this {
    const version = checkVersion(requireOptions(options, VERSION_OPTIONS).version);
    return this.#add(path, { op: 'delete', request: { path: this.#home.rooted(path), version } });
  }

  setData(path: string, value: ZnodeData, options?: { version?: number | undefined }): this {
    const version = checkVersion(requireOptions(options, VERSION_OPTIONS).version);
    const data = checkGivenData(value);
    return this.#add(path, { op: 'setData', request: { path: this.#home.rooted(path), data, version } });
  }

  /** Fails the transaction unless the node has this version; -1 only requires that it exists. */
  check(path: string, version: number): this {
    if (version === undefined) throw new TypeError(`version must be a whole number, not ${describeValue(version)}`);
    return this.#add(path, { op: 'check', request: { path: this.#home.rooted(path), version: checkVersion(version) } });
  }

  /**
   * Sends it. As in Kazoo, failures are in the list: RolledBackError before the operation that failed, its own error, RuntimeInconsistency after it (TX-2).
   * @throws TypeError on a second call, unless the first sent nothing; ConnectionLoss and the like if the outcome is unknown
   */
  async commit(options?: WaitOptions): Promise<(TransactionResult | ZookeeperError)[]> {
    if (this.#committed) throw new TypeError('the transaction has already been committed');
    requireLimits(options, LIMITS);
    this.#committed = true;
    let sent = false;
    const results = await this.#home.multi(this.#parts, { ...options, onSent: () => (sent = true) }).catch((error: unknown) => {
      this.#committed = sent;
      throw this.#explained(error);
    });
    const failed = results.some(({ type }) => type === FAILED);
    return results.map((result, index) => (failed ? this.#errorOf(result, index) : this.#valueOf(result)));
  }

  /** Sends it. @throws TransactionError naming the operation that failed; then nothing took effect */
  async commitOrThrow(options?: WaitOptions): Promise<TransactionResult[]> {
    const results = await this.commit(options);
    const index = results.findIndex((result) => result instanceof Error && result.code !== 0);
    const culprit = results[index];
    if (culprit instanceof Error) throw new TransactionError(index, this.#operations[index]!, results, culprit);
    return results as TransactionResult[];
  }

  #add(path: string, part: WritePart): this {
    if (this.#committed) throw new TypeError('the transaction has already been committed');
    this.#parts.push(withOwnData(part));
    this.#operations.push({ type: TYPE_OF[part.op], path });
    return this;
  }

  /** A server that does not know one of the operations cannot decode the whole request. */
  #explained(error: unknown): unknown {
    const index = this.#parts.findIndex(({ op }) => op === 'createTTL' || op === 'createContainer');
    return index >= 0 && error instanceof MarshallingError
      ? this.#errorOf({ err: UnimplementedError.code }, index, error)
      : error;
  }

  #errorOf({ err }: Pick<PartResult, 'err'>, index: number, cause?: Error): ZookeeperError {
    const { type, path } = this.#operations[index]!;
    const context = { operation: `transaction ${type}`, path, cause };
    return err === UnimplementedError.code ? unimplemented(this.#parts[index]!.op, context) : errorForCode(err, context);
  }

  #valueOf({ body }: PartResult): TransactionResult {
    const { path, stat } = (body ?? {}) as { path?: string; stat?: ZnodeStat };
    if (path !== undefined) return this.#home.unchroot(path);
    return stat ?? true;
  }
}
