import { createHash } from 'node:crypto';
import { expect, test, type TestContext, type TaskMeta } from 'vitest';
import { UnimplementedError, ZookeeperError } from '../../../src/base/errors.ts';
import { ManagedZooKeeper } from '../../../src/harness/managed-zookeeper.ts';
import type { ServerJarsOptions } from '../../../src/harness/server-jars.ts';
import type { KazooClientOptions } from '../../../src/client/options.ts';
import { KazooClient } from '../../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../../src/server/embedded-zookeeper.ts';
import { whyNoRealZooKeeper } from '../../support/real-zookeeper.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { CAPABILITIES, compareVersions, has, type Capability } from './capabilities.ts';

/** How often both servers look at containers and nodes with a time to live, milliseconds. */
export const SCAN = 200;
export const TICK = 500;
export const SUPER = 'super:secret';
const SUPER_DIGEST = `super:${createHash('sha1').update(SUPER).digest('base64')}`;

/** A server the suite runs against, as far as the suite needs to know it. */
export interface Ground {
  readonly connectString: string;
  close(): Promise<void>;
}

/** Which server that is: known before it runs, so that tests can say what they expect of it. */
export interface Site {
  readonly name: 'embedded' | 'real';
  /** Of a real one `null` where none can run; the reason has been told. */
  readonly version: readonly number[] | null;
  readonly start: () => Promise<Ground>;
}

/** The embedded server as a line (`3.9`) or release. */
export function embedded(version: string): Site {
  return { name: 'embedded', version: numbers(version), start: () => startEmbedded(version) };
}

/** A real server of the version asked for, else of the newest there is; where it cannot run, that is said loudly, once. */
export async function real(version?: string): Promise<Site> {
  const jars = version === undefined ? {} : { version };
  if ((await whyNoRealZooKeeper(jars)) !== null) return { name: 'real', version: null, start: () => startReal(jars) };
  const found = await ManagedZooKeeper.available(jars);
  return { name: 'real', version: numbers((found.available ? found.version : null) ?? '3.9.5'), start: () => startReal(jars) };
}

async function startEmbedded(version: string): Promise<Ground> {
  const server = await EmbeddedZooKeeper.start({
    tickTime: TICK,
    containerCheckIntervalMs: SCAN,
    superDigest: SUPER_DIGEST,
    version,
  });
  return { connectString: server.connectString, close: () => server.close() };
}

async function startReal(jars: ServerJarsOptions): Promise<Ground> {
  const server = await ManagedZooKeeper.start({
    ...jars,
    tickTime: TICK,
    superDigest: SUPER_DIGEST,
    configuration: { maxSessionTimeout: 20 * TICK },
    systemProperties: { 'znode.container.checkIntervalMs': SCAN },
  });
  return { connectString: server.connectString, close: () => server.destroy() };
}

function numbers(version: string): number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10));
}

/** One test's part of the server: a folder of its own, and clients that are stopped after it. */
export class World implements AsyncDisposable {
  readonly ground: Ground;
  readonly version: readonly number[];
  /** The chroot, '' or a path that exists. */
  readonly chroot: string;
  /** A node of this test's own, as its clients know it. */
  readonly base: string;
  #client: KazooClient | undefined;
  readonly #open: (() => Promise<unknown>)[] = [];
  static #count = 0;

  constructor(ground: Ground, version: readonly number[], chrooted: boolean) {
    const number = ++World.#count;
    this.ground = ground;
    this.version = version;
    this.chroot = chrooted ? `/chroot-${process.pid}-${number}/deep` : '';
    this.base = `/world-${process.pid}-${number}`;
  }

  /** The client most tests need: connected, in the folder's server. */
  get client(): KazooClient {
    return this.#client!;
  }

  async open(): Promise<void> {
    if (this.chroot !== '') await (await this.outside()).ensurePath(this.chroot);
    this.#client = await this.connect();
    await this.#client.create(this.base);
  }

  /** A path below `base`. */
  readonly at = (name: string): string => `${this.base}/${name}`;

  /** A further client, under the same chroot. */
  readonly connect = (options: KazooClientOptions = {}): Promise<KazooClient> =>
    this.#start({ hosts: this.ground.connectString + this.chroot, ...options });

  /** A client that sees the whole tree. */
  readonly outside = (options: KazooClientOptions = {}): Promise<KazooClient> =>
    this.#start({ hosts: this.ground.connectString, ...options });

  /** A client behind a network that can be made to fail. */
  readonly proxied = async (options: KazooClientOptions = {}): Promise<{ client: KazooClient; proxy: TcpProxy }> => {
    const proxy = await TcpProxy.open(this.ground.connectString);
    this.#open.push(() => proxy.close());
    const client = await this.#start({ hosts: proxy.connectString + this.chroot, ...options });
    return { client, proxy };
  };

  /** Whether the server has something that came after 3.3. */
  readonly has = (capability: Capability): boolean => has(this.version, capability);

  /** Whether the server is of this version or a later one. */
  readonly since = (major: number, minor: number): boolean => {
    const [a = 0, b = 0] = this.version;
    return a > major || (a === major && b >= minor);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#open.reverse()) await close();
  }

  async #start(options: KazooClientOptions): Promise<KazooClient> {
    const client = new KazooClient({ connectionRetry: { maxTries: -1, delay: 20, maxDelay: 200 }, ...options });
    this.#open.push(() => client.stop());
    return client.start();
  }
}

/** Declares tests that each get a world of their own. What a server is too old for is a test of the error that says so. */
export type Spec = (name: string, body: (world: World, context: TestContext) => Promise<unknown>, needs?: Capability) => void;

export function specIn(ground: () => Ground, version: readonly number[], chrooted: boolean): Spec {
  return (name, body, needs) => {
    const refused = needs !== undefined && !has(version, needs);
    test(refused ? `refused: ${name} (ZooKeeper ${CAPABILITIES[needs].since})` : name, async (context) => {
      await using world = new World(ground(), version, chrooted);
      await world.open();
      const outcome = body(world, context);
      if (!refused) await outcome;
      else (context.task.meta as Said).said = { capability: needs, sentence: await expectRefusal(version, needs, outcome) };
    });
  };
}

/** On a server that is too old for it, the whole of a test comes to this: the error names the version that is needed, for this or a part of it. */
async function expectRefusal(version: readonly number[], capability: Capability, outcome: Promise<unknown>): Promise<string> {
  const error = await outcome.then(
    () => new Error('it worked, and should have been refused'),
    (reason: unknown) => reason as Error,
  );
  const needed = / ZooKeeper (\d+\.\d+\.\d+)/.exec(error.message)?.[1];
  expect([error, needed], error.stack).toEqual([expect.any(ZookeeperError), expect.any(String)]);
  expect(compareVersions(numbers(needed!), version)).toBeGreaterThan(0);
  expect(compareVersions(numbers(needed!), numbers(CAPABILITIES[capability].since))).toBeLessThanOrEqual(0);
  return error.message;
}

/** What the client said of something an old server cannot do, for the table of `npm run test:versions`. */
interface Said extends TaskMeta {
  said?: { capability: Capability; sentence: string };
}

/** Resolves with the error a promise rejects with, and fails when it does not. That a server is too old is nothing a test waits for here. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: number; path?: string; operation?: string }> {
  return promise.then(
    (value) => {
      throw new Error(`it resolved with ${String(value)}, and should have failed`);
    },
    (error: unknown) => {
      if (error instanceof UnimplementedError) throw error;
      return error as Error;
    },
  );
}

/** Looks again and again until it is so; the test's own time limit is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Resolves with the next connection; to be called before the present one is cut. */
export function connectedAgain(client: KazooClient): Promise<void> {
  return new Promise((resolve) => client.once('connected', () => resolve()));
}

/** A list that can be waited on. */
export class Collected<T> {
  readonly items: T[] = [];
  readonly add = (item: T): void => void this.items.push(item);

  async atLeast(count: number): Promise<T[]> {
    await until(() => this.items.length >= count);
    return this.items;
  }
}
