import { requireOptions } from '../base/arguments.ts';
import { ConnectionClosedError, KazooException, OperationTimeoutError } from '../base/errors.ts';
import { joinPath, normalizePath } from '../base/paths.ts';
import { ON_LISTENER_ERROR, SafeEmitter } from '../base/safe-emitter.ts';
import type { KazooState } from '../base/states.ts';
import type { WaitOptions } from '../client/call-options.ts';
import { LOST } from '../client/internals.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import { onAbort } from '../session/abort-listeners.ts';
import { optionalErrorPolicy, optionalString, requireClient, requireOneOf, requireWaiting } from './arguments.ts';
import { Attempt, pauseAfter, pauseAfterRefusal } from './attempt.ts';
import { bounded } from './bounded.ts';
import type { ErrorPolicy } from './hold.ts';
import { nullIfMissing, readText, readTexts } from './missing.ts';
import { observe } from './observe.ts';
import { isUnstarted } from './outage.ts';
import { OwnedNode } from './owned-node.ts';
import { SequencePattern } from './sequence.ts';
import { ignoreState, listenToState } from './state-listeners.ts';
import { waitTimedOut } from './wait-timed-out.ts';

/** Whether closing a leading latch emits `notLeader`. */
export type CloseMode = 'notify' | 'silent';

/** Options of a {@link LeaderLatch}. */
export interface LeaderLatchOptions {
  /** Stored in the participant's node; {@link LeaderLatch.participants} shows it to others. Default: empty. */
  identifier?: string | undefined;
  /** Whether leadership ends on SUSPENDED (`standard`, the default) or only on LOST (`session`). */
  errorPolicy?: ErrorPolicy | undefined;
  /** Default `notify`; Curator's is `silent`. */
  closeMode?: CloseMode | undefined;
}

export interface LeaderLatchEvents {
  /** Leadership was gained. The signal aborts when it ends. */
  leader: [signal: AbortSignal];
  /** Leadership has ended. */
  notLeader: [];
}

/**
 * Competes for leadership in the background while it is open: emits `leader` when it wins and `notLeader` when it loses, and then queues again,
 * across reconnects, lost sessions and restarts of the client.
 *
 * Its nodes are those of Curator's LeaderLatch (`_c_<uuid>-latch-<sequence>`, ephemeral), so that Node and JVM processes elect one leader.
 * After a mere reconnect it leads again if its node is still the first. Do the leader's work under the signal, which aborts when leadership ends.
 *
 * @example
 * const latch = new LeaderLatch(client, '/leader', { identifier: 'node-1' });
 * latch.on('leader', (signal) => lead(signal));
 * latch.start();
 */
export class LeaderLatch extends SafeEmitter<LeaderLatchEvents> {
  /** The parent of all participants' nodes. */
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #identifier: string;
  readonly #endsOnSuspension: boolean;
  readonly #closing = new AbortController();
  #closeMode: CloseMode;
  #node: OwnedNode | null = null;
  #term = new AbortController();
  #running: Promise<void> | undefined;
  /** Ends the current leadership if the client's state puts it in doubt. */
  #notice: (state: KazooState) => void = () => undefined;

  /** @throws TypeError or RangeError for invalid arguments; ConfigurationError for an unknown `errorPolicy` */
  constructor(client: RecipeClient, path: string, options?: LeaderLatchOptions) {
    super();
    const { identifier, errorPolicy, closeMode = 'notify' } = requireOptions(options, OPTIONS);
    this.#client = requireClient(client);
    this.path = normalizePath(path);
    this.#identifier = optionalString('identifier', identifier, '');
    this.#endsOnSuspension = optionalErrorPolicy(errorPolicy) === 'standard';
    this.#closeMode = requireOneOf('closeMode', closeMode, CLOSE_MODES);
    this.#term.abort(new KazooException('not leading yet'));
  }

  /** Whether it leads now. */
  get isLeader(): boolean {
    this.#notice(this.#client.state);
    return !this.#term.signal.aborted;
  }

  /** The signal of the current leadership; an aborted one while not leading. */
  get signal(): AbortSignal {
    this.#notice(this.#client.state);
    return this.#term.signal;
  }

  /** The name of this participant's node; null while it has none. */
  get node(): string | null {
    return this.#node?.name ?? null;
  }

  /** Joins the queue. Harmless when repeated. @throws KazooException after {@link close} */
  start(): void {
    if (this.#closing.signal.aborted) throw new KazooException('already closed');
    this.#running ??= this.#run();
  }

  /** True once this participant leads; false if the `timeout` expires first. @throws `signal.reason`; KazooException when it is closed; ConnectionClosedError when the client stops */
  async waitForLeadership(options?: WaitOptions): Promise<boolean> {
    const attempt = new Attempt(this.#client.clock, requireWaiting(options), () => waitTimedOut(this.path, 'leadership'));
    const { signal: closing } = this.#closing;
    const closed = (): void => attempt.end(closing.reason);
    const forget = onAbort(closing, closed);
    // A request made without a session waits for one, or for the end of the client, of which no state tells after LOST.
    const onState = (state: KazooState): void => {
      if (state === 'LOST')
        attempt
          .persist(() => this.#client.exists(this.path, { signal: attempt.signal }))
          .catch((error: unknown) =>
            isUnstarted(this.#client) ? void this.#client[LOST].then(() => onState('LOST')) : attempt.end(error),
          );
    };
    let won = (): void => undefined;
    try {
      if (closing.aborted) closed();
      attempt.check();
      if (this.isLeader) return true;
      const leading = new Promise<void>((resolve) => (won = resolve));
      this.on('leader', won);
      listenToState(this.#client, onState);
      onState(this.#client.state);
      await attempt.guard(leading);
      return true;
    } catch (error) {
      if (error instanceof OperationTimeoutError && !attempt.givenUp) return false;
      throw attempt.shown(error);
    } finally {
      this.off('leader', won);
      ignoreState(this.#client, onState);
      attempt.end(undefined);
      forget();
      attempt.close();
    }
  }

  /** The identifiers of all participants, also Curator's, the leader first. */
  participants(options?: WaitOptions): Promise<string[]> {
    return bounded(this.#client, options, this.path, 'participants', async ({ limits }) =>
      readTexts(this.#client, this.path, await this.#line(limits), limits),
    );
  }

  /** The identifier of the first participant, which leads or is about to; null if there is none. */
  leader(options?: WaitOptions): Promise<string | null> {
    return bounded(this.#client, options, this.path, 'leader', async ({ limits }) => {
      for (const name of await this.#line(limits)) {
        const identifier = await readText(this.#client, joinPath(this.path, name), limits);
        if (identifier !== null) return identifier;
      }
      return null;
    });
  }

  /** Gives up leadership, or the place in the queue, for good. @param closeMode overrides the option */
  async close(closeMode: CloseMode = this.#closeMode): Promise<void> {
    this.#closeMode = requireOneOf('closeMode', closeMode, CLOSE_MODES);
    this.#closing.abort(new KazooException('the latch was closed'));
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  protected override [ON_LISTENER_ERROR](error: unknown): void {
    this.#client.reportError(error);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const attempt = new Attempt(this.#client.clock, { signal }, () => waitTimedOut(this.path, 'latch'));
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (await attempt.persist(() => this.#standInLine(attempt))) failures = 0;
        else if (failures++ > 0) await attempt.pause(pauseAfter(failures));
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof ConnectionClosedError)) this.#client.reportError(error);
        await this.#beforeNextTry(error, failures++);
      }
    }
    attempt.close();
    await this.#discardNode();
  }

  /** Checks the queue once, and waits for the next change. False: our node is no longer in it. */
  async #standInLine(attempt: Attempt): Promise<boolean> {
    this.#node ??= new OwnedNode(this.#client, {
      parent: this.path,
      name: `_c_${crypto.randomUUID()}-${LATCH}`,
      data: this.#identifier,
      sequence: true,
      ephemeral: true,
    });
    const node = this.#node;
    await attempt.guard(node.make());
    const [children] = await attempt.guard(Promise.all([nullIfMissing(this.#client.getChildren(this.path)), node.verify()]));
    // Checked now, not before the reply: without a connection there is no session for the node to belong to.
    if (children === null || !node.isAmong(children) || (this.#client.state === 'CONNECTED' && !node.isOurs)) {
      void this.#discardNode();
      return false;
    }
    const predecessor = PARTICIPANTS.predecessor(children, PARTICIPANTS.read(node.name!)!.sequence);
    if (predecessor !== undefined) await this.#awaitChange(attempt, predecessor);
    else if (node.isOurs) await this.#lead(attempt, node.name!);
    return true;
  }

  /** Leads until the connection is in doubt, the node is gone, or the latch is closed. */
  async #lead(attempt: Attempt, name: string): Promise<void> {
    const term = (this.#term = new AbortController());
    const { signal: closing } = this.#closing;
    const end = (reason: unknown): void => {
      if (term.signal.aborted) return;
      term.abort(reason);
      if (!closing.aborted || this.#closeMode === 'notify') this.emit('notLeader');
    };
    const onState = (state: KazooState): void => {
      if (state === 'LOST' || (state === 'SUSPENDED' && this.#endsOnSuspension))
        end(new KazooException(`leadership of ${this.path} may be lost: ${state}`));
    };
    this.#notice = onState;
    const onClose = (): void => end(closing.reason);
    listenToState(this.#client, onState);
    closing.addEventListener('abort', onClose);
    try {
      this.emit('leader', term.signal);
      // Somebody may delete the node: then the next participant leads, and this one must not.
      while (await attempt.persist(async () => !term.signal.aborted && (await this.#awaitChange(attempt, name))));
    } finally {
      ignoreState(this.#client, onState);
      closing.removeEventListener('abort', onClose);
      end(new KazooException(`leadership of ${this.path} is over: its node is gone`));
    }
  }

  /** Waits for a change of a node or of the connection; `get` leaves no watch if the node is already gone. False: it is gone. */
  async #awaitChange(attempt: Attempt, name: string): Promise<boolean> {
    const path = joinPath(this.path, name);
    const seen = observe(
      this.#client,
      attempt,
      path,
      (watch) => this.#client.get(path, { watch }),
      () => false,
    );
    return (await nullIfMissing(seen)) !== null;
  }

  async #discardNode(): Promise<void> {
    const node = this.#node;
    this.#node = null;
    await node?.discard();
  }

  async #line(limits: WaitOptions): Promise<string[]> {
    const children = await nullIfMissing(this.#client.getChildren(this.path, limits));
    return PARTICIPANTS.sort(children ?? []).map(({ name }) => name);
  }

  /** A stopped client may be started again; any other error may be transient. */
  async #beforeNextTry(error: unknown, failures: number): Promise<void> {
    const { signal } = this.#closing;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer?.cancel();
        ignoreState(this.#client, onState);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const onState = (state: KazooState): void => {
        if (state === 'CONNECTED') done();
      };
      const timer =
        error instanceof ConnectionClosedError
          ? undefined
          : this.#client.clock.timer(pauseAfterRefusal(failures), done, { background: true });
      listenToState(this.#client, onState);
      signal.addEventListener('abort', done);
    });
  }
}

const LATCH = 'latch-';
/** Curator sorts by the text after the last `latch-`; other nodes do not count here. */
const PARTICIPANTS = new SequencePattern([LATCH]);
const OPTIONS = ['identifier', 'errorPolicy', 'closeMode'] as const;
const CLOSE_MODES: readonly CloseMode[] = ['notify', 'silent'];
