import { once } from 'node:events';
import { connect as dialSocket, type Socket } from 'node:net';
import { connect as dialTls } from 'node:tls';
import { expect, test } from 'vitest';
import { connectRequest, frame, RawConnection } from '../conformance/wire.ts';
import { makeCertificates, type Certificates } from '../harness/certificates.ts';
import { serve } from './raw-client.ts';

const certificates = await makeCertificates();

test.skipIf(certificates === null)('a server speaks TLS, to those who do', async () => {
  const { ca, server: pair } = certificates as Certificates;
  const server = await serve({ tls: pair });
  const secured = dialTls({ port: server.port, host: '127.0.0.1', ca, servername: 'localhost' });
  await once(secured, 'secureConnect');
  const client = new RawConnection(secured);
  expect((await client.handshake())?.sessionId).not.toBe(0n);
  expect((await client.create('/a', { data: 'x'.repeat(100_000) })).err).toBe(0);
  expect((await client.get('/a')).data).toHaveLength(100_000);

  const plain = await RawConnection.dial('127.0.0.1', server.port);
  plain.write(frame(connectRequest()));
  await plain.ended();
  expect(plain.session).toBeUndefined();
  expect((await client.ping()).err).toBe(0);
  client.destroy();
});

test.skipIf(certificates === null)('a connection that never begins to speak TLS does not hold the server up', async () => {
  const server = await serve({ tls: (certificates as Certificates).server });
  const silent = dialSocket(server.port, '127.0.0.1').on('error', () => undefined);
  await once(silent, 'connect');
  server.refuseConnections(true);
  const refused = dialSocket(server.port, '127.0.0.1').on('error', () => undefined);
  await ended(refused);
  await Promise.all([ended(silent), server.close()]);
});

const ended = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.on('close', resolve));
