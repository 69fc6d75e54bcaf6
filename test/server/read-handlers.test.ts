import { expect, test } from 'vitest';
import { body, op, OP } from '../conformance/wire.ts';
import { connect, serve } from './raw-client.ts';

test('reads of what is there, and of what is not', async () => {
  const client = await connect(await serve());
  await client.create('/p', { data: 'x' });
  await client.create('/p/b');
  await client.create('/p/a');
  expect((await client.children('/p')).children).toEqual(['a', 'b']);
  expect(await client.children2('/p')).toMatchObject({ children: ['a', 'b'], stat: { numChildren: 2, cversion: 2 } });
  expect((await client.children('/p/a')).children).toEqual([]);
  expect((await client.descendants('/p')).number).toBe(2);
  expect((await client.getACL('/p')).acl).toEqual([[31, 'world', 'anyone']]);
  expect((await client.get('')).err).toBe(0);
  const missing = [
    client.get('/no'),
    client.children('/no'),
    client.children2('/no'),
    client.descendants('/no'),
    client.getACL('/no'),
  ];
  expect((await Promise.all(missing)).map(({ err }) => err)).toEqual([-101, -101, -101, -101, -101]);
  expect((await client.exists('/\0')).err).toBe(-8);
  expect(await client.sync('bad')).toMatchObject({ err: 0, path: 'bad' });
});

test('children are watched by both reads of them', async () => {
  const client = await connect(await serve());
  await client.create('/p');
  await client.create('/q');
  await client.children('/p', true);
  await client.children2('/q', true);
  await client.get('/p', true);
  await client.create('/p/a');
  await client.create('/q/a');
  await client.set('/p');
  expect(client.events.map(({ type, path }) => `${type} ${path}`)).toEqual(['4 /p', '4 /q', '3 /p']);
});

test('the ephemeral nodes of a session are found by the beginning of their paths', async () => {
  const server = await serve();
  const [client, other] = [await connect(server), await connect(server)];
  for (const path of ['/g1', '/g2', '/h']) await client.create(path, { flags: 1 });
  const found = async (prefix: string | null): Promise<number | undefined> => (await client.ephemerals(prefix)).children?.length;
  expect([await found('/g'), await found('/'), await found(''), await found('  '), await found(null)]).toEqual([2, 3, 3, 3, 3]);
  expect((await other.ephemerals('/')).children).toEqual([]);
});

test('who may read but not administer sees no hashes', async () => {
  const server = await serve();
  const [owner, other] = [await connect(server), await connect(server)];
  await owner.auth('digest', 'u:p');
  const acl = [
    [1, 'world', 'anyone'],
    [30, 'auth', ''],
  ] as const;
  await owner.create('/a', { acl });
  expect((await other.getACL('/a')).acl).toContainEqual([30, 'digest', 'u:x']);
  expect((await owner.getACL('/a')).acl).toContainEqual([30, 'digest', 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=']);
});

test('the parts of a multiRead stand alone, and leave no watch', async () => {
  const client = await connect(await serve());
  await client.create('/p', { data: 'x' });
  await client.create('/p/a');
  const { err, results } = await client.multiRead(op.get('/p', true), op.children('/p', true), op.get('/no'), op.children('/no'));
  expect([err, results?.map(({ type, err: code }) => [type, code])]).toEqual([
    0,
    [
      [4, 0],
      [8, 0],
      [-1, -101],
      [-1, -101],
    ],
  ]);
  expect(results?.[0]).toMatchObject({ data: 'x' });
  await client.set('/p', 'y');
  expect(client.events).toEqual([]);
  expect((await client.send(OP.multiRead, body.multi([op.exists('/p')]))).err).toBe(-5);
});

test('credentials prove who one is, or end the connection', async () => {
  const server = await serve();
  const client = await connect(server);
  expect(await client.auth('ip', null, 77)).toMatchObject({ err: 0, xid: 77, zxid: 0n });
  expect((await client.auth('digest', 'u:p')).err).toBe(0);
  expect((await client.auth('digest', 'u:p')).err).toBe(0);
  expect((await client.whoAmI()).identities).toEqual(['digest:u', 'ip:127.0.0.1']);
  for (const scheme of ['foo', 'world', 'sasl', 'digest']) {
    const other = await connect(server);
    expect(await other.auth(scheme, scheme === 'digest' ? null : 'x')).toMatchObject({ err: -115, zxid: 0n });
    await other.ended();
  }
});
