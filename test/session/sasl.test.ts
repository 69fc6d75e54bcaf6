import { beforeAll, describe, expect, test } from 'vitest';
import { AuthFailedError, ConnectionDropped, SASLException } from '../../src/base/errors.ts';
import { ACL, Id } from '../../src/base/security.ts';
import type { SaslMechanism } from '../../src/connection/sasl.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { FakeServer, Op } from '../support/fake-server.ts';
import { startRealZooKeeper } from '../support/real-zookeeper.ts';
import { record, rejection, told, until } from '../support/waiting.ts';

const PASSWORD = 'jaas "quoted\\ pässword';
const ONLY_US = [new ACL(31, new Id('sasl', 'jaasuser'))];

describe.each(['embedded', 'real'])('SASL DIGEST-MD5 with the %s server', (kind) => {
  let server: (AsyncDisposable & { connectString: string }) | string;
  const password = kind === 'real' ? 'jaas_password' : PASSWORD;

  beforeAll(async () => {
    const login = 'org.apache.zookeeper.server.auth.DigestLoginModule';
    server =
      kind === 'embedded'
        ? await EmbeddedZooKeeper.start({ jaasUsers: { jaasuser: PASSWORD } })
        : await startRealZooKeeper({ jaas: `Server { ${login} required user_jaasuser="jaas_password"; };\n` });
    return async () => {
      if (typeof server !== 'string') await server[Symbol.asyncDispose]();
    };
  });

  test('proves who the client is before CONNECTED is told, on every connection (pain-points 54, 55)', async ({ skip }) => {
    if (typeof server === 'string') return skip(server);
    await using client = new KazooClient({
      hosts: server.connectString,
      sasl: { mechanism: 'DIGEST-MD5', username: 'jaasuser', password },
    });
    const inListener: Promise<unknown>[] = [];
    await client.start();
    await client.create(`/mine-${kind}`, 'secret', { acl: ONLY_US });
    client.on('connected', () => void inListener.push(client.get(`/mine-${kind}`)));
    const suspended = told(client, 'SUSPENDED');
    client.dropConnection();
    await suspended;
    await until(() => inListener.length === 1, 'CONNECTED again');
    expect(((await inListener[0]) as [Buffer])[0].toString()).toBe('secret');
    await using stranger = new KazooClient(server.connectString);
    await stranger.start();
    expect((await rejection(stranger.get(`/mine-${kind}`))).name).toBe('NoAuthError');
  });

  test('with a wrong password makes start() reject with AuthFailedError, soon, and is not tried for ever (pain-points 55)', async ({
    skip,
  }) => {
    if (typeof server === 'string') return skip(server);
    const client = new KazooClient({
      hosts: server.connectString,
      sasl: { mechanism: 'DIGEST-MD5', username: 'jaasuser', password: 'wrong' },
    });
    const states = record(client);
    const begun = performance.now();
    expect(await rejection(client.start())).toBeInstanceOf(AuthFailedError);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(client.clientState).toBe('AUTH_FAILED');
    expect(states).toEqual([]);
    await client.stop();
  });

  test('of an unknown user is refused alike', async ({ skip }) => {
    if (typeof server === 'string') return skip(server);
    const client = new KazooClient({
      hosts: server.connectString,
      sasl: { mechanism: 'DIGEST-MD5', username: 'nobody', password },
    });
    expect(await rejection(client.start())).toBeInstanceOf(AuthFailedError);
    await client.stop();
  });
});

describe('SASL', () => {
  test('is refused by a server that demands it and gets a wrong password: AuthFailedError with the code as cause', async () => {
    await using server = await EmbeddedZooKeeper.start({ jaasUsers: { a: 'b' }, sessionRequireClientSASLAuth: true });
    const client = new KazooClient({
      hosts: server.connectString,
      sasl: { mechanism: 'DIGEST-MD5', username: 'a', password: 'c' },
    });
    const error = await rejection(client.start());
    expect(error).toBeInstanceOf(AuthFailedError);
    expect(error.message).toBe('SASL: the server refused the credentials');
    expect((error.cause as { code?: number }).code).toBe(-124);
  });

  test('against a server without it says so', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({
      hosts: server.connectString,
      sasl: { mechanism: 'DIGEST-MD5', username: 'a', password: 'b' },
    });
    const error = await rejection(client.start());
    expect(error).toBeInstanceOf(AuthFailedError);
    expect(error.message).toMatch(/not configured for SASL/);
  });

  test('takes a mechanism of the user’s own, made afresh for every connection, told the configured name (pain-points 55)', async () => {
    const tokens: string[] = [];
    await using server = await FakeServer.start({
      request: (peer, { xid, op, body }) => {
        if (op !== Op.sasl) return peer.reply(xid, { err: op === Op.exists ? -101 : 0 });
        const token = body.subarray(4).toString();
        tokens.push(token);
        const answer = Buffer.from(token === 'one' ? 'go on' : '');
        const length = Buffer.alloc(4);
        length.writeInt32BE(answer.length);
        peer.reply(xid, { zxid: 0n, body: Buffer.concat([length, answer]) });
      },
    });
    const made: string[] = [];
    const sasl: SaslMechanism = {
      mechanism: 'X-TEST',
      create: ({ host, service }) => {
        made.push(`${service}@${host}`);
        let complete = false;
        return {
          get complete() {
            return complete;
          },
          step: async (challenge) => {
            if (challenge === null) return Buffer.from('one');
            expect(challenge.toString()).toBe('go on');
            complete = true;
            return Buffer.from('two');
          },
        };
      },
    };
    await using client = new KazooClient({
      hosts: `zk.example:${server.port}`,
      resolver: () => Promise.resolve(['127.0.0.1']),
      sasl,
    });
    await client.start();
    const suspended = told(client, 'SUSPENDED');
    server.peers[0]!.socket.destroy();
    await suspended;
    await client.exists('/a');
    expect(made).toEqual(['zookeeper@zk.example', 'zookeeper@zk.example']);
    expect(tokens).toEqual(['one', 'two', 'one', 'two']);
  });

  test('survives two hang-ups in the middle; the third is believed (D-10)', async () => {
    let hangUps = 2;
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => {
        if (op !== Op.sasl) return peer.reply(xid, { err: op === Op.exists ? -101 : 0 });
        if (hangUps-- > 0) return void peer.socket.destroy();
        peer.reply(xid, { zxid: 0n, body: Buffer.from([0, 0, 0, 0]) });
      },
    });
    const sasl: SaslMechanism = {
      mechanism: 'X-TEST',
      create: () => ({ complete: true, step: (challenge) => (challenge === null ? Buffer.from('x') : null) }),
    };
    const options = { hosts: server.connectString, sasl, connectionRetry: { maxTries: -1, delay: 20 } };
    await using client = new KazooClient(options);
    await client.start();
    hangUps = 3;
    const refused = new KazooClient(options);
    const error = await rejection(refused.start());
    expect(error).toBeInstanceOf(AuthFailedError);
    expect((error.cause as Error).cause).toBeInstanceOf(ConnectionDropped);
  });

  test('that a server refuses with whatever code makes start() reject with AuthFailedError and the code as its cause', async () => {
    await using server = await FakeServer.start({
      request: (peer, { xid, op }) => peer.reply(xid, { err: op === Op.sasl ? -6 : 0 }),
    });
    const sasl: SaslMechanism = { mechanism: 'X-TEST', create: () => ({ complete: true, step: () => Buffer.from('x') }) };
    const error = await rejection(new KazooClient({ hosts: server.connectString, sasl }).start());
    expect(error).toBeInstanceOf(AuthFailedError);
    expect((error.cause as { code?: number }).code).toBe(-6);
  });

  test('whose mechanism throws makes start() reject at once with SASLException and its cause (D-5)', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const cause = new Error('no ticket');
    const client = new KazooClient({
      hosts: server.connectString,
      sasl: { mechanism: 'X-TEST', create: () => Promise.reject(cause) },
    });
    const error = await rejection(client.start());
    expect(error).toBeInstanceOf(SASLException);
    expect(error.cause).toBe(cause);
    expect(client.state).toBe('LOST');
  });

  test('GSSAPI without the optional package says what to install', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, sasl: { mechanism: 'GSSAPI' } });
    const error = await rejection(client.start());
    expect(error).toBeInstanceOf(SASLException);
    expect(error.message).toMatch(/"kerberos"/);
  });
});
