import { expect, test } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { fourLetterWord, op } from '../conformance/wire.ts';
import { connect, resume, serve } from './raw-client.ts';

test('a frozen server that is restarted, or left by its ensemble and found again, expires nobody before it thaws', async () => {
  const clock = new ManualClock();
  const server = await serve({ tickTime: 100, clock });
  const client = await connect(server, { timeout: 400 });
  const { sessionId } = client.session!;
  server.freeze();
  await server.restart();
  server.setReadOnly(true);
  server.setReadOnly(false);
  clock.advance(60_000);
  server.thaw();
  expect(server.sessions().map((session) => session.sessionId)).toEqual([sessionId]);
  expect((await resume(client, server)).session!.sessionId).toBe(sessionId);
});

test('srvr tells the mode: read-only while the others are lost', async () => {
  const server = await serve();
  expect(await fourLetterWord('127.0.0.1', server.port, 'srvr')).toContain('Mode: standalone\n');
  server.setReadOnly(true);
  expect(await fourLetterWord('127.0.0.1', server.port, 'srvr')).toContain('Mode: read-only\n');
});

test('a snapshot tells null data from empty data', async () => {
  const server = await serve();
  const client = await connect(server);
  await client.create('/null', { data: null });
  await client.create('/empty', { data: '' });
  const nodes = server.snapshot() as Record<string, { data: Buffer | null }>;
  expect([nodes['/null']!.data, nodes['/empty']!.data]).toEqual([null, Buffer.alloc(0)]);
});

test('flags of a time to live in a plain create: the whole multi is unreadable at its turn, and nothing stays', async () => {
  const client = await connect(await serve({ version: '3.6' }));
  expect((await client.multi(op.create('/a'), op.create('/b', { flags: 5 }))).err).toBe(-5);
  expect((await client.exists('/a')).err).toBe(-101);
});

test('a SASL token that is null begins an exchange, as an empty one does', async () => {
  const client = await connect(await serve({ jaasUsers: { bob: 'secret' }, fipsMode: false }));
  expect((await client.sasl(null)).token).toContain('nonce=');
});
