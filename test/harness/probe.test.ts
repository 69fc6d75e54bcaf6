import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { accepts, probe } from '../../src/harness/probe.ts';

async function listening(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

test('a word is answered with all that comes until the end', async () => {
  const { server, port } = await listening((socket) => {
    socket.once('data', (word) => {
      socket.write(`${word.toString()}: `);
      setImmediate(() => socket.end('done'));
    });
  });
  expect(await probe('ruok', port)).toBe('ruok: done');
  expect(await accepts(port)).toBe(true);
  server.close();
});

test('silence, a hang-up and nobody there are all null', async () => {
  const deaf = await listening((socket) => socket.resume());
  expect(await probe('ruok', deaf.port, { timeout: 50 })).toBeNull();
  deaf.server.close();
  const rude = await listening((socket) => socket.destroy());
  expect(await probe('ruok', rude.port)).toBeNull();
  rude.server.close();
  await once(rude.server, 'close');
  expect(await probe('ruok', rude.port)).toBeNull();
  expect(await accepts(rude.port)).toBe(false);
});
