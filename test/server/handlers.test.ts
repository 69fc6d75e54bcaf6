import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { body, bool, bytes, cat, int, op, OP, type Reply } from '../conformance/wire.ts';
import { connect, resume, serve } from './raw-client.ts';

// The statements that differ between releases. Those that do not are in test/conformance, where real servers answer too.

const types = ({ results }: Reply): number[] | undefined => results?.map(({ type }) => type);

test.each([
  ['3.8', -1n],
  ['3.9', undefined],
])('events of %s have the zxid of their transaction since 3.9', async (version, zxid) => {
  const client = await connect(await serve({ version }));
  await client.exists('/a', true);
  const created = await client.create('/a');
  expect(client.events).toMatchObject([{ type: 1, state: 3, path: '/a', zxid: zxid ?? created.zxid }]);
});

test.each([
  ['3.6', 107, -6],
  ['3.7', 107, 0],
  ['3.5', 106, -6],
  ['3.4', 15, -6],
])('%s and operation %d: %d', async (version, opcode, err) => {
  const client = await connect(await serve({ version }));
  const record = opcode === 106 ? body.pathInt('/', 0) : opcode === 15 ? body.create('/a') : Buffer.alloc(0);
  expect((await client.send(opcode, record)).err).toBe(err);
});

test('the configuration has a node since 3.5', async () => {
  const old = await connect(await serve({ version: '3.4' }));
  expect(await old.get('/zookeeper/config')).toMatchObject({ err: -101 });
  expect(await old.children2('/zookeeper')).toMatchObject({ children: ['quota'], stat: { cversion: -1, numChildren: 1 } });
  const first = await connect(await serve({ version: '3.5' }));
  expect(await first.get('/zookeeper/config')).toMatchObject({ err: 0 });
});

test('a multi cannot be read with an operation that the release does not know', async () => {
  const old = await connect(await serve({ version: '3.4' }));
  const before = (await old.ping()).zxid;
  for (const part of [op.create2('/a'), op.createContainer('/a'), op.createTTL('/a', { ttl: 5 })]) {
    expect((await old.multi(op.create('/b'), part)).err).toBe(-5);
  }
  expect((await old.exists('/b')).err).toBe(-101);
  expect((await old.ping()).zxid - before).toBe(3n);
});

test('a lone check is refused by releases that got the fix, and never answered by others', async () => {
  const fixed = await connect(await serve());
  expect(await fixed.send(OP.check, body.pathInt('/', -1))).toMatchObject({ err: -6, zxid: -1n });
  await fixed.ended();
  const old = await connect(await serve({ version: '3.8.4' }));
  void old.send(OP.check, body.pathInt('/', -1)).catch(() => undefined);
  await old.ping();
  expect(old.replies).toHaveLength(1);
});

test.each([
  ['3.8.1', 1, [undefined, -8]],
  ['3.9', 15, [-5, undefined]],
])('create2 and unknown flags inside a multi of %s', async (version, type, [header, result]) => {
  const client = await connect(await serve({ version }));
  expect(types(await client.multi(op.create2('/a')))).toEqual([type]);
  const reply = await client.multi(op.create('/b', { flags: 9 }));
  expect([reply.err || undefined, reply.results?.[0]?.err]).toEqual([header, result]);
});

test.each([
  ['3.8', 1n],
  ['3.9', 0n],
])('an unreadable write of %s costs %d', async (version, cost) => {
  const client = await connect(await serve({ version }));
  const before = (await client.ping()).zxid;
  expect((await client.send(OP.create, bytes('/a'))).err).toBe(-5);
  expect((await client.ping()).zxid - before).toBe(cost);
  expect((await client.send(OP.multi, int(1))).err).toBe(-5);
  expect((await client.ping()).zxid - before).toBe(cost + 1n);
});

test('exists needs READ, and events do, since the fix', async () => {
  const secret = { acl: [[31, 'digest', 'u:h']] as const };
  for (const [version, err] of [
    ['3.8.3', 0],
    ['3.9', -102],
  ] as const) {
    const client = await connect(await serve({ version }));
    await client.create('/a', secret);
    expect((await client.exists('/a')).err).toBe(err);
  }
});

test.each([
  ['3.8', [0, 0, 0, -5, -5]],
  ['3.9', [-121, -121, 0, 0, -121]],
])('looking for a persistent watch by type, %s', async (version, codes) => {
  const client = await connect(await serve({ version }));
  await client.addWatch('/a', 0);
  const replies = await Promise.all([1, 2, 3, 4, 5].map((type) => client.checkWatches('/a', type)));
  expect(replies.map(({ err }) => err)).toEqual(codes);
  expect((await client.checkWatches('/a', 6)).err).toBe(-5);
});

test.each([
  ['3.8', 'absent', 36],
  ['3.9.1', 'absent', 37],
  ['3.9', 'absent', 36],
  ['3.9', false, 37],
] as const)('the read-only byte of %s to a client whose own is %s', async (version, readOnly, length) => {
  const client = await connect(await serve({ version }), { readOnly });
  expect(client.session?.length).toBe(length);
});

test('a client may delete a container by request of its own since 3.9', async () => {
  for (const [version, codes] of [
    ['3.8', [-8, -8, -8]],
    ['3.9', [-111, -103, 0]],
  ] as const) {
    const client = await connect(await serve({ version }));
    await client.create('/a');
    await client.create('/a/e', { flags: 1 });
    await client.create('/b');
    const replies = ['/a', '/a/e', '/b'].map((path) => client.send(OP.deleteContainer, body.path(path)));
    expect((await Promise.all(replies)).map(({ err }) => err)).toEqual(codes);
  }
});

test('the super user is a digest that the server knows', async () => {
  const superDigest = `super:${createHash('sha1').update('super:secret').digest('base64')}`;
  const client = await connect(await serve({ superDigest }));
  expect((await client.set('/zookeeper/config')).err).toBe(-102);
  await client.auth('digest', 'super:secret');
  expect((await client.set('/zookeeper/config')).err).toBe(0);
  expect((await client.whoAmI()).identities).toEqual(['digest:super', 'ip:127.0.0.1', 'super:']);
});

test('where SASL is required nothing else is answered', async () => {
  const server = await serve({ jaasUsers: { bob: 'x' }, sessionRequireClientSASLAuth: true });
  const client = await connect(server);
  expect((await client.auth('digest', 'u:p')).err).toBe(0);
  expect(await client.ping()).toMatchObject({ err: -124, zxid: 0n });
  await client.ended();
  const other = await connect(server);
  await other.sasl('');
  expect(await other.sasl('nonsense')).toMatchObject({ err: -124, token: null });
});

test('in FIPS mode DIGEST-MD5 is refused, and without users SASL is passed over', async () => {
  const client = await connect(await serve({ jaasUsers: { bob: 'x' }, fipsMode: true }));
  expect(await client.sasl('')).toMatchObject({ err: -115, token: null });
  await client.ended();
  expect(await (await connect(await serve())).sasl(null)).toMatchObject({ err: 0, token: null });
});

test('reconfiguration of a server by itself is off, or impossible', async () => {
  const record = cat(bytes(null), bytes(null), bytes(null), Buffer.alloc(8));
  expect((await (await connect(await serve())).send(OP.reconfig, record)).err).toBe(-123);
  expect((await (await connect(await serve({ reconfigEnabled: true }))).send(OP.reconfig, record)).err).toBe(-6);
});

test('a failed multi leaves no trace, also of what it had deleted and set', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/p', { data: 'old' });
  await client.create('/p/e', { flags: 1 });
  await client.createContainer('/p/c');
  const before = server.snapshot();
  const failing = op.check('/p', 77);
  const reply = await client.multi(
    op.set('/p', 'new'),
    op.delete('/p/e'),
    op.create('/p/e'),
    op.delete('/p/c'),
    op.create('/p/s', { flags: 3 }),
    op.create('/p/t', { flags: 4 }),
    failing,
    op.create('/p/z'),
  );
  expect(reply.results?.map(({ err }) => err)).toEqual([0, 0, 0, 0, 0, 0, -103, -2]);
  expect(server.snapshot()).toEqual(before);
  expect(server.sessions()[0]?.ephemerals).toEqual(['/p/e']);
});

test('a multi with a list of no ACLs, or TTL flags on a plain create, cannot be read', async () => {
  const client = await connect(await serve());
  expect((await client.multi(op.create('/a', { acl: null }))).err).toBe(-5);
  expect((await client.multi(op.create('/a', { flags: 5 }))).err).toBe(-5);
  expect(types(await client.multi(op.createTTL('/a', { ttl: 5 })))).toEqual([15]);
});

test('inside a multi the flags decide what createTTL makes', async () => {
  const client = await connect(await serve());
  const made = await client.multi(...[0, 1, 2, 4].map((flags) => op.createTTL(`/t${flags}`, { flags, ttl: 5000 })));
  expect(types(made)).toEqual([1, 1, 1, 15]);
  expect((await client.exists('/t1')).stat?.ephemeralOwner).toBe(client.session?.sessionId);
});

test('an unexpected exception is answered as what cannot be read', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/a', { acl: [[31, 'digest', null]] });
  expect(client.replies.at(-1)?.err).toBe(-5);
  expect((await client.send(OP.getData, cat(bytes(null), bool(false)))).err).toBe(-5);
});

test('a version counts over its end, and 3.10 leaves out -1', async () => {
  for (const version of ['3.9', '3.10']) {
    const client = await connect(await serve({ version }));
    await client.create('/a');
    expect((await client.set('/a', '', 0)).stat?.version).toBe(1);
  }
});

test('watches are made up for after a reconnection', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/changed');
  await client.create('/same');
  const { zxid } = await client.ping();
  await client.set('/changed', 'x');
  await client.create('/changed/child');
  const again = await resume(client, server);
  const paths = ['/changed', '/same', '/gone'];
  await again.setWatches2(zxid, paths, ['/same', '/gone'], paths, ['/pers'], ['/rec']);
  expect(again.events.map(({ type, path, zxid: header }) => `${type} ${path} ${header}`)).toEqual([
    '3 /changed -1',
    '2 /gone -1',
    '1 /same -1',
    '4 /changed -1',
    '2 /gone -1',
  ]);
  again.events.length = 0;
  await again.set('/same', 'x');
  await again.create('/gone');
  await again.create('/pers');
  await again.create('/rec');
  await again.create('/rec/x');
  expect(again.events.map(({ type, path }) => `${type} ${path}`)).toEqual([
    '3 /same',
    '1 /gone',
    '1 /pers',
    '1 /rec',
    '1 /rec/x',
  ]);
});
