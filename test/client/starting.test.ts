import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { ConnectionClosedError, ConnectionLoss, KazooTimeoutError, MarshallingError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer } from '../support/fake-server.ts';
import { record, rejection, until } from '../support/waiting.ts';

describe('start()', () => {
  test('with a signal that has aborted dials nobody', async () => {
    await using server = await FakeServer.start();
    const client = new KazooClient(server.connectString);
    expect(client.server).toBeNull();
    const reason = new Error('enough');
    expect(await rejection(client.start({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.peers).toEqual([]);
    expect(client.clientState).toBe('CLOSED');
  });

  test('that has come to its end lets go of its signal, and of its timer', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const delays: number[] = [];
    const clock: Clock = {
      now: () => systemClock.now(),
      wallTime: () => systemClock.wallTime(),
      timer: (delay, ...rest) => {
        delays.push(delay);
        const timer = systemClock.timer(delay, ...rest);
        return { cancel: () => (delays.splice(delays.indexOf(delay), 1), timer.cancel()) };
      },
    };
    await using client = new KazooClient({ hosts: server.connectString, clock });
    const { signal } = new AbortController();
    await client.start({ signal, timeout: 123_456 });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(delays).not.toContain(123_456);
  });

  test('that is aborted while it waits gives its reason, and stops', async () => {
    await using server = await FakeServer.start({ greet: () => undefined });
    const client = new KazooClient(server.connectString);
    const controller = new AbortController();
    const reason = new Error('enough');
    const started = rejection(client.start({ signal: controller.signal }));
    await until(() => server.questions.length > 0, 'the question');
    controller.abort(reason);
    expect(await started).toBe(reason);
    expect(client.clientState).toBe('CLOSED');
    await until(() => server.peers.every(({ socket }) => socket.closed), 'the end of the connection');
  });

  test('that joins another gives up by itself, and leaves the other alone', async () => {
    let greet: () => void = () => undefined;
    await using server = await FakeServer.start({
      greet: (peer, { timeOut }) => void (greet = () => peer.confirm(timeOut, 1n)),
    });
    await using client = new KazooClient(server.connectString);
    const first = client.start();
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborted = rejection(client.start({ signal: controller.signal }));
    expect(await rejection(client.start({ timeout: 20 }))).toBeInstanceOf(KazooTimeoutError);
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    await until(() => server.questions.length > 0, 'the question');
    greet();
    await first;
    expect(client.connected).toBe(true);
  });

  test('of a client whose connection is lost costs it nothing when it gives up', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(server.connectString).start();
    const session = client.clientId?.sessionId;
    server.refuseConnections(true);
    server.dropConnections();
    await until(() => client.state === 'SUSPENDED', 'the loss of the connection');
    expect(await rejection(client.start({ timeout: 20 }))).toBeInstanceOf(KazooTimeoutError);
    expect(client.clientState).not.toBe('CLOSED');
    server.refuseConnections(false);
    await client.start();
    expect(client.clientId?.sessionId).toBe(session);
  });

  test('says of each server why there is no session: no address, no answer', async () => {
    await using silent = await FakeServer.start({ greet: () => undefined });
    const client = new KazooClient({
      hosts: `silent:${silent.port},unknown:2181`,
      randomizeHosts: false,
      timeout: 60_000,
      resolver: (host) => (host === 'silent' ? Promise.resolve(['127.0.0.1']) : new Promise(() => undefined)),
    });
    const started = rejection(client.start({ timeout: 1_500 }));
    const error = await started;
    expect(error).toBeInstanceOf(KazooTimeoutError);
    expect(error.message).toContain('the lookup of unknown has not been answered yet');
    expect(error.message).toContain('no answer yet');
  });
});

test('start() whose policy gives up names every server, and what kept it from being reached', async () => {
  const hosts = ['127.0.0.1:1', 'nowhere.invalid:2'];
  const resolver = (host: string): Promise<string[]> =>
    host === '127.0.0.1' ? Promise.resolve([host]) : Promise.reject(new Error('ENOTFOUND'));
  const error = await rejection(new KazooClient({ hosts, connectionRetry: { maxTries: 1 }, resolver }).start());
  const [first, ...servers] = error.message.split('\n');
  expect(first).toBe('gave up after 1 try: no server could be reached');
  expect(servers.sort()).toEqual([
    expect.stringMatching(/^ {2}127\.0\.0\.1:1 \(127\.0\.0\.1\): .*ECONNREFUSED/),
    '  nowhere.invalid:2 (not resolved): ENOTFOUND',
  ]);
  expect(error.cause).toBeInstanceOf(ConnectionLoss);
});

describe('start() with a chroot, while it asks for its node,', () => {
  /** Nothing is left of it, at the server neither. */
  const expectGone = async (client: KazooClient, server: EmbeddedZooKeeper): Promise<void> => {
    expect([client.clientState, client.clientId]).toEqual(['CLOSED', null]);
    await until(() => server.sessions().length === 0, 'the end of the session');
  };

  test('ends with KazooTimeoutError, within the one time limit, and stops', async () => {
    await using server = await EmbeddedZooKeeper.start();
    server.faults.dropReply('exists');
    const client = new KazooClient({ hosts: `${server.connectString}/c`, timeout: 30_000 });
    const begun = performance.now();
    const error = await rejection(client.start({ timeout: 300 }));
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(error).toBeInstanceOf(KazooTimeoutError);
    expect(error.message).toBe('the lookup of the chroot did not finish within 300 ms');
    await expectGone(client, server);
  });

  test('ends with the reason of its signal, and stops', async () => {
    await using server = await EmbeddedZooKeeper.start();
    server.faults.dropReply('exists');
    const client = new KazooClient({ hosts: `${server.connectString}/c`, timeout: 30_000 });
    const [controller, reason] = [new AbortController(), new Error('enough')];
    client.on('connected', () => void setImmediate(() => controller.abort(reason)));
    expect(await rejection(client.start({ signal: controller.signal }))).toBe(reason);
    await expectGone(client, server);
  });

  test('waits for the next connection when one drops', async () => {
    await using server = await EmbeddedZooKeeper.start();
    server.faults.dropReply('exists', 2);
    await using client = new KazooClient(`${server.connectString}/c`);
    const states = record(client);
    client.on('connected', () => {
      if (states.length < 5) setImmediate(() => client.dropConnection());
    });
    await client.start();
    expect(states.map(({ state }) => state)).toEqual(['CONNECTED', 'SUSPENDED', 'CONNECTED', 'SUSPENDED', 'CONNECTED']);
  });

  test('says that there is no session when none comes after that, and when the policy gives up', async () => {
    await using server = await EmbeddedZooKeeper.start();
    server.faults.dropReply('exists', 2);
    const cut = (client: KazooClient): void =>
      void client.once('connected', () => {
        server.refuseConnections(true);
        setImmediate(() => client.dropConnection());
      });
    const client = new KazooClient(`${server.connectString}/c`);
    cut(client);
    const error = await rejection(client.start({ timeout: 1_500 }));
    expect(error).toBeInstanceOf(KazooTimeoutError);
    expect(error.message).toMatch(/^no session within 1500 ms\n/);
    expect(client.clientState).toBe('CLOSED');
    server.refuseConnections(false);
    const impatient = new KazooClient({ hosts: `${server.connectString}/c`, connectionRetry: { maxTries: 1 } });
    cut(impatient);
    expect(await rejection(impatient.start())).toMatchObject({ name: 'RetryFailedError' });
    expect(impatient.clientState).toBe('CLOSED');
  });

  test('ends with any other error, and stops', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient(`${server.connectString}/c`);
    server.faults.fail('exists', MarshallingError.code);
    expect(await rejection(client.start())).toBeInstanceOf(MarshallingError);
    await expectGone(client, server);
  });

  test('is ended by stop(), and not begun again', async () => {
    await using server = await EmbeddedZooKeeper.start();
    server.faults.dropReply('exists');
    const client = new KazooClient(`${server.connectString}/c`);
    const stop = (): void => {
      void client.stop();
      client.dropConnection();
    };
    client.on('connected', () => void setImmediate(stop));
    const error = await rejection(client.start());
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error).not.toBeInstanceOf(ConnectionLoss);
    expect(client.clientState).toBe('CLOSED');
  });

  test('leaves a client alone that is connected already', async () => {
    await using server = await EmbeddedZooKeeper.start();
    await using client = await new KazooClient(`${server.connectString}/c`).start();
    server.faults.dropReply('exists');
    await client.start({ timeout: 0 });
    expect(client.connected).toBe(true);
  });
});
