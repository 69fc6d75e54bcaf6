import { createHash } from 'node:crypto';
import { test, type TestContext } from 'vitest';
import type { ManagedZooKeeper } from '../../../src/harness/managed-zookeeper.ts';
import type { KazooClientOptions } from '../../../src/client/options.ts';
import { KazooClient } from '../../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../../src/server/embedded-zookeeper.ts';
import { startRealZooKeeper, whyNoRealZooKeeper } from '../../support/real-zookeeper.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

/** How often both servers look at containers and nodes with a time to live, milliseconds. */
export const SCAN = 200;
export const TICK = 500;
export const SUPER = 'super:secret';
const SUPER_DIGEST = `super:${createHash('sha1').update(SUPER).digest('base64')}`;

const asked = process.env['ZOOKEEPER_VERSION'];
const jars = asked === undefined ? {} : { version: asked };

/** A server the suite runs against, as far as the suite needs to know it. */
export interface Ground {
  readonly connectString: string;
  readonly version: readonly number[];
  close(): Promise<void>;
}

/** Why the suite cannot run against a real server here; said loudly, once. */
export const noReal = await whyNoRealZooKeeper(jars);

export async function startGround(name: 'embedded' | 'real'): Promise<Ground> {
  return name === 'embedded' ? startEmbedded() : startReal();
}

async function startEmbedded(): Promise<Ground> {
  const version = asked ?? '3.9';
  const server = await EmbeddedZooKeeper.start({
    tickTime: TICK,
    containerCheckIntervalMs: SCAN,
    superDigest: SUPER_DIGEST,
    version,
  });
  return { connectString: server.connectString, version: version.split('.').map(Number), close: () => server.close() };
}

async function startReal(): Promise<Ground> {
  const server = (await startRealZooKeeper({
    ...jars,
    tickTime: TICK,
    superDigest: SUPER_DIGEST,
    configuration: { maxSessionTimeout: 20 * TICK },
    systemProperties: { 'znode.container.checkIntervalMs': SCAN },
  })) as ManagedZooKeeper;
  return {
    connectString: server.connectString,
    version: (server.version ?? '3.9').split('.').map(Number),
    close: () => server.destroy(),
  };
}

/** One test's part of the server: a folder of its own, and clients that are stopped after it. */
export class World implements AsyncDisposable {
  readonly ground: Ground;
  /** The chroot, '' or a path that exists. */
  readonly chroot: string;
  /** A node of this test's own, as its clients know it. */
  readonly base: string;
  #client: KazooClient | undefined;
  readonly #open: (() => Promise<unknown>)[] = [];
  static #count = 0;

  constructor(ground: Ground, chrooted: boolean) {
    const number = ++World.#count;
    this.ground = ground;
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

  /** Whether the server is of this version or a later one. */
  readonly since = (major: number, minor: number): boolean => {
    const [a = 0, b = 0] = this.ground.version;
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

/** Declares tests that each get a world of their own. */
export type Spec = (name: string, body: (world: World, context: TestContext) => Promise<unknown>) => void;

export function specIn(ground: () => Ground, chrooted: boolean): Spec {
  return (name, body) =>
    test(name, async (context) => {
      await using world = new World(ground(), chrooted);
      await world.open();
      await body(world, context);
    });
}

/** Resolves with the error a promise rejects with, and fails when it does not. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: number; path?: string; operation?: string }> {
  return promise.then(
    (value) => {
      throw new Error(`it resolved with ${String(value)}, and should have failed`);
    },
    (error: unknown) => error as Error,
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
