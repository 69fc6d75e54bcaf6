import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
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
    await expect(attempt).rejects.toMatchObject({ code: 'ECONNREFUSED', cause: { code: 'ECONNREFUSED' } });
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

describe('a transport that rests', () => {
  afterEach(() => void vi.useRealTimers());

  /** A transport whose rests end when the test says so, and what it brought. */
  async function resting(onSocket: (socket: net.Socket) => void) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const port = await listen(onSocket);
    const transport = await dialSocket({ host: 'h', address: '127.0.0.1', port }, CLEAR, never());
    const heard: string[] = [];
    transport.onData = (chunk) => {
      heard.push(chunk.toString());
      if (heard.length === 1) transport.rest?.();
    };
    transport.onClose = () => void heard.push('closed');
    return { transport, heard };
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  /** In turns of the loop: a rest would end with the timers of vitest's own waiting. */
  const seen = async (what: () => boolean): Promise<void> => {
    for (const deadline = performance.now() + 30_000; !what() && performance.now() < deadline;) await turn();
    expect(what()).toBe(true);
    for (let more = 0; more < 20; more++) await turn();
  };

  test('reads nothing meanwhile, then what has gathered at once', async () => {
    let sent = 0;
    const { heard } = await resting((socket) => {
      socket.on('data', () => undefined);
      for (const piece of ['a', 'b', 'c']) setImmediate(() => socket.write(piece, () => (sent += 1)));
    });
    await seen(() => heard.length > 0 && sent === 3);
    const early = heard.join('');
    expect(heard).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await seen(() => heard.join('') === 'abc');
    expect(heard).toEqual(early === 'abc' ? ['abc'] : [early, 'abc'.slice(early.length)]);
  });

  test('is told of a close in the end', async () => {
    const { heard } = await resting((socket) => void socket.end('bye'));
    await seen(() => heard.length === 1);
    expect(heard).toEqual(['bye']);
    vi.advanceTimersByTime(1);
    await seen(() => heard.includes('closed'));
  });

  test('and is destroyed meanwhile leaves no timer', async () => {
    const { transport, heard } = await resting((socket) => {
      socket.on('error', () => undefined);
      socket.write('a');
    });
    await seen(() => heard.length === 1);
    expect(vi.getTimerCount()).toBe(1);
    transport.destroy();
    expect(vi.getTimerCount()).toBe(0);
    await seen(() => heard.includes('closed'));
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

  test('asks for a name once at a time, and anew when the question has been answered, or has failed', async () => {
    for (const host of ['localhost', 'no-such-host.invalid']) {
      const [first, second] = [resolveHost(host), resolveHost(host)];
      expect(second).toBe(first);
      await first.catch(() => undefined);
      const third = resolveHost(host);
      expect(third).not.toBe(first);
      await third.catch(() => undefined);
    }
  });
});
