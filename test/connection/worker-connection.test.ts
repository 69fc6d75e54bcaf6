import { createServer, type AddressInfo, type Socket } from 'node:net';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';
import type { DialOptions } from '../../src/connection/dial.ts';
import { WorkerConnection } from '../../src/connection/worker-connection.ts';
import { Shared, toPlainError, type FromWorker, type ToWorker } from '../../src/connection/worker-protocol.ts';
import { WorkerTransport } from '../../src/connection/worker-transport.ts';
import { FakeServer } from '../support/fake-server.ts';
import { until } from '../support/waiting.ts';

const CLEAR: DialOptions = { useSsl: false, verifyCerts: true, checkHostname: true };

/** A worker's end of a connection, on this thread, and what it tells over its port. */
function dial(port: number, options: DialOptions = CLEAR, ordered = 0n) {
  const { port1, port2 } = new MessageChannel();
  const memory = new SharedArrayBuffer(Shared.BYTES);
  const shared = new BigInt64Array(memory);
  shared[Shared.LAST_RECEIVED] = ordered;
  const told: FromWorker[] = [];
  const over = { now: false };
  port1.on('message', (message: FromWorker) => void told.push(message));
  port1.on('close', () => (over.now = true));
  onTestFinished(() => port1.close());
  new WorkerConnection({ target: { host: 'h', address: '127.0.0.1', port }, options, port: port2, shared: memory });
  return { port: port1, shared, told, over, tell: (message: ToWorker): void => port1.postMessage(message) };
}

/** What a client says first: 44 bytes that nothing is known of yet. */
function question(): ArrayBuffer {
  const frame = new ArrayBuffer(48);
  new DataView(frame).setInt32(0, 44);
  return frame;
}

describe("the worker's end of a connection", () => {
  test('says that it is open, relays both ways, and notes when bytes came', async () => {
    await using server = await FakeServer.start();
    const { told, tell, shared } = dial(server.port);
    await until(() => told.length === 1, 'the opening');
    expect(told).toEqual([{ opened: true }]);
    const before = process.hrtime.bigint();
    tell(question());
    await until(() => told.length === 2, 'the answer');
    expect(server.questions).toHaveLength(1);
    expect((told[1] as ArrayBuffer).byteLength).toBe(4 + 37);
    expect(shared[Shared.LAST_RECEIVED]).toBeGreaterThan(before);
    expect(shared[Shared.DEAD]).toBe(0n);
  });

  test("notes it by the clock of the thread that ordered it, where its own counts from the thread's start", async () => {
    await using server = await FakeServer.start();
    const ordered = process.hrtime.bigint() + 3_600_000_000_000n;
    const { told, tell, shared } = dial(server.port, CLEAR, ordered);
    await until(() => told.length === 1, 'the opening');
    tell(question());
    await until(() => told.length === 2, 'the answer');
    expect(shared[Shared.LAST_RECEIVED]).toBeGreaterThan(ordered);
    expect(shared[Shared.LAST_RECEIVED]).toBeLessThan(ordered + 60_000_000_000n);
  });

  test('tells of an end that the server made, without an error, and closes its port', async () => {
    await using server = await FakeServer.start();
    const { told, over } = dial(server.port);
    await until(() => told.length === 1, 'the opening');
    server.peers[0]!.socket.end();
    await until(() => over.now, 'the close');
    expect(told).toEqual([{ opened: true }, { closed: null }]);
  });

  test('tells why it could not be made', async () => {
    const refused = dial(1);
    await until(() => refused.over.now, 'the refusal');
    expect(refused.told).toEqual([
      { closed: { name: 'ConnectionDropped', message: expect.stringContaining('ECONNREFUSED'), code: 'ECONNREFUSED' } },
    ]);
    const unreadable = dial(1, { ...CLEAR, useSsl: true, ca: 'no-such-file.pem' });
    await until(() => unreadable.over.now, 'the mistake');
    expect(unreadable.told).toEqual([
      { closed: { name: 'ConfigurationError', message: expect.stringContaining('no-such-file') } },
    ]);
  });

  test('is over when its port is closed from the other side', async () => {
    await using server = await FakeServer.start();
    const { told, port } = dial(server.port);
    await until(() => told.length === 1, 'the opening');
    let ended = false;
    server.peers[0]!.socket.on('close', () => (ended = true));
    port.close();
    await until(() => ended, 'the end of the socket');
  });

  test('is not made when its port is closed before', async () => {
    // It never answers the handshake of TLS: so the socket is there, and the connection is not.
    const hole = createServer();
    onTestFinished(() => void hole.close());
    const asked = new Promise<Socket>((resolve) => {
      hole.on('connection', (socket) => socket.on('error', () => undefined).once('data', () => resolve(socket)));
    });
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    const { port, told } = dial((hole.address() as AddressInfo).port, { ...CLEAR, useSsl: true });
    const socket = await asked;
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    port.close();
    await ended;
    expect(told).toEqual([]);
  });

  test('pings, and gives a silent server up: dead is marked before it is told', async () => {
    await using server = await FakeServer.start();
    const { told, tell, shared, over } = dial(server.port);
    await until(() => told.length === 1, 'the opening');
    tell(question());
    await until(() => told.length === 2, 'the answer');
    server.peers[0]!.deaf = true;
    let pinged = 0;
    server.peers[0]!.socket.on('data', ({ length }) => (pinged += length));
    tell({ keepAlive: { sessionTimeout: 600, ping: new Uint8Array(12) } });
    await until(() => over.now, 'the end');
    expect(pinged).toBeGreaterThan(0);
    expect(pinged % 12).toBe(0);
    expect(shared[Shared.DEAD]).toBe(1n);
    expect(told).toHaveLength(3);
    expect((told[2] as { closed: Error }).closed.message).toMatch(/silent|event-loop-stall/);
  });
});

describe("the main thread's end of a connection", () => {
  function pair(): { transport: WorkerTransport; worker: MessagePort; shared: BigInt64Array; heard: unknown[] } {
    const { port1, port2 } = new MessageChannel();
    onTestFinished(() => port2.close());
    const memory = new SharedArrayBuffer(Shared.BYTES);
    const transport = new WorkerTransport(port1, memory);
    const heard: unknown[] = [];
    transport.onData = (chunk) => void heard.push(chunk.toString());
    transport.onOpen = () => void heard.push('open');
    transport.onClose = (error) => void heard.push(error);
    return { transport, worker: port2, shared: new BigInt64Array(memory), heard };
  }

  test('sends nothing that is empty, and nothing once it is closed', async () => {
    const { transport, worker, heard } = pair();
    const sent: ToWorker[] = [];
    worker.on('message', (message: ToWorker) => void sent.push(message));
    const closed = new Promise((resolve) => worker.once('close', resolve));
    transport.write(Buffer.alloc(0));
    transport.write(Buffer.from('abc'));
    await until(() => sent.length > 0, 'the bytes');
    transport.destroy();
    transport.write(Buffer.from('late'));
    transport.keepAlive({ sessionTimeout: 1_000, ping: new Uint8Array(12) });
    await closed;
    expect(sent.map((bytes) => Buffer.from(bytes as ArrayBuffer).toString())).toEqual(['abc']);
    expect(heard).toEqual([null]);
  });

  test('hears nothing more once it is destroyed, though more has come by then', async () => {
    const { transport, worker, heard } = pair();
    transport.onData = (chunk) => {
      heard.push(chunk.toString());
      transport.destroy();
    };
    const closed = new Promise((resolve) => worker.once('close', resolve));
    for (const text of ['first', 'second']) worker.postMessage(new Uint8Array(Buffer.from(text)).buffer);
    worker.postMessage({ closed: toPlainError(new Error('late')) });
    await closed;
    expect(heard).toEqual(['first', null]);
  });

  test('believes nothing that came before the session was found dead', async () => {
    const { worker, shared, heard } = pair();
    worker.postMessage(new Uint8Array(Buffer.from('before')).buffer);
    await until(() => heard.length === 1, 'the bytes');
    Atomics.store(shared, Shared.DEAD, 1n);
    worker.postMessage(new Uint8Array(Buffer.from('after')).buffer);
    worker.postMessage({ closed: toPlainError(Object.assign(new Error('dead'), { code: 'presumed' })) });
    await until(() => heard.length === 2, 'the end');
    expect(heard).toEqual(['before', expect.objectContaining({ message: 'dead', code: 'presumed' })]);
  });

  test('has the mistake in the options as the error it was', async () => {
    const { worker, heard } = pair();
    worker.postMessage({ closed: toPlainError(new ConfigurationError('ca is none')) });
    await until(() => heard.length === 1, 'the end');
    expect(heard[0]).toBeInstanceOf(ConfigurationError);
  });
});
