import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { eventually } from './eventually.ts';
import { npmPeer } from './npm-peers.ts';

// Fetched once, which can take a minute.
const [pure, native] = await Promise.all([npmPeer('node-zookeeper-client', '1.1.3'), npmPeer('zookeeper', '7.3.0')]);

async function startServer(): Promise<EmbeddedZooKeeper> {
  const server = await EmbeddedZooKeeper.start({ tickTime: 500 });
  onTestFinished(() => server.close());
  return server;
}

describe.skipIf(typeof pure === 'string')('npm node-zookeeper-client on the embedded server', () => {
  const library = (typeof pure === 'string' ? undefined : pure.load()) as PureLibrary;

  async function connect(server: EmbeddedZooKeeper): Promise<PureClient> {
    const client = library.createClient(server.connectString, { sessionTimeout: 5_000, spinDelay: 50 });
    onTestFinished(() => client.close());
    await new Promise<void>((resolve) => {
      client.once('connected', resolve);
      client.connect();
    });
    return client;
  }

  test('nodes, versions and errors', async () => {
    const client = await connect(await startServer());
    const create = promisify(client.create.bind(client));
    const getData = promisify(client.getData.bind(client));
    const setData = promisify(client.setData.bind(client));
    const { PERSISTENT, EPHEMERAL_SEQUENTIAL } = library.CreateMode;
    expect(await create('/node', Buffer.from('eins ☃'), PERSISTENT)).toBe('/node');
    expect(await create('/node/s-', Buffer.alloc(0), EPHEMERAL_SEQUENTIAL)).toBe('/node/s-0000000000');
    expect(String(await getData('/node'))).toBe('eins ☃');
    await setData('/node', Buffer.from('zwei'), 0);
    await expect(setData('/node', Buffer.from('drei'), 0)).rejects.toMatchObject({ name: 'BAD_VERSION' });
    await expect(create('/node', Buffer.alloc(0), PERSISTENT)).rejects.toMatchObject({ name: 'NODE_EXISTS' });
    await expect(getData('/none')).rejects.toMatchObject({ name: 'NO_NODE' });
    expect(await promisify(client.getChildren.bind(client))('/node')).toEqual(['s-0000000000']);
    await promisify(client.mkdirp.bind(client))('/a/b/c');
    expect(await promisify(client.exists.bind(client))('/a/b/c')).toMatchObject({ version: 0, dataLength: 0 });
    await promisify(client.remove.bind(client))('/a/b/c', -1);
    expect(await promisify(client.exists.bind(client))('/a/b/c')).toBeNull();
  });

  test('transactions and access', async () => {
    const server = await startServer();
    const client = await connect(server);
    const commit = (steps: PureTransaction): Promise<unknown> => promisify(steps.commit.bind(steps))();
    await commit(
      client.transaction().create('/t', Buffer.from('1')).setData('/t', Buffer.from('2'), 0).check('/t', 1).remove('/t', 1),
    );
    await expect(commit(client.transaction().create('/t').check('/none', 0))).rejects.toMatchObject({ name: 'NO_NODE' });
    expect(await promisify(client.exists.bind(client))('/t')).toBeNull();
    client.addAuthInfo('digest', Buffer.from('user:secret'));
    await promisify((done: Done<string>) => withAcl(client).create('/mine', library.ACL.CREATOR_ALL_ACL, done))();
    const other = await connect(server);
    await expect(promisify(other.getData.bind(other))('/mine')).rejects.toMatchObject({ name: 'NO_AUTH' });
    await promisify(client.getData.bind(client))('/mine');
  });

  test('watches, also across a lost connection, and the end of a session', async () => {
    const server = await startServer();
    const client = await connect(server);
    const seen: string[] = [];
    const watch: PureWatch = (event) => void seen.push(`${event.getName()} ${event.path}`);
    await promisify((done: Done<unknown>) => watching(client).exists('/w', watch, done))();
    const other = await connect(server);
    await promisify(other.mkdirp.bind(other))('/w');
    await eventually(() => seen.length === 1);
    await promisify((done: Done<unknown>) => watching(client).getChildren('/w', watch, done))();
    const id = client.getSessionId().toString('hex');
    const again = new Promise<void>((resolve) => client.once('connected', resolve));
    server.dropConnections();
    await again;
    expect(client.getSessionId().toString('hex')).toBe(id);
    await eventually(() => server.sessions().every(({ connected }) => connected));
    await promisify(other.mkdirp.bind(other))('/w/child');
    await eventually(() => seen.length === 2);
    expect(seen).toEqual(['NODE_CREATED /w', 'NODE_CHILDREN_CHANGED /w']);
    const expired = new Promise<void>((resolve) => client.once('expired', resolve));
    server.expireSession(BigInt(`0x${id}`));
    await expired;
  });
});

describe.skipIf(typeof native === 'string')("npm zookeeper, which is ZooKeeper's C client, on the embedded server", () => {
  const Library = (typeof native === 'string' ? undefined : native.load()) as NativeLibrary;

  async function connect(server: EmbeddedZooKeeper): Promise<NativeClient> {
    const client = new Library.Promise();
    onTestFinished(() => client.close());
    await new Promise<void>((resolve) => {
      client.once('connect', () => resolve());
      client.init({ connect: server.connectString, timeout: 5_000, debug_level: 1, host_order_deterministic: true });
    });
    return client;
  }

  test('nodes, versions and errors', async () => {
    const client = await connect(await startServer());
    const { ZOO_EPHEMERAL, ZOO_SEQUENCE, ZNONODE, ZNODEEXISTS, ZBADVERSION } = Library.constants;
    expect(await client.create('/node', 'eins ☃', 0)).toBe('/node');
    expect(await client.create('/node/s-', '', ZOO_EPHEMERAL! | ZOO_SEQUENCE!)).toBe('/node/s-0000000000');
    const [stat, data] = await client.get('/node', false);
    expect([String(data), stat['version'], stat['numChildren']]).toEqual(['eins ☃', 0, 1]);
    expect(await client.set('/node', 'zwei', 0)).toMatchObject({ version: 1 });
    await expect(client.set('/node', 'drei', 0)).rejects.toThrow(String(ZBADVERSION));
    await expect(client.create('/node', '', 0)).rejects.toThrow(String(ZNODEEXISTS));
    await expect(client.get('/none', false)).rejects.toThrow(String(ZNONODE));
    expect(await client.pathExists('/none', false)).toBe(false);
    expect(await client.get_children('/node', false)).toEqual(['s-0000000000']);
    await client.delete_('/node/s-0000000000', 0);
    expect(await client.get_children('/node', false)).toEqual([]);
  });

  test('watches', async () => {
    const server = await startServer();
    const client = await connect(server);
    const seen: string[] = [];
    const watch = (type: number, _state: number, path: string): void => void seen.push(`${type} ${path}`);
    await client.w_pathExists('/w', watch);
    await client.create('/w', 'x', 0);
    await eventually(() => seen.length === 1);
    await client.w_get('/w', watch);
    await client.set('/w', 'y', -1);
    await eventually(() => seen.length === 2);
    await client.w_get_children('/w', watch);
    const again = new Promise<void>((resolve) => client.once('connect', () => resolve()));
    server.dropConnections();
    await again;
    await client.create('/w/child', '', 0);
    await eventually(() => seen.includes('4 /w'));
    // 1 created, 3 changed, 4 children; a session event, when it comes, has -1.
    expect(seen.filter((event) => !event.startsWith('-1'))).toEqual(['1 /w', '3 /w', '4 /w']);
  });
});

/* The parts of the two clients that are used here. */

type Done<T> = (error: Error | null, value: T) => void;
type PureWatch = (event: { getName(): string; path: string }) => void;

interface PureLibrary {
  createClient(hosts: string, options: object): PureClient;
  readonly CreateMode: Readonly<Record<'PERSISTENT' | 'EPHEMERAL_SEQUENTIAL', number>>;
  readonly ACL: { readonly CREATOR_ALL_ACL: unknown };
}

interface PureTransaction {
  create(path: string, data?: Buffer): PureTransaction;
  setData(path: string, data: Buffer, version: number): PureTransaction;
  check(path: string, version: number): PureTransaction;
  remove(path: string, version: number): PureTransaction;
  commit(done: Done<unknown>): void;
}

interface PureClient {
  once(event: string, listener: () => void): void;
  connect(): void;
  close(): void;
  addAuthInfo(scheme: string, credential: Buffer): void;
  getSessionId(): Buffer;
  create(path: string, data: unknown, mode: number, done: Done<string>): void;
  getData(path: string, done: Done<Buffer>): void;
  setData(path: string, data: Buffer, version: number, done: Done<unknown>): void;
  getChildren(path: string, done: Done<string[]>): void;
  exists(path: string, done: Done<unknown>): void;
  mkdirp(path: string, done: Done<string>): void;
  remove(path: string, version: number, done: Done<unknown>): void;
  transaction(): PureTransaction;
}

/** Arguments in the middle may be left out; here is what else may be there. */
interface PureWithAcl {
  create(path: string, acl: unknown, done: Done<string>): void;
}

interface PureWatching {
  exists(path: string, watch: PureWatch, done: Done<unknown>): void;
  getChildren(path: string, watch: PureWatch, done: Done<unknown>): void;
}

function withAcl(client: PureClient): PureWithAcl {
  return client as unknown as PureWithAcl;
}

function watching(client: PureClient): PureWatching {
  return client as unknown as PureWatching;
}

interface NativeLibrary {
  readonly Promise: new () => NativeClient;
  readonly constants: Readonly<Record<string, number>>;
}

type NativeWatch = (type: number, state: number, path: string) => void;

interface NativeClient {
  once(event: string, listener: () => void): void;
  init(options: object): void;
  close(): void;
  create(path: string, data: string, flags: number): Promise<string>;
  get(path: string, watch: boolean): Promise<[Record<string, unknown>, Buffer]>;
  set(path: string, data: string, version: number): Promise<unknown>;
  pathExists(path: string, watch: boolean): Promise<boolean>;
  get_children(path: string, watch: boolean): Promise<string[]>;
  delete_(path: string, version: number): Promise<unknown>;
  w_pathExists(path: string, watch: NativeWatch): Promise<unknown>;
  w_get(path: string, watch: NativeWatch): Promise<unknown>;
  w_get_children(path: string, watch: NativeWatch): Promise<unknown>;
}
