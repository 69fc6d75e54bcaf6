import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigurationError, OperationTimeoutError } from '../../src/base/errors.ts';
import { ACL, ANYONE_ID_UNSAFE } from '../../src/base/security.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

let server: EmbeddedZooKeeper;
let proxy: TcpProxy;
let client: KazooClient;

beforeAll(async () => {
  server = await EmbeddedZooKeeper.start();
  proxy = await TcpProxy.open(server.connectString);
  client = await new KazooClient(proxy.connectString).start();
  await client.create('/there', 'x');
});
afterAll(async () => {
  await client.stop();
  await proxy.close();
  await server.close();
});

/** What a program without types may pass. */
type Wrong = never;
const wrong = (value: unknown): Wrong => value as Wrong;

type Kind = typeof TypeError | typeof RangeError | typeof ConfigurationError;
type Row = readonly [name: string, call: () => unknown, kind: Kind, message: string];

const malformedAcl = { perms: 1, id: { scheme: 'world' } };
/** An ACL whose perms were changed behind the constructor's back. */
const forged = (perms: unknown): ACL => Object.assign(Object.create(ACL.prototype) as ACL, { perms, id: ANYONE_ID_UNSAFE });

const PATHS: [unknown, Kind, string][] = [
  [undefined, TypeError, 'path must be a string, not undefined'],
  [null, TypeError, 'path must be a string, not null'],
  [7, TypeError, 'path must be a string, not 7'],
  [{}, TypeError, 'path must be a string, not an object'],
  [Buffer.from('/a'), TypeError, 'path must be a string, not an object (Buffer)'],
  ['/a/./b', RangeError, '"/a/./b" has the component "."'],
  ['/a/../b', RangeError, '"/a/../b" has the component ".."'],
  ['/a\u0000', RangeError, 'U+0000 at 2'],
  ['/a\n', RangeError, 'U+000A at 2'],
  ['/\u009f', RangeError, 'U+009F at 1'],
  ['/😀', RangeError, 'U+'],
];

const TAKES_PATH: Record<string, (path: Wrong) => unknown> = {
  create: (path) => client.create(path),
  ensurePath: (path) => client.ensurePath(path),
  exists: (path) => client.exists(path),
  get: (path) => client.get(path),
  getChildren: (path) => client.getChildren(path),
  getAcls: (path) => client.getAcls(path),
  setAcls: (path) => client.setAcls(path, []),
  set: (path) => client.set(path, ''),
  delete: (path) => client.delete(path),
  'delete, recursive': (path) => client.delete(path, { recursive: true }),
  sync: (path) => client.sync(path),
  addWatch: (path) => client.addWatch(path, () => undefined),
  removeWatches: (path) => client.removeWatches(path, 'any'),
  getAllChildrenNumber: (path) => client.getAllChildrenNumber(path),
  'multiRead get': (path) => client.multiRead([{ get: path }]),
  'multiRead getChildren': (path) => client.multiRead([{ getChildren: path }]),
  'transaction create': (path) => client.transaction().create(path),
  'transaction delete': (path) => client.transaction().delete(path),
  'transaction setData': (path) => client.transaction().setData(path, ''),
  'transaction check': (path) => client.transaction().check(path, 0),
};

const TAKES_VERSION: Record<string, (version: Wrong) => unknown> = {
  set: (version) => client.set('/there', '', { version }),
  setAcls: (version) => client.setAcls('/there', [], { version }),
  delete: (version) => client.delete('/there', { version }),
  'transaction delete': (version) => client.transaction().delete('/there', { version }),
  'transaction setData': (version) => client.transaction().setData('/there', '', { version }),
  'transaction check': (version) => client.transaction().check('/there', version),
};

const TAKES_DATA: Record<string, (data: Wrong) => unknown> = {
  create: (data) => client.create('/new', data),
  set: (data) => client.set('/there', data),
  'transaction create': (data) => client.transaction().create('/new', data),
  'transaction setData': (data) => client.transaction().setData('/there', data),
};

const TAKES_ACL: Record<string, (acl: Wrong) => unknown> = {
  create: (acl) => client.create('/new', '', { acl }),
  ensurePath: (acl) => client.ensurePath('/new/deep', { acl }),
  setAcls: (acl) => client.setAcls('/there', acl),
  'transaction create': (acl) => client.transaction().create('/new', '', { acl }),
};

const TAKES_OPTIONS: Record<string, (options: Wrong) => unknown> = {
  create: (options) => client.create('/new', '', options),
  ensurePath: (options) => client.ensurePath('/new', options),
  exists: (options) => client.exists('/there', options),
  get: (options) => client.get('/there', options),
  getChildren: (options) => client.getChildren('/there', options),
  getAcls: (options) => client.getAcls('/there', options),
  setAcls: (options) => client.setAcls('/there', [], options),
  set: (options) => client.set('/there', '', options),
  delete: (options) => client.delete('/there', options),
  sync: (options) => client.sync('/there', options),
  addWatch: (options) => client.addWatch('/there', () => undefined, options),
  removeWatches: (options) => client.removeWatches('/there', 'any', options),
  getEphemerals: (options) => client.getEphemerals('/', options),
  getAllChildrenNumber: (options) => client.getAllChildrenNumber('/there', options),
  multiRead: (options) => client.multiRead([], options),
  whoAmI: (options) => client.whoAmI(options),
  getConfig: (options) => client.getConfig(options),
  reconfig: (options) => client.reconfig(options),
  command: (options) => client.command('ruok', options),
  serverVersion: (options) => client.serverVersion(options),
  commit: (options) => client.transaction().commit(options),
  'transaction create': (options) => client.transaction().create('/new', '', options),
  start: (options) => client.start(options),
  setHosts: (options) => client.setHosts('h:1', options),
};

const TAKES_WAIT = Object.fromEntries(
  Object.entries(TAKES_OPTIONS).filter(([name]) => !['transaction create', 'setHosts'].includes(name)),
);

const TAKES_WATCH: Record<string, (watch: Wrong) => unknown> = {
  exists: (watch) => client.exists('/there', { watch }),
  get: (watch) => client.get('/there', { watch }),
  getChildren: (watch) => client.getChildren('/there', { watch }),
  getConfig: (watch) => client.getConfig({ watch }),
};

function rows(calls: Record<string, (value: Wrong) => unknown>, values: readonly (readonly [unknown, Row[2], string])[]): Row[] {
  return Object.entries(calls).flatMap(([name, call]) =>
    values.map(([value, kind, message]): Row => [`${name}: ${message}`, () => call(wrong(value)), kind, message]),
  );
}

const OTHERS: Row[] = [
  [
    'create: ttl 0',
    () => client.create('/new', '', { ttl: 0 }),
    RangeError,
    'ttl must be a whole number of milliseconds from 1 to 1099511627775, not 0',
  ],
  ['create: ttl text', () => client.create('/new', '', { ttl: wrong('5') }), RangeError, 'not "5"'],
  ['create: ttl 2^40', () => client.create('/new', '', { ttl: 2 ** 40 }), RangeError, 'not 1099511627776'],
  [
    'create: ephemeral 1',
    () => client.create('/new', '', { ephemeral: wrong(1) }),
    TypeError,
    'ephemeral must be a boolean, not 1',
  ],
  [
    'create: sequence "yes"',
    () => client.create('/new', '', { sequence: wrong('yes') }),
    TypeError,
    'sequence must be a boolean, not "yes"',
  ],
  [
    'create: makepath null',
    () => client.create('/new', '', { makepath: wrong(null) }),
    TypeError,
    'makepath must be a boolean, not null',
  ],
  [
    'create: includeData 1',
    () => client.create('/new', '', { includeData: wrong(1) }),
    TypeError,
    'includeData must be a boolean, not 1',
  ],
  [
    'create: ephemeral container',
    () => client.create('/new', '', { ephemeral: true, container: true }),
    TypeError,
    'an ephemeral node can neither',
  ],
  [
    'create: ephemeral with ttl',
    () => client.create('/new', '', { ephemeral: true, ttl: 5 }),
    TypeError,
    'an ephemeral node can neither',
  ],
  [
    'create: sequential container',
    () => client.create('/new', '', { sequence: true, container: true }),
    TypeError,
    'a container can neither',
  ],
  [
    'transaction create: makepath',
    () => client.transaction().create('/new', '', wrong({ makepath: true })),
    TypeError,
    'unknown option "makepath"',
  ],
  [
    'delete: recursive 1',
    () => client.delete('/there', { recursive: wrong(1) }),
    TypeError,
    'recursive must be a boolean, not 1',
  ],
  [
    'getChildren: includeData 1',
    () => client.getChildren('/there', { includeData: wrong(1) }),
    TypeError,
    'includeData must be a boolean, not 1',
  ],
  [
    'set: no data',
    () => client.set('/there', wrong(undefined)),
    TypeError,
    'value must be a string, a Uint8Array or null, not undefined',
  ],
  [
    'transaction setData: no data',
    () => client.transaction().setData('/there', wrong(undefined)),
    TypeError,
    'value must be a string, a Uint8Array or null, not undefined',
  ],
  ...[-1, 1.5, Number.NaN, '3', null].map((retries): Row => [
    `serverVersion: retries ${retries}`,
    () => client.serverVersion({ retries: wrong(retries) }),
    RangeError,
    'retries must be a whole number from 0, not ',
  ]),
  [
    'addWatch: no listener',
    () => client.addWatch('/there', wrong(undefined)),
    TypeError,
    'listener must be a function, not undefined',
  ],
  ['addWatch: listener 1', () => client.addWatch('/there', wrong(1)), TypeError, 'listener must be a function, not 1'],
  ['getEphemerals: prefix 1', () => client.getEphemerals(wrong(1)), TypeError, 'prefix must be a string, not 1'],
  [
    'addWatch: recursive 1',
    () => client.addWatch('/there', () => undefined, { recursive: wrong(1) }),
    TypeError,
    'recursive must be a boolean, not 1',
  ],
  [
    'removeWatches: type',
    () => client.removeWatches('/there', wrong('all')),
    TypeError,
    'type must be one of data, children, any, persistent, persistentRecursive, not "all"',
  ],
  ['removeWatches: inherited name', () => client.removeWatches('/there', wrong('toString')), TypeError, 'type must be one of'],
  ['multiRead: no list', () => client.multiRead(wrong('/a')), TypeError, 'operations must be an array, not "/a"'],
  [
    'multiRead: no operation',
    () => client.multiRead([wrong({ set: '/a' })]),
    TypeError,
    'an operation must be { get } or { getChildren }',
  ],
  [
    'multiRead: null',
    () => client.multiRead([wrong(null)]),
    TypeError,
    'an operation must be { get } or { getChildren }, not null',
  ],
  [
    'multiRead: a hole',
    () => client.multiRead(wrong(new Array(1))),
    TypeError,
    'an operation must be { get } or { getChildren }, not undefined',
  ],
  [
    'multiRead: both',
    () => client.multiRead([{ get: '/there', getChildren: '/there' }]),
    TypeError,
    'an operation must be { get } or { getChildren }, not an object (Object)',
  ],
  ['reconfig: joining', () => client.reconfig({ joining: wrong(5) }), TypeError, 'joining must be a string, not 5'],
  ['reconfig: fromConfig', () => client.reconfig({ fromConfig: 1.5 }), TypeError, 'fromConfig must be a whole number, not 1.5'],
  ['command: word', () => client.command('stat; rm'), TypeError, 'word must be four letters such as "ruok"'],
  ['command: number', () => client.command(wrong(5)), TypeError, 'word must be four letters'],
  ['command: bigint', () => client.command(wrong(5n)), TypeError, 'word must be four letters such as "ruok", not 5n'],
  ['addAuth: scheme', () => client.addAuth(wrong(5), 'x'), TypeError, 'scheme must be a string, not 5'],
  ['addAuth: no scheme', () => client.addAuth('', 'x'), TypeError, 'scheme must not be empty'],
  ['addAuth: sasl', () => client.addAuth('sasl', 'x'), ConfigurationError, 'use the option "sasl"'],
  ['addAuth: credential', () => client.addAuth('digest', wrong(5)), TypeError, 'credential must be a string or bytes'],
  ['addAuth: option', () => client.addAuth('digest', 'a:b', wrong({ tries: 2 })), TypeError, 'unknown option "tries"'],
  [
    'walk: concurrency',
    () => collect(client.walk('/there', { concurrency: 0 })),
    RangeError,
    'concurrency must be a whole number from 1, not 0',
  ],
  ['walk: option', () => collect(client.walk('/there', wrong({ deep: true }))), TypeError, 'unknown option "deep"'],
];

describe.each<[string, Row[]]>([
  ['paths', rows(TAKES_PATH, PATHS)],
  [
    'versions',
    rows(TAKES_VERSION, [
      [2 ** 31, RangeError, 'version must fit in 32 bits, 2147483648 does not'],
      [-(2 ** 31) - 1, RangeError, 'version must fit in 32 bits, -2147483649 does not'],
      [1.5, TypeError, 'version must be a whole number, not 1.5'],
      [Number.NaN, TypeError, 'version must be a whole number, not NaN'],
      ['1', TypeError, 'version must be a whole number, not "1"'],
      [1n, TypeError, 'version must be a whole number, not 1n'],
      [true, TypeError, 'version must be a whole number, not true'],
      [null, TypeError, 'version must be a whole number, not null'],
    ]),
  ],
  [
    'data',
    rows(TAKES_DATA, [
      [5, TypeError, 'value must be a string, a Uint8Array or null, not 5'],
      [{}, TypeError, 'not an object (Object)'],
      [[1, 2], TypeError, 'not an array of 2'],
      [true, TypeError, 'not true'],
      [new Uint16Array(2), TypeError, 'not an object (Uint16Array)'],
      [new ArrayBuffer(2), TypeError, 'not an object (ArrayBuffer)'],
      [givenAway((memory) => Buffer.from(memory)), TypeError, 'detached'],
      [givenAway((memory) => new Uint8Array(memory)), TypeError, 'detached'],
    ]),
  ],
  [
    'ACLs',
    rows(TAKES_ACL, [
      ['world:anyone', TypeError, 'acl must be an array of ACL, not "world:anyone"'],
      [new ACL(1, ANYONE_ID_UNSAFE), TypeError, 'acl must be an array of ACL, not an object (ACL)'],
      [null, TypeError, 'acl must be an array of ACL, not null'],
      [[null], TypeError, 'acl must contain ACL objects only, not null'],
      [['x'], TypeError, 'acl must contain ACL objects only, not "x"'],
      [[malformedAcl], TypeError, 'acl must contain ACL objects only, not an object (Object)'],
      [[forged('31')], TypeError, 'acl must contain ACL objects only, not an object (ACL)'],
      [[forged(2 ** 31)], RangeError, 'perms must fit in 32 bits, 2147483648 does not'],
    ]),
  ],
  [
    'options',
    rows(TAKES_OPTIONS, [
      [{ wach: 1 }, TypeError, 'unknown option "wach"'],
      [5, TypeError, 'options must be an object, not 5'],
      [null, TypeError, 'options must be an object, not null'],
      ['x', TypeError, 'options must be an object, not "x"'],
      [[], TypeError, 'options must be an object, not an array of 0'],
      [new Map([['timeout', 5]]), TypeError, 'options must be an object, not an object (Map)'],
    ]),
  ],
  [
    'limits',
    rows(TAKES_WAIT, [
      [{ timeout: -1 }, RangeError, 'timeout must be 0 ms or more, not -1'],
      [{ timeout: '5' }, TypeError, 'timeout must be a number of milliseconds, not "5"'],
      [{ timeout: Number.NaN }, TypeError, 'timeout must be a number of milliseconds, not NaN'],
      [{ signal: {} }, TypeError, 'signal must be an AbortSignal, not an object (Object)'],
    ]),
  ],
  [
    'watches',
    rows(TAKES_WATCH, [
      [true, TypeError, 'watch must be a function, not true'],
      [{}, TypeError, 'watch must be a function, not an object'],
    ]),
  ],
  ['other arguments', OTHERS],
])('bad %s', (_, table) => {
  test.each(table)('%s', async (_name, call, kind, message) => {
    const session = client.clientId?.sessionId;
    const other = client.get('/there');
    proxy.takeSent();
    const error = await outcome(call);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(message);
    // Nothing else was sent, and neither the call beside it nor the connection took harm.
    expect((await other)[0]?.toString()).toBe('x');
    expect(proxy.takeSent().length).toBeLessThanOrEqual(24);
    expect([client.connected, client.clientId?.sessionId, proxy.accepted]).toEqual([true, session, 1]);
    expect(await client.exists('/new')).toBeNull();
  });
});

test.each([['world:anyone'], [[malformedAcl]], [new ACL(1, ANYONE_ID_UNSAFE)]])('a defaultAcl that is none: %j', async (acl) => {
  client.defaultAcl = wrong(acl);
  try {
    expect(await outcome(() => client.create('/new'))).toBeInstanceOf(TypeError);
    expect(await outcome(() => client.transaction().create('/new'))).toBeInstanceOf(TypeError);
    expect(client.connected).toBe(true);
  } finally {
    client.defaultAcl = null;
  }
});

test('an empty path stands for the root, and errors say so', async () => {
  expect(await outcome(() => client.create(''))).toMatchObject({ message: expect.stringMatching(/^create \/: /), path: '/' });
  expect(await outcome(() => client.delete(''))).toMatchObject({ message: expect.stringMatching(/^delete \/: /), path: '/' });
  await using old = await EmbeddedZooKeeper.start({ version: '3.5' });
  await using guest = await new KazooClient(old.connectString).start();
  const error = await outcome(() => guest.getAllChildrenNumber(''));
  expect(error).toMatchObject({ message: expect.stringMatching(/^getAllChildrenNumber \/: getAll.* needs/), path: '/' });
});

test('unchroot wants a path', () => {
  expect(() => client.unchroot(wrong(5))).toThrow(new TypeError('path must be a string, not 5'));
});

test('an empty defaultAcl stands for none', async () => {
  client.defaultAcl = [];
  try {
    await client.create('/open', '', { acl: [] });
    expect((await client.getAcls('/open'))[0][0]?.perms).toBe(31);
  } finally {
    client.defaultAcl = null;
    await client.delete('/open');
  }
});

test('options that a commit does not know leave the transaction as it is', async () => {
  const transaction = client.transaction().check('/there', 0);
  expect(await outcome(() => transaction.commit(wrong({ wach: 1 })))).toBeInstanceOf(TypeError);
  expect(transaction.committed).toBe(false);
  expect(await transaction.commit()).toEqual([true]);
});

test('serverVersion() has the limits of every call, over all it asks', async () => {
  expect(await outcome(() => client.serverVersion({ signal: AbortSignal.abort('enough') }))).toBe('enough');
  server.freeze();
  try {
    const late = await outcome(() => client.serverVersion({ timeout: 50 }));
    expect(late).toBeInstanceOf(OperationTimeoutError);
    expect(late).toMatchObject({ operation: 'serverVersion' });
  } finally {
    server.thaw();
  }
  expect(await client.serverVersion({ timeout: 10_000, signal: new AbortController().signal })).toHaveLength(3);
});

/** Bytes that have been given away, to a worker perhaps. */
function givenAway(over: (memory: ArrayBuffer) => Uint8Array): Uint8Array {
  const memory = new ArrayBuffer(4);
  const bytes = over(memory);
  structuredClone(memory, { transfer: [memory] });
  return bytes;
}

/** Calls reject, and those that answer at once throw. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

async function collect(paths: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const path of paths) all.push(path);
  return all;
}
