import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { requireBoolean } from '../base/arguments.ts';
import type { Timer } from '../base/clock.ts';
import { formatHost } from '../base/hosts.ts';
import { describeValue } from '../base/paths.ts';
import { Turnstile } from '../base/turnstile.ts';
import { Dispatcher } from './dispatcher.ts';
import { ExpiryBuckets } from './expiry-buckets.ts';
import type { Faults } from './faults.ts';
import { answerWord } from './four-letter-words.ts';
import { Peer, type PeerHost } from './peer.ts';
import { resolveServerOptions, type EmbeddedZooKeeperOptions, type ServerOptions } from './server-options.ts';
import { ServerState } from './server-state.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';

/** A session, as returned by `sessions()`. */
export interface EmbeddedSession {
  readonly sessionId: bigint;
  /** The negotiated timeout, milliseconds. */
  readonly timeout: number;
  /** Paths of its ephemeral nodes. */
  readonly ephemerals: readonly string[];
  /** Whether it is connected now. */
  readonly connected: boolean;
}

/** The address at which to reach a server that listens on all addresses. */
const ANY_ADDRESS: Readonly<Partial<Record<string, string>>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
const GREETING_TIME = 10_000;
const WRITE_BUFFER = 256 * 1024;

/**
 * An in-memory ZooKeeper server in this process that speaks the real wire protocol: clients in any language can connect.
 *
 * It keeps nothing on disk and is not an ensemble: it is for tests and development. A listening server keeps the process alive until `close()`.
 *
 * @example
 * await using server = await EmbeddedZooKeeper.start();
 * const client = new KazooClient(server.connectString);
 */
export class EmbeddedZooKeeper {
  /** Faults to inject. */
  readonly faults: Faults;
  readonly #state: ServerState;
  readonly #peers = new Set<Peer>();
  /** The sockets below TLS: of peers, of connections that never become one, and of ended peers that still have data to send. */
  readonly #sockets = new Set<Socket>();
  readonly #host: PeerHost;
  readonly #greetings: ExpiryBuckets<Peer>;
  #server: Server;
  #port = 0;
  #scan: Timer | null = null;
  #frozen = false;
  #refusing = false;
  #closed = false;
  /** Starts and stops run one at a time. */
  readonly #turnstile = new Turnstile();

  private constructor(options: ServerOptions) {
    const state = new ServerState(options);
    const dispatcher = new Dispatcher(state);
    this.#state = state;
    this.faults = state.faults;
    this.#greetings = new ExpiryBuckets(options.clock, GREETING_TIME, (peer) => this.#giveUp(peer));
    const isFrozen = (): boolean => this.#frozen;
    this.#host = {
      state,
      dispatcher,
      get frozen() {
        return isFrozen();
      },
      answer: (word, argument) => answerWord(word, { state, port: this.#port, argument }),
      greeted: (peer) => this.#greetings.remove(peer),
      ended: (peer) => this.#ended(peer),
    };
    this.#server = this.#createServer();
  }

  /**
   * Starts a server; by default on a free port of 127.0.0.1.
   *
   * @throws ConfigurationError for an option that is unknown or has the wrong type; the system's error if the port is not available
   */
  static async start(options: EmbeddedZooKeeperOptions = {}): Promise<EmbeddedZooKeeper> {
    const resolved = resolveServerOptions(options);
    const server = new EmbeddedZooKeeper(resolved);
    await server.#listen(resolved.port);
    server.#scheduleScan();
    return server;
  }

  /** The value for a client's `hosts`. */
  get connectString(): string {
    const { host } = this.#state.options;
    return formatHost({ host: ANY_ADDRESS[host] ?? host, port: this.#port });
  }

  get port(): number {
    return this.#port;
  }

  /** All sessions, connected or not. */
  sessions(): EmbeddedSession[] {
    return Array.from(this.#state.sessions.all(), ({ id, timeout, connection }) => ({
      sessionId: id,
      timeout,
      ephemerals: [...this.#state.tree.ephemeralsOf(id)].sort(),
      connected: connection !== null,
    }));
  }

  /** A copy of all nodes, by path; later changes do not affect it. */
  snapshot(): Snapshot {
    return takeSnapshot(this.#state.tree);
  }

  /** Ends a session as if it had expired: its ephemeral nodes are deleted, watches fire, its connection is closed. Does nothing if it has already ended. */
  expireSession(sessionId: bigint): void {
    if (typeof sessionId !== 'bigint') throw new TypeError(`sessionId must be a bigint, not ${describeValue(sessionId)}`);
    const session = this.#state.sessions.find(sessionId);
    if (session !== undefined) this.#state.endSession(session);
  }

  /** Closes all connections; the sessions stay. */
  dropConnections(): void {
    for (const peer of [...this.#peers]) peer.destroy();
  }

  /** Until `thaw`, connections are accepted and read, but no request is processed or answered; no session expires. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = true;
    this.#state.sessions.suspend();
  }

  /** Processes what arrived meanwhile. Each session gets its whole timeout again. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#state.sessions.resume();
    for (const peer of [...this.#peers]) peer.resume();
  }

  /** While on, new connections are reset at once; existing ones stay. */
  refuseConnections(on: boolean): void {
    this.#refusing = requireBoolean('on', on);
  }

  /**
   * While on, the server acts like a member that is cut off from its ensemble: all connections are dropped,
   * only clients that accept read-only servers may connect again, with new local sessions, and writes are refused.
   */
  setReadOnly(on: boolean): void {
    if (requireBoolean('on', on) === this.#state.readOnly) return;
    this.#state.readOnly = on;
    this.dropConnections();
    if (on) return;
    this.#state.dropLocalSessions();
    if (!this.#frozen) this.#state.sessions.resume();
  }

  /** Resets the server: deletes data and sessions, restarts zxids, and drops all connections. */
  wipe(): void {
    this.dropConnections();
    this.#state.wipe();
  }

  /** Stops and starts again on the same port. Keeps data and sessions, but not connections and their watches. */
  restart(): Promise<void> {
    return this.#turnstile.pass(async () => {
      if (this.#closed) throw new TypeError('the server was closed; start another');
      this.#state.sessions.suspend();
      await this.#stopListening();
      this.#server = this.#createServer();
      await this.#listen(this.#port);
      if (!this.#frozen) this.#state.sessions.resume();
    });
  }

  /** Closes all connections and frees the port. Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#turnstile.pass(async () => {
      this.#scan?.cancel();
      this.#scan = null;
      this.#state.sessions.clear();
      this.#greetings.clear();
      await this.#stopListening();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #createServer(): Server {
    const { tls } = this.#state.options;
    const server =
      tls === undefined
        ? createServer({ noDelay: true, highWaterMark: WRITE_BUFFER })
        : createTlsServer({ noDelay: true, ...tls }, (socket) => this.#accept(socket));
    server.on('connection', (socket: Socket) => {
      if (this.#refusing) return void socket.resetAndDestroy();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (tls === undefined) this.#accept(socket);
    });
    // A client that does not use TLS, or is not trusted, is not our problem.
    server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    return server;
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, this.#state.options.host, () => {
        this.#server.off('error', reject);
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  #stopListening(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.dropConnections();
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #accept(socket: Socket): void {
    if (this.#refusing) return void socket.resetAndDestroy();
    const peer = new Peer(this.#host, socket);
    const { maxClientCnxns } = this.#state.options;
    if (maxClientCnxns > 0 && this.#countFrom(peer.address) >= maxClientCnxns) return peer.destroy();
    this.#peers.add(peer);
    this.#state.connections.add(peer);
    this.#greetings.touch(peer, GREETING_TIME);
  }

  #countFrom(address: string): number {
    return [...this.#peers].filter((peer) => peer.address === address).length;
  }

  /** Called if a connection has not requested a session in time. */
  #giveUp(peer: Peer): void {
    if (this.#frozen) this.#greetings.touch(peer, GREETING_TIME);
    else peer.destroy();
  }

  #ended(peer: Peer): void {
    this.#peers.delete(peer);
    this.#state.connections.delete(peer);
    this.#greetings.remove(peer);
  }

  #scheduleScan(): void {
    const { clock, containerCheckIntervalMs } = this.#state.options;
    const scan = (): void => {
      if (!this.#frozen && !this.#state.readOnly) this.#state.removeTransient();
      this.#scheduleScan();
    };
    this.#scan = clock.timer(containerCheckIntervalMs, scan, { background: true });
  }
}
