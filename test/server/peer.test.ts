import { connect as dialSocket, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { body, cat, connectRequest, frame, int, OP, RawConnection } from '../conformance/wire.ts';
import { connect, dial, serve } from './raw-client.ts';

const request = (xid: number, opcode: number, record: Buffer = Buffer.alloc(0)): Buffer =>
  frame(cat(int(xid), int(opcode), record));

test('a stream is understood however it is cut', async () => {
  const server = await serve();
  const client = await dial(server);
  const connected = client.awaitConnect();
  const reply = client.expectReply(1, OP.create);
  for (const byte of cat(frame(connectRequest()), request(1, OP.create, body.create('/a', { data: 'x'.repeat(200) })))) {
    client.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  expect((await connected)?.sessionId).not.toBe(0n);
  expect((await reply).err).toBe(0);
});

test('requests sent with the handshake are answered after it', async () => {
  const server = await serve();
  const client = await dial(server);
  const [connected, reply] = [client.awaitConnect(), client.expectReply(7, OP.ping)];
  client.write(cat(frame(connectRequest()), request(7, OP.getChildren, body.pathWatch('/', false))));
  await connected;
  expect(await reply).toMatchObject({ xid: 7, err: 0 });
});

test.each([
  ['a negative length', int(-1)],
  ['a length beyond the limit', int(1_048_576)],
  ['a frame too short for a header', cat(int(4), int(1))],
  ['an empty frame', int(0)],
])('%s ends the connection, before the handshake and after', async (_, bytes) => {
  const server = await serve();
  const [fresh, client] = [await dial(server), await connect(server)];
  fresh.write(bytes);
  client.write(bytes);
  await Promise.all([fresh.ended(), client.ended()]);
  expect(fresh.received).toBe(0);
});

test('the limit is an option', async () => {
  const server = await serve({ juteMaxbuffer: 1000 });
  const client = await connect(server);
  expect((await client.create('/a', { data: 'x'.repeat(900) })).err).toBe(0);
  expect((await client.create('/b', { data: 'x'.repeat(1000) })).err).toBe('closed');
});

test('garbage harms nobody else', { timeout: 60_000 }, async () => {
  const server = await serve();
  const witness = await connect(server);
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 0x7fff_ffff);
  for (let i = 0; i < 300; i++) {
    const client = await dial(server);
    if (i % 2 === 0) await client.handshake();
    const garbage = Buffer.from(Array.from({ length: random() % 200 }, () => random() & 0xff));
    client.write(i % 3 === 0 ? frame(garbage) : request(1, (random() % 25) - 2, garbage));
    client.destroy();
  }
  expect((await witness.ping()).err).toBe(0);
});

test('one turn of the loop is one write, whatever it answers', async () => {
  const server = await serve();
  const socket = await shaken(server.port);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(Buffer.concat(Array.from({ length: 100 }, () => request(-2, OP.ping))));
  await expect.poll(() => Buffer.concat(chunks).length).toBe(100 * 20);
  expect(chunks.length).toBeLessThan(5);
  socket.destroy();
});

test('who asks for much and reads nothing gets no more than buffers hold', { timeout: 60_000 }, async () => {
  const server = await serve();
  const witness = await connect(server);
  await witness.create('/big', { data: 'x'.repeat(1_000_000) });
  const socket = await shaken(server.port);
  socket.pause();
  const before = process.memoryUsage().arrayBuffers;
  socket.write(Buffer.concat(Array.from({ length: 5000 }, (_, i) => request(i + 1, OP.getData, body.pathWatch('/big', false)))));
  for (let i = 0; i < 20; i++) await witness.ping();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6);
  socket.destroy();
});

test('a reader that was slow gets everything in the end', { timeout: 60_000 }, async () => {
  const server = await serve();
  const witness = await connect(server);
  await witness.create('/big', { data: 'x'.repeat(500_000) });
  const socket = await shaken(server.port);
  let received = 0;
  socket.pause();
  socket.on('data', (chunk: Buffer) => (received += chunk.length));
  socket.pause();
  socket.write(Buffer.concat(Array.from({ length: 100 }, (_, i) => request(i + 1, OP.getData, body.pathWatch('/big', false)))));
  await witness.ping();
  socket.resume();
  await expect.poll(() => received, { timeout: 30_000 }).toBe(100 * (4 + 16 + 4 + 500_000 + 68));
  socket.destroy();
});

test('a flood into a frozen server is held back, and answered after the thaw', { timeout: 60_000 }, async () => {
  const server = await serve();
  const client = await connect(server);
  server.freeze();
  const replies = Array.from({ length: 40 }, (_, i) => client.create(`/n${i}`, { data: 'x'.repeat(100_000) }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([client.replies.length, server.snapshot()['/n0']]).toEqual([0, undefined]);
  server.thaw();
  expect((await Promise.all(replies)).every(({ err }) => err === 0)).toBe(true);
});

test('nothing behind the end of a session is answered', async () => {
  const server = await serve();
  const client = await connect(server);
  const [closed, behind] = await Promise.all([client.closeSession(), client.exists('/')]);
  expect([closed.err, behind.err]).toEqual([0, 'closed']);
});

test('an unknown operation costs the connection, not the session', async () => {
  const server = await serve();
  const client = await connect(server);
  expect(await client.send(50)).toMatchObject({ err: -6, zxid: -1n });
  await client.ended();
  expect(server.sessions()).toHaveLength(1);
});

test('an address given by IPv6 is written in full', async () => {
  const server = await serve({ host: '::1' }).catch(() => undefined);
  if (server === undefined) return;
  const client = await RawConnection.dial('::1', server.port);
  await client.handshake();
  expect((await client.whoAmI()).identities).toEqual(['ip:0:0:0:0:0:0:0:1']);
  client.destroy();
});

/** A bare socket, past its handshake. */
async function shaken(port: number): Promise<Socket> {
  const socket = dialSocket(port, '127.0.0.1');
  socket.write(frame(connectRequest({ timeout: 40_000 })));
  await new Promise<void>((resolve) => socket.once('data', () => resolve()));
  return socket;
}
