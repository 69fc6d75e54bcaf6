import { requireOptions } from '../base/arguments.ts';
import { OperationTimeoutError } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import type { WatchListener } from '../base/states.ts';
import type { ZnodeStat } from '../base/znode-stat.ts';
import type { WaitOptions } from '../client/call-options.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { optionalString, requireClient, requireCount, requireWaiting } from './arguments.ts';
import { Attempt, pauseAfter, sleep } from './attempt.ts';
import { nullIfMissing } from './missing.ts';
import { observe } from './observe.ts';
import { processIdentifier, uniqueName } from './identifier.ts';
import { OwnedNode } from './owned-node.ts';

/**
 * Lets a number of clients begin together and end together, with the nodes that Python Kazoo uses (DB-1).
 *
 * @example
 * const barrier = client.doubleBarrier('/jobs/42', 3);
 * await barrier.enter();
 * await compute();
 * await barrier.leave();
 */
export class DoubleBarrier {
  readonly path: string;
  readonly numClients: number;
  readonly #client: RecipeClient;
  readonly #identifier: string;
  readonly #ready: string;
  #node: OwnedNode | null = null;
  #participating = false;
  /** Pending calls of {@link enter}, which share the node. */
  #entering = 0;
  /** The last leave: nobody enters before it is over, because it removes the node. */
  #leaving: Promise<unknown> = Promise.resolve();

  /** @throws TypeError or RangeError for a bad argument */
  constructor(client: RecipeClient, path: string, numClients: number, options?: { identifier?: string | undefined }) {
    this.#client = requireClient(client);
    this.path = normalizePath(path);
    this.numClients = requireCount('numClients', numClients);
    this.#identifier = optionalString('identifier', requireOptions(options, ['identifier']).identifier, processIdentifier());
    this.#ready = joinPath(this.path, READY);
  }

  /** Whether this client has entered and not left. */
  get participating(): boolean {
    return this.#participating;
  }

  /**
   * Waits until `numClients` have arrived. A `ready` node left from earlier does not open the barrier by itself (Kazoo D-11).
   * A client that is disconnected while the barrier opens enters when it is back, as long as `ready` exists.
   *
   * @throws OperationTimeoutError; `signal.reason`; ConnectionClosedError when the client stops. None of them leaves a node behind.
   */
  async enter(options?: WaitOptions): Promise<void> {
    const waiting = requireWaiting(options);
    if (this.#participating) return;
    const unused = (): OwnedNode | null => {
      if (this.#entering > 0 || this.#participating) return null;
      const node = this.#node;
      this.#node = null;
      return node;
    };
    await this.#attempt('enter', waiting, unused, async (attempt) => {
      await attempt.guard(this.#leaving);
      const entry: Entry = { since: null, opened: false };
      this.#entering += 1;
      try {
        while (!(await attempt.persist(() => this.#tryEnter(attempt, entry))));
        this.#participating = true;
      } finally {
        this.#entering -= 1;
      }
    });
  }

  /**
   * Waits until all clients that were inside have left, too. Resolves at once if this client has not entered.
   * The last one removes `ready`: Kazoo removes it first, which would strand a client that has not seen it yet.
   *
   * @throws OperationTimeoutError; `signal.reason`; ConnectionClosedError when the client stops. This client has left in any case.
   */
  async leave(options?: WaitOptions): Promise<void> {
    const waiting = requireWaiting(options);
    if (!this.#participating) return;
    this.#participating = false;
    const node = this.#node!;
    this.#node = null;
    const exit: Exit = { node, inside: undefined, isIn: true };
    const leaving = this.#attempt(
      'leave',
      waiting,
      () => node,
      async (attempt) => {
        try {
          while (!(await attempt.persist(() => this.#tryLeave(attempt, exit))));
        } catch (error) {
          if (exit.isIn) this.#deleteReady().catch(() => undefined);
          throw error;
        }
      },
    );
    this.#leaving = leaving.catch(() => undefined);
    return leaving;
  }

  async #attempt(
    verb: string,
    { timeout, signal }: WaitOptions,
    unused: () => OwnedNode | null,
    work: (attempt: Attempt) => Promise<void>,
  ): Promise<void> {
    const timedOut = (): Error =>
      new OperationTimeoutError(`${verb} ${this.path}: not all clients did so within ${timeout} ms`, { path: this.path });
    const attempt = new Attempt(this.#client.clock, { timeout, signal }, timedOut);
    try {
      await work(attempt);
    } catch (error) {
      const node = unused();
      if (node !== null) await attempt.settle(this.#client, node.discard());
      throw attempt.shown(error);
    } finally {
      attempt.close();
    }
  }

  /** True once the barrier is open; false after something may have changed. */
  async #tryEnter(attempt: Attempt, entry: Entry): Promise<boolean> {
    const node = await attempt.guard(this.#beMember(entry));
    if (node === null) return false;
    const own = joinPath(this.path, node.name!);
    const { ready, members } = await observe(
      this.#client,
      attempt,
      [this.#ready, own],
      (watch) => this.#look(own, watch),
      (seen) => seen.members.length >= this.numClients || isNewer(seen.ready, entry.since) || !node.isAmong(seen.members),
      ({ type, path }) => {
        entry.opened ||= path === this.#ready && (type === 'CREATED' || type === 'CHANGED');
      },
    );
    if (entry.opened || isNewer(ready, entry.since)) return true;
    if (!node.isAmong(members)) await attempt.guard(this.#replace(node));
    else if (members.length >= this.numClients) {
      await attempt.guard(this.#open(ready));
      return true;
    }
    return false;
  }

  /** Others may delete our own node: the watch reports that, too. */
  async #look(own: string, watch: WatchListener): Promise<{ ready: ZnodeStat | null; members: string[] }> {
    const [ready, members] = await Promise.all([
      this.#client.exists(this.#ready, { watch }),
      this.#members(),
      this.#client.exists(own, { watch }),
    ]);
    return { ready, members };
  }

  /** Our node, created again if the session that owned it is lost; null: check again. */
  async #beMember(entry: Entry): Promise<OwnedNode | null> {
    this.#node ??= new OwnedNode(this.#client, {
      parent: this.path,
      name: uniqueName(),
      data: this.#identifier,
      sequence: false,
      ephemeral: true,
    });
    const node = this.#node;
    await node.make();
    if (await node.verify()) {
      entry.since ??= node.birth!.czxid;
      return node;
    }
    await this.#replace(node);
    return null;
  }

  /** While suspended, its owner cannot be determined: check again after that. */
  async #replace(node: OwnedNode): Promise<void> {
    if (this.#client.state !== 'SUSPENDED') {
      void node.discard();
      if (this.#node === node) this.#node = null;
    }
    await sleep(this.#client.clock, pauseAfter(0)).promise;
  }

  /** Notifies those who wait. A `ready` left from earlier is written again, which notifies them just as well. */
  async #open(ready: ZnodeStat | null): Promise<void> {
    if (ready !== null && (await nullIfMissing(this.#client.set(this.#ready, ''))) !== null) return;
    await this.#client.ensurePath(this.#ready);
  }

  /** True once all that were inside are gone; false after something may have changed. The lowest waits for the highest, the others for the lowest (Kazoo DB-5). */
  async #tryLeave(attempt: Attempt, exit: Exit): Promise<boolean> {
    const own = exit.node.name;
    const members = await attempt.guard(this.#members());
    const inside = (exit.inside ??= new Set(members));
    const left = members.filter((name) => inside.has(name)).sort();
    const isLast = left.every((name) => name === own);
    // While our node exists nobody can leave and enter again; later it could be the `ready` of the next round.
    if (isLast && exit.isIn) await attempt.guard(this.#deleteReady());
    if (left[0] !== own || isLast) {
      exit.isIn = false;
      await attempt.guard(exit.node.remove());
    }
    if (isLast) return true;
    const awaited = joinPath(this.path, left[0] === own ? left.at(-1)! : left[0]!);
    const read = (watch: WatchListener): Promise<unknown> => this.#client.get(awaited, { watch });
    await nullIfMissing(observe(this.#client, attempt, awaited, read, () => false));
    return false;
  }

  async #deleteReady(): Promise<void> {
    await nullIfMissing(this.#client.delete(this.#ready));
  }

  /** `ready` is not a member (Kazoo D-11). */
  async #members(): Promise<string[]> {
    const children = await nullIfMissing(this.#client.getChildren(this.path));
    return (children ?? []).filter((name) => name !== READY);
  }
}

/** What an entering client knows: since which zxid it waits, and whether `ready` was created or written meanwhile. */
interface Entry {
  since: bigint | null;
  opened: boolean;
}

/** What a leaving client knows: who was inside with it, and whether its node still exists. */
interface Exit {
  readonly node: OwnedNode;
  inside: ReadonlySet<string> | undefined;
  isIn: boolean;
}

const READY = 'ready';

/** Whether `ready` was created or written while we waited: then the barrier was open, even if some have left since. */
function isNewer(ready: ZnodeStat | null, since: bigint | null): boolean {
  return ready !== null && since !== null && ready.mzxid > since;
}
