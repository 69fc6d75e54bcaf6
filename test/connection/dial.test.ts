import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigurationError, ConnectionDropped } from '../../src/base/errors.ts';
import { dialSocket, resolveHost, type DialOptions } from '../../src/connection/dial.ts';

const CLEAR: DialOptions = { useSsl: false, verifyCerts: true, checkHostname: true };
const never = (): AbortSignal => new AbortController().signal;

async function listen(onSocket: (socket: net.Socket) => void = () => undefined, address = '127.0.0.1'): Promise<number> {
  const server = net.createServer(onSocket).listen(0, address);
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('dialling', () => {
  test('opens a transport that brings bytes, then one close', async () => {
    const port = await listen((socket) => void socket.end('hello'));
    const transport = await dialSocket({ host: 'localhost', address: '127.0.0.1', port }, CLEAR, never());
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      transport.onData = (chunk) => void heard.push(chunk.toString());
      transport.onClose = (error) => {
        heard.push(String(error));
        resolve();
      };
    });
    expect(heard).toEqual(['hello', 'null']);
    // After the end: not written, and not an error.
    transport.write(Buffer.from('late'));
    transport.destroy();
  });

  test('a port where nobody listens is a dropped connection with the cause', async () => {
    const port = await listen();
    const closed = port === 1 ? 2 : 1;
    const attempt = dialSocket({ host: 'h', address: '127.0.0.1', port: closed }, CLEAR, never());
    await expect(attempt).rejects.toThrow(ConnectionDropped);
    await expect(attempt).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  test('is ended by its signal, before and meanwhile, with the reason', async () => {
    const port = await listen();
    const target = { host: 'h', address: '127.0.0.1', port };
    const reason = new Error('enough');
    await expect(dialSocket(target, CLEAR, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const attempt = dialSocket(target, CLEAR, controller.signal);
    controller.abort(reason);
    await expect(attempt).rejects.toBe(reason);
  });

  test('TLS options that cannot be used are refused by name, at once', async () => {
    const target = { host: 'h', address: '127.0.0.1', port: 1 };
    const secure: DialOptions = { ...CLEAR, useSsl: true };
    await expect(dialSocket(target, { ...secure, ca: 'no-such-file.pem' }, never())).rejects.toThrow(
      new ConfigurationError('ca "no-such-file.pem" is neither PEM text nor a file'),
    );
    const broken = dialSocket(target, { ...secure, certfile: '-----BEGIN NONSENSE-----' }, never());
    await expect(broken).rejects.toThrow(ConfigurationError);
    await expect(broken).rejects.toThrow('the TLS options cannot be used');
    const bytes = dialSocket(target, { ...secure, certfile: new TextEncoder().encode('nonsense') }, never());
    await expect(bytes).rejects.toThrow(ConfigurationError);
  });
});

describe('a host', () => {
  test.each(['127.0.0.1', '::1', 'fe80::1%lo'])('that is the address %s is not looked up', async (address) => {
    await expect(resolveHost(address)).resolves.toEqual([address]);
  });

  test('has each address once', async () => {
    const found = await resolveHost('localhost');
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found).size).toBe(found.length);
  });

  test('that does not exist rejects', async () => {
    await expect(resolveHost('no-such-host.invalid')).rejects.toThrow();
  });
});
