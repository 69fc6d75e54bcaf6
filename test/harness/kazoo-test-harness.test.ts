import { afterEach, describe, expect, test, vi } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';
import { RetryFailedError } from '../../src/base/retry.ts';
import { HarnessError } from '../../src/harness/harness-error.ts';
import { KazooTestCase } from '../../src/harness/kazoo-test-case.ts';
import { KazooTestHarness } from '../../src/harness/kazoo-test-harness.ts';
import { accepts } from '../../src/harness/probe.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { serve } from '../server/raw-client.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { record } from '../support/waiting.ts';

const missing = await whyNoRealZooKeeper();

afterEach(() => void vi.unstubAllEnvs());

/** A harness that is torn down whatever becomes of the test. */
function harness(server: string): KazooTestHarness & AsyncDisposable {
  const made = new KazooTestHarness({ server });
  return Object.assign(made, { [Symbol.asyncDispose]: () => made.teardownZookeeper() });
}

describe('a harness on the embedded server', () => {
  test('gives a connected client in a chroot of its own, and others beside it', async () => {
    await using kazoo = harness('embedded');
    await kazoo.setupZookeeper({ timeout: 5_000 });
    expect(kazoo.client.connected).toBe(true);
    expect(kazoo.client.sessionTimeout).toBe(5_000);
    expect(kazoo.client.chroot).toMatch(/^\/kazootests[0-9a-f]{32}$/);
    expect(kazoo.hosts.endsWith(kazoo.client.chroot)).toBe(true);
    await kazoo.client.create('/a', 'data');
    const other = kazoo.getClient({ hosts: undefined });
    expect(other.connected).toBe(false);
    await other.start();
    expect((await other.get('/a'))[0]?.toString()).toBe('data');
  });

  test('set up twice at once, or in vain, leaves one server, or none', async () => {
    const servers: EmbeddedZooKeeper[] = [];
    const start = EmbeddedZooKeeper.start.bind(EmbeddedZooKeeper);
    const spy = vi.spyOn(EmbeddedZooKeeper, 'start').mockImplementation(async (options) => {
      servers.push(await start(options));
      return servers.at(-1)!;
    });
    const listening = (): Promise<boolean[]> => Promise.all(servers.map(({ port }) => accepts(port)));
    try {
      await using kazoo = harness('embedded');
      await Promise.all([kazoo.setupZookeeper(), kazoo.setupZookeeper()]);
      expect(await listening()).toEqual([false, true]);
      await kazoo.client.create('/a');
      await expect(kazoo.setupZookeeper({ timeout: -1 })).rejects.toThrow(ConfigurationError);
      expect(await listening()).toEqual([false, false, false]);
    } finally {
      spy.mockRestore();
    }
  });

  test('loses a connection and keeps the session', async () => {
    await using kazoo = harness('embedded');
    await kazoo.setupZookeeper();
    const states = record(kazoo.client);
    const { sessionId } = kazoo.client.clientId!;
    await kazoo.client.create('/mine', '', { ephemeral: true });
    await kazoo.loseConnection();
    expect(states.map(({ state }) => state)).toEqual(['SUSPENDED', 'CONNECTED']);
    expect(kazoo.client.clientId!.sessionId).toBe(sessionId);
    expect(await kazoo.client.exists('/mine')).not.toBeNull();
  });

  test('expires a session, and waits for the next', async () => {
    await using kazoo = harness('embedded');
    await kazoo.setupZookeeper();
    const other = kazoo.getClient();
    await other.start();
    const [first, second] = [kazoo.client.clientId!.sessionId, other.clientId!.sessionId];
    await other.create('/theirs', '', { ephemeral: true });
    await kazoo.expireSession(other);
    expect(other.connected).toBe(true);
    expect(other.clientId!.sessionId).not.toBe(second);
    expect(await kazoo.client.exists('/theirs')).toBeNull();
    expect(kazoo.client.clientId!.sessionId).toBe(first);
    await kazoo.expireSession();
    expect(kazoo.client.clientId!.sessionId).not.toBe(first);
  });

  test('tries again when the client was quick enough to keep its session', async () => {
    const server = await serve();
    await using kazoo = harness(server.connectString);
    await kazoo.setupZookeeper();
    const { sessionId } = kazoo.client.clientId!;
    const states = record(kazoo.client);
    server.faults.fail('closeSession', -1);
    await kazoo.expireSession();
    expect(states.map(({ state }) => state)).toEqual(['SUSPENDED', 'CONNECTED', 'SUSPENDED', 'LOST', 'CONNECTED']);
    expect(kazoo.client.clientId!.sessionId).not.toBe(sessionId);
  });

  test('expires the session of a client that had to prove who it is', async () => {
    const server = await serve({ jaasUsers: { bob: 'secret' }, sessionRequireClientSASLAuth: true });
    await using kazoo = harness(server.connectString);
    await kazoo.setupZookeeper({ sasl: { mechanism: 'DIGEST-MD5', username: 'bob', password: 'secret' } });
    const { sessionId } = kazoo.client.clientId!;
    await kazoo.expireSession();
    expect(kazoo.client.clientId!.sessionId).not.toBe(sessionId);
  });

  test('says at once what kept it from expiring a session, and keeps no timer', async () => {
    const server = await serve();
    await using kazoo = harness(server.connectString);
    await kazoo.setupZookeeper({ connectionRetry: { maxTries: 1 } });
    const { sessionId } = kazoo.client.clientId!;
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    server.refuseConnections(true);
    await expect(kazoo.expireSession()).rejects.toThrow(RetryFailedError);
    expect(timers()).toBeLessThanOrEqual(before);
    expect(kazoo.client.clientId!.sessionId).toBe(sessionId);
  });

  test.each([null, 'real', { servers: 'real' }, { server: 5 }, { server: '' }])('refuses the options %j', (options) => {
    expect(() => new KazooTestHarness(options as never)).toThrow(ConfigurationError);
  });

  test('says what was to be done first', async () => {
    const kazoo = new KazooTestHarness();
    expect(() => kazoo.client).toThrow(HarnessError);
    expect(() => kazoo.hosts).toThrow(/call setupZookeeper\(\) first/);
    expect(() => kazoo.getClient()).toThrow(HarnessError);
    await kazoo.teardownZookeeper();
    await expect(kazoo.expireSession(new KazooClient())).rejects.toThrow('the client has no session to expire');
  });

  test('starts afresh when set up again, and leaves nothing connected', async () => {
    const kazoo = new KazooTestHarness({ server: 'embedded' });
    await kazoo.setupZookeeper();
    const { client: first, hosts } = kazoo;
    await first.create('/a');
    await kazoo.setupZookeeper();
    expect(first.clientState).toBe('CLOSED');
    expect(kazoo.hosts).not.toBe(hosts);
    expect(await kazoo.client.exists('/a')).toBeNull();
    const { client: second } = kazoo;
    await kazoo.teardownZookeeper();
    expect(second.clientState).toBe('CLOSED');
    expect(() => kazoo.client).toThrow(HarnessError);
  });
});

describe('a harness on a server that runs already', () => {
  test.each(['option', 'ZK_HOSTS'])('uses it, named by %s, and leaves it running', async (how) => {
    await using server = await EmbeddedZooKeeper.start();
    vi.stubEnv('ZK_HOSTS', how === 'ZK_HOSTS' ? server.connectString : '');
    const kazoo = new KazooTestCase(how === 'option' ? { server: server.connectString } : {});
    await kazoo.setUp();
    expect(kazoo.hosts).toBe(server.connectString + kazoo.client.chroot);
    expect(server.sessions()).toHaveLength(1);
    await kazoo.tearDown();
    expect(server.sessions()).toHaveLength(0);
    await using client = new KazooClient(server.connectString);
    await client.start();
    expect(await client.getChildren('/')).toEqual(['zookeeper']);
  });
});

test.skipIf(missing)('a harness on a real server starts it and puts it away', async () => {
  await using kazoo = harness('real');
  await kazoo.setupZookeeper();
  expect(await kazoo.client.command('conf')).toContain('tickTime');
  const { sessionId } = kazoo.client.clientId!;
  await kazoo.expireSession();
  expect(kazoo.client.clientId!.sessionId).not.toBe(sessionId);
  const client = new KazooClient({ hosts: kazoo.hosts.split('/')[0]!, connectionRetry: { maxTries: 1 } });
  await kazoo.teardownZookeeper();
  await expect(client.start()).rejects.toThrow();
});
