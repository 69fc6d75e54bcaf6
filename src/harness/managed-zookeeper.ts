import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import createDebug from 'debug';
import { boolean, expectOptions, type Expectation, isObject, milliseconds, text } from '../base/expectations.ts';
import { freePorts } from './free-ports.ts';
import { HarnessError } from './harness-error.ts';
import { accepts, probe } from './probe.ts';
import { writeServerFiles } from './server-files.ts';
import type { EnsembleMember, ServerTls, SettingValue } from './server-files.ts';
import { findServerJars } from './server-jars.ts';
import type { NoServerJars, ServerJars, ServerJarsOptions } from './server-jars.ts';
import { ServerProcess, keepAtExit, removeAtExit } from './server-process.ts';

const log = createDebug('kazoo:harness');

const HOST = '127.0.0.1';
const START_TIMEOUT = 60_000;
const POLL_INTERVAL = 50;
const LOG_TAIL = 64 * 1024;
const FAST_START = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-XX:-UsePerfData'];
const MAIN_CLASS = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';

/** Options for finding, configuring and running a real server. */
export interface ManagedZooKeeperOptions extends ServerJarsOptions {
  /** Milliseconds; the shortest session timeout is two ticks, and sessions expire on whole ticks. Default 500 (ZooKeeper's own: 3000). */
  tickTime?: number | undefined;
  /** More entries for `zoo.cfg`; they override the harness's own. */
  configuration?: Readonly<Record<string, SettingValue>> | undefined;
  /** More Java system properties; they override the harness's own. */
  systemProperties?: Readonly<Record<string, SettingValue>> | undefined;
  /** More flags for the Java virtual machine. */
  javaOptions?: readonly string[] | undefined;
  /** The text of a JAAS file; it enables SASL authentication. */
  jaas?: string | undefined;
  /** Opens a TLS port in addition to the plain one. */
  tls?: ServerTls | undefined;
  /** `super:<base64 of SHA-1>`: the digest identity that bypasses ACLs. */
  superDigest?: string | undefined;
  /** Whether a server that is cut off from its ensemble serves reads. Default false. */
  readOnlyMode?: boolean | undefined;
  /** Whether the ensemble may be changed with `reconfig`. Default false. */
  reconfig?: boolean | undefined;
  /**
   * The working folder, created if missing. {@link ManagedZooKeeper.destroy} removes the server's files from it, and leaves the folder and other files.
   * Default: a temporary folder, which is removed too.
   */
  workingPath?: string | undefined;
  /** This server's place in an ensemble; {@link ZooKeeperCluster} fills it in. Default: a standalone server. */
  ensemble?: { id: number; members: readonly EnsembleMember[] } | undefined;
}

/** How long, and for what, a start waits. */
export interface StartOptions {
  /** Milliseconds. Default 60 000. */
  timeout?: number | undefined;
  /** `serving`: it answers clients, so that an ensemble has a leader; `listening`: it runs, quorum or not. Default `serving`. */
  until?: 'serving' | 'listening' | undefined;
}

/** Options of any server, alone or in an ensemble. */
export const SERVER_EXPECTED = {
  classpath: text,
  home: text,
  version: text,
  java: text,
  tickTime: milliseconds,
  configuration: ['an object of settings', isObject],
  systemProperties: ['an object of settings', isObject],
  javaOptions: ['an array of strings', (value) => Array.isArray(value) && value.every((flag) => typeof flag === 'string')],
  jaas: text,
  tls: [
    'an object with key, cert and ca',
    (value) => isObject(value) && ['key', 'cert', 'ca'].every((name) => typeof value[name] === 'string'),
  ],
  superDigest: text,
  readOnlyMode: boolean,
  reconfig: boolean,
} as const satisfies Record<string, Expectation>;

const EXPECTED = {
  ...SERVER_EXPECTED,
  workingPath: text,
  ensemble: ['an object with id and members', (value) => isObject(value) && Array.isArray(value['members'])],
} as const satisfies Record<keyof ManagedZooKeeperOptions, Expectation>;

/** Options of a start. */
export const START_EXPECTED = {
  timeout: ['a number of milliseconds, 0 or more', (value) => typeof value === 'number' && value >= 0],
  until: ['"serving" or "listening"', (value) => value === 'serving' || value === 'listening'],
} as const satisfies Record<keyof StartOptions, Expectation>;

/** Files that the server and its harness write into the working folder. */
const OURS = /^(data|zoo\.cfg.*|logback\.xml|log4j\.properties|jaas\.conf|(key|trust)store\.pem|zookeeper\.log)$/;

/**
 * A real Apache ZooKeeper server on this machine, in a separate process, on free ports of 127.0.0.1. Needs Java and ZooKeeper's jars, see
 * {@link ManagedZooKeeper.available}. The server dies with this process, however this process ends. Port and data stay the same
 * across {@link stop}, {@link kill} and {@link restart}. All four-letter words, TTL nodes and DIGEST-MD5 (no FIPS mode) are on, the
 * admin server is off, and writes are not forced to disk: it is for tests. Like Kazoo's `kazoo.testing.common.ManagedZooKeeper`.
 *
 * @example
 * await using server = await ManagedZooKeeper.start();
 * const client = await new KazooClient(server.connectString).start();
 */
export class ManagedZooKeeper {
  readonly host = HOST;
  readonly #options: ManagedZooKeeperOptions;
  #choosing: Promise<Place> | null = null;
  #place: Place | null = null;
  #process: ServerProcess | null = null;
  #starting: Promise<void> | null = null;
  #prepared = false;
  #destroyed = false;

  /**
   * A server that is not started yet. Its jars, ports and folder are known once it has started; {@link ManagedZooKeeper.create} chooses them at once.
   *
   * @throws ConfigurationError naming an option that is unknown or has the wrong type
   */
  constructor(options: ManagedZooKeeperOptions = {}) {
    expectOptions('ManagedZooKeeper', options, EXPECTED);
    this.#options = options;
  }

  /** Whether a real server can run on this machine, and from which jars, or why not. Never rejects. */
  static available(options: ServerJarsOptions = {}): Promise<ServerJars | NoServerJars> {
    return findServerJars(options);
  }

  /**
   * Chooses jars, folder and ports, without starting yet. Rejects with {@link HarnessError} if no server can run.
   *
   * @throws ConfigurationError naming an option that is unknown or has the wrong type
   */
  static async create(options: ManagedZooKeeperOptions = {}): Promise<ManagedZooKeeper> {
    const server = new ManagedZooKeeper(options);
    await server.#choose();
    return server;
  }

  /** {@link create} and {@link ManagedZooKeeper.start} in one; leaves nothing behind if the server does not come up. */
  static async start(options: ManagedZooKeeperOptions = {}, start: StartOptions = {}): Promise<ManagedZooKeeper> {
    const server = await ManagedZooKeeper.create(options);
    try {
      await server.start(start);
    } catch (error) {
      await server.destroy();
      throw error;
    }
    return server;
  }

  get clientPort(): number {
    return this.#chosen().clientPort;
  }

  /** The TLS port, `null` without `tls`. */
  get securePort(): number | null {
    return this.#chosen().securePort;
  }

  /** The folder of configuration, data and log. */
  get workingPath(): string {
    return this.#chosen().workingPath;
  }

  /** The jars it runs from. */
  get jars(): ServerJars {
    return this.#chosen().jars;
  }

  /** The version of the jar in use, such as `3.9.5`; `null` if the jar's name does not contain it. */
  get version(): string | null {
    return this.jars.version;
  }

  /** `host:port`, for a client's `hosts`. */
  get connectString(): string {
    return `${this.host}:${this.clientPort}`;
  }

  /** `host:port` of the TLS port; `null` without `tls`. */
  get secureConnectString(): string | null {
    return this.securePort === null ? null : `${this.host}:${this.securePort}`;
  }

  get running(): boolean {
    return this.#process?.alive ?? false;
  }

  /** The server's process id, while it runs. */
  get pid(): number | undefined {
    return this.running ? this.#process?.pid : undefined;
  }

  /** Starts the server; does nothing if it runs, and joins a start in progress. Rejects with {@link HarnessError}, with the end of its log, if it is not up in time. */
  async start(options: StartOptions = {}): Promise<void> {
    expectOptions('start', options, START_EXPECTED);
    // A start whose process has ended is about to fail: do not join it.
    if (this.#process?.alive === false) await this.#starting?.catch(() => undefined);
    this.#starting ??= this.#start(options).finally(() => (this.#starting = null));
    return this.#starting;
  }

  async #start(options: StartOptions): Promise<void> {
    if (this.running) return;
    this.#process = null;
    if (!this.#destroyed) await this.#prepare(await this.#choose());
    if (this.#destroyed) throw new HarnessError('the server has been destroyed and cannot start again');
    log('starting ZooKeeper %s at %s in %s', this.version, this.connectString, this.workingPath);
    const started = new ServerProcess(this.jars.java, this.#arguments(), { cwd: this.workingPath, logFile: this.#logFile });
    this.#process = started;
    await this.#untilUp(started, options);
    log('ZooKeeper at %s is up, pid %d', this.connectString, started.pid);
  }

  /** Stops the server gracefully (`SIGTERM`), keeping its data. Does nothing if it is not running. */
  async stop(): Promise<void> {
    log('stopping %s', this.#place?.clientPort);
    await this.#process?.terminate();
  }

  /** Kills the server at once (`SIGKILL`), as a power cut would, keeping its data. */
  async kill(): Promise<void> {
    log('killing %s', this.#place?.clientPort);
    await this.#process?.signal('SIGKILL');
  }

  /** {@link stop}, then {@link ManagedZooKeeper.start} on the same port and data. */
  async restart(options: StartOptions = {}): Promise<void> {
    await this.stop();
    await this.start(options);
  }

  /** Freezes the process (`SIGSTOP`): connections stay open and nothing is answered until {@link thaw}. */
  freeze(): void {
    this.#process?.freeze(true);
  }

  /** Resumes a frozen process (`SIGCONT`). */
  thaw(): void {
    this.#process?.freeze(false);
  }

  /** {@link kill}, then delete all data; the next start is empty, on the same port. */
  async reset(): Promise<void> {
    await this.kill();
    if (this.#place !== null) await rm(join(this.workingPath, 'data'), { recursive: true, force: true });
    this.#prepared = false;
  }

  /** {@link kill}, then remove all files of the server from the disk. Idempotent; the server cannot start again. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.kill();
    await this.#starting?.catch(() => undefined);
    await this.#choosing?.catch(() => undefined);
    if (this.#place === null) return;
    const { workingPath } = this;
    const isTheirs = this.#options.workingPath !== undefined;
    const left = isTheirs ? (await readdir(workingPath).catch(() => [])).filter((name) => OURS.test(name)) : ['.'];
    for (const name of left) await rm(join(workingPath, name), { recursive: true, force: true, maxRetries: 3 });
    keepAtExit(workingPath);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** The last lines of the server's log, by default 100; `''` before its first start. Kazoo's `get_logs`. */
  async logs(lines = 100): Promise<string> {
    if (this.#place === null) return '';
    return (await tailOf(this.#logFile)).trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Sends a four-letter word. Resolves with the whole answer, or `null` if there is none. */
  async command(word: string): Promise<string | null> {
    return this.#place === null ? null : probe(word, this.clientPort, { host: this.host });
  }

  /** `standalone`, `leader`, `follower`, `observer` or `read-only`; `null` while it serves no clients. */
  async mode(): Promise<string | null> {
    return /^Mode: (.*)$/m.exec((await this.command('srvr')) ?? '')?.[1] ?? null;
  }

  /** All calls share one choice; only a failed one is repeated. */
  #choose(): Promise<Place> {
    this.#choosing ??= choosePlace(this.#options).then(
      (place) => (this.#place = place),
      (error: unknown) => {
        this.#choosing = null;
        throw error;
      },
    );
    return this.#choosing;
  }

  #chosen(): Place {
    if (this.#place === null)
      throw new HarnessError(
        'the server has no port, folder or jars before it is started: await start(), or make it with create()',
      );
    return this.#place;
  }

  get #logFile(): string {
    return join(this.workingPath, 'zookeeper.log');
  }

  // Only once until the data is deleted: a reconfigured ensemble writes its own files, which a restart must find again.
  async #prepare({ workingPath, clientPort, securePort }: Place): Promise<void> {
    if (this.#prepared) return;
    const { host } = this;
    const { tickTime = 500, configuration = {}, jaas = null, tls = null, reconfig = false, ensemble = null } = this.#options;
    await mkdir(join(workingPath, 'data'), { recursive: true });
    await writeServerFiles({ workingPath, host, clientPort, securePort, tickTime, configuration, jaas, tls, reconfig, ensemble });
    this.#prepared = true;
  }

  #arguments(): string[] {
    const properties = Object.entries(this.#systemProperties()).map(([key, value]) => `-D${key}=${value}`);
    // The working folder comes first, so that its logging settings override any in the jars.
    const classpath = [this.workingPath, this.jars.classpath].join(delimiter);
    return [...FAST_START, ...properties, ...(this.#options.javaOptions ?? []), '-cp', classpath, MAIN_CLASS, 'zoo.cfg'];
  }

  #systemProperties(): Record<string, SettingValue> {
    const { jaas, superDigest, readOnlyMode = false, systemProperties = {} } = this.#options;
    return {
      'file.encoding': 'UTF-8',
      // FIPS mode is on by default in current releases, and forbids DIGEST-MD5.
      'zookeeper.fips-mode': false,
      // In KiB. ZooKeeper's 64 MiB for the first transaction would be the slowest part of starting.
      'zookeeper.preAllocSize': 128,
      'readonlymode.enabled': readOnlyMode,
      'zookeeper.jmx.log4j.disable': true,
      'org.slf4j.simpleLogger.showDateTime': true,
      'org.slf4j.simpleLogger.dateTimeFormat': 'HH:mm:ss.SSS',
      ...(jaas === undefined ? {} : { 'java.security.auth.login.config': join(this.workingPath, 'jaas.conf') }),
      ...(superDigest === undefined ? {} : { 'zookeeper.DigestAuthenticationProvider.superDigest': superDigest }),
      ...systemProperties,
    };
  }

  async #untilUp(started: ServerProcess, { timeout = START_TIMEOUT, until = 'serving' }: StartOptions): Promise<void> {
    const deadline = performance.now() + timeout;
    const [word, good] = until === 'serving' ? ['srvr', /^Mode: /m] : ['ruok', /^imok/];
    while (!good.test((await this.command(word)) ?? '') || !(await this.#secureIsOpen())) {
      if (!started.alive) throw await this.#failed(`ended before it was ${until} (${started.ending})`);
      if (performance.now() >= deadline) {
        await started.signal('SIGKILL');
        throw await this.#failed(`was not ${until} within ${timeout} ms and has been killed`);
      }
      await Promise.race([delay(POLL_INTERVAL), started.exited]);
    }
  }

  // ZooKeeper opens the TLS port after the plain one.
  async #secureIsOpen(): Promise<boolean> {
    return this.securePort === null || (await accepts(this.securePort, this.host));
  }

  async #failed(what: string): Promise<HarnessError> {
    const serverLog = await this.logs(30);
    return new HarnessError(`ZooKeeper ${this.version ?? '(unknown version)'} at ${this.connectString} ${what}`, { serverLog });
  }
}

/** Where a server is, and what it runs from. */
interface Place {
  readonly jars: ServerJars;
  readonly workingPath: string;
  readonly clientPort: number;
  readonly securePort: number | null;
}

async function choosePlace(options: ManagedZooKeeperOptions): Promise<Place> {
  const jars = await findServerJars(options);
  if (!jars.available) throw new HarnessError(`no real ZooKeeper server can run here: ${jars.reason}`);
  const own = options.ensemble?.members.find(({ id }) => id === options.ensemble?.id);
  const [port, secure] = await freePorts(2, HOST);
  const workingPath = options.workingPath ?? (await mkdtemp(join(tmpdir(), 'kazoo-zookeeper-')));
  if (options.workingPath === undefined) removeAtExit(workingPath);
  return { jars, workingPath, clientPort: own?.clientPort ?? port!, securePort: options.tls === undefined ? null : secure! };
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LOG_TAIL);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
