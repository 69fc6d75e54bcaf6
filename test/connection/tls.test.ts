import { createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { makeCertificates, type Certificates } from '../harness/certificates.ts';
import { startRealZooKeeper } from '../support/real-zookeeper.ts';
import { rejection, until } from '../support/waiting.ts';

let certificates: Certificates | null;
beforeAll(async () => {
  certificates = await makeCertificates();
});

/** The causes of a start that timed out, as one text. */
async function whyNot(client: KazooClient): Promise<string> {
  const error = await rejection(client.start({ timeout: 1_500 }));
  return error.message;
}

describe('TLS', () => {
  test('connects, and asks four-letter words over TLS, whole answers (pain-points 56, 75, Kazoo D-20)', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    await using client = new KazooClient({ hosts: `localhost:${server.port}`, useSsl: true, ca: certificates.ca });
    await client.start();
    expect(await client.create('/a', 'x')).toBe('/a');
    for (let i = 0; i < 300; i++) void client.exists(`/watched-${'x'.repeat(60)}-${i}`, { watch: () => undefined });
    await client.exists('/a');
    expect((await client.command('wchp')).length).toBeGreaterThan(16_384);
    expect((await client.serverVersion()).length).toBeGreaterThanOrEqual(2);
  });

  test('checks the certificate by default (pain-points 56)', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    expect(await whyNot(new KazooClient({ hosts: `localhost:${server.port}`, useSsl: true }))).toMatch(
      /unable to verify|self.signed|issuer/i,
    );
    await using trusting = new KazooClient({ hosts: `localhost:${server.port}`, useSsl: true, verifyCerts: false });
    await trusting.start();
  });

  test('checks the host name by default, and only then (pain-points 56)', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    const options = {
      hosts: `other.example:${server.port}`,
      useSsl: true,
      ca: certificates.ca,
      resolver: () => Promise.resolve(['127.0.0.1']),
    };
    expect(await whyNot(new KazooClient(options))).toMatch(/other\.example/);
    await using lax = new KazooClient({ ...options, checkHostname: false });
    await lax.start();
  });

  test('by address is fine with an IP SAN, and no name is looked up for it (pain-points 57)', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    await using client = new KazooClient({ hosts: `127.0.0.1:${server.port}`, useSsl: true, ca: certificates.ca });
    await client.start();
    expect(client.connected).toBe(true);
  });

  test.for<[what: string, host: string, told: string | false]>([
    ['the configured name, not the address dialled (pain-points 56)', 'localhost', 'localhost'],
    ['a name without the dot at its end', 'localhost.', 'localhost'],
    ['no name that Java servers refuse', 'zk_1.localhost', false],
  ])('tells the server, by SNI, %s', async ([, host, told], { skip }) => {
    if (certificates === null) return skip('no openssl');
    const names: unknown[] = [];
    const server = createServer({ ...certificates.server }, (socket: TLSSocket) => {
      names.push(socket.servername);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const client = new KazooClient({
      hosts: `${host}:${port}`,
      useSsl: true,
      ca: certificates.ca,
      checkHostname: false,
      resolver: () => Promise.resolve(['127.0.0.1']),
    });
    const starting = rejection(client.start());
    await until(() => names.length > 0, 'a handshake');
    await client.stop();
    await starting;
    server.close();
    expect(names[0]).toBe(told);
  });

  test('checks a name that the server is not told all the same, or the one that is given for it', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    const { ca } = certificates;
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    const options = { hosts: `local_host:${server.port}`, useSsl: true, ca, resolver: () => Promise.resolve(['127.0.0.1']) };
    expect(await whyNot(new KazooClient(options))).toContain('Host: local_host. is not in the cert');
    await using lax = await new KazooClient({ ...options, checkHostname: false }).start();
    await using named = await new KazooClient({ ...options, tls: { servername: 'localhost' } }).start();
    expect([lax.connected, named.connected]).toEqual([true, true]);
  });

  test('presents a client certificate, from files of one PEM or two, read afresh for every connection (pain-points 56)', async ({
    skip,
  }) => {
    if (certificates === null) return skip('no openssl');
    const { ca, client: pair } = certificates;
    await using server = await EmbeddedZooKeeper.start({
      tls: { ...certificates.server, ca, requestCert: true, rejectUnauthorized: true },
    });
    const hosts = `localhost:${server.port}`;
    await using two = new KazooClient({ hosts, useSsl: true, ca, certfile: pair.cert, keyfile: pair.key });
    await two.start();
    await using one = new KazooClient({ hosts, useSsl: true, ca, certfile: `${pair.cert}${pair.key}` });
    await one.start();
    const none = new KazooClient({ hosts, useSsl: true, ca });
    expect(await whyNot(none)).toMatch(/certificate required|closed|reset|handshake/i);
  });

  test('passes tls options through, last (pain-points 56)', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    await using server = await EmbeddedZooKeeper.start({ tls: certificates.server });
    const seen: string[] = [];
    const checkServerIdentity = (host: string): undefined => void seen.push(host);
    await using client = new KazooClient({
      hosts: `localhost:${server.port}`,
      useSsl: true,
      ca: certificates.ca,
      tls: { checkServerIdentity, minVersion: 'TLSv1.3' },
    });
    await client.start();
    expect(seen).toEqual(['localhost']);
  });

  test('works with a real server, a client certificate included', async ({ skip }) => {
    if (certificates === null) return skip('no openssl');
    const { ca, server: identity, client: pair } = certificates;
    const server = await startRealZooKeeper({ tls: { ...identity, ca } });
    if (typeof server === 'string') return skip(server);
    await using running = server;
    await using client = new KazooClient({
      hosts: running.secureConnectString!,
      useSsl: true,
      ca,
      certfile: pair.cert,
      keyfile: pair.key,
    });
    await client.start();
    const port = running.secureConnectString!.split(':').at(-1)!;
    for (const name of ['localhost.', 'local_host']) {
      await using named = new KazooClient({
        hosts: `${name}:${port}`,
        useSsl: true,
        ca,
        certfile: pair.cert,
        keyfile: pair.key,
        checkHostname: name === 'localhost.',
        resolver: () => Promise.resolve(['127.0.0.1']),
      });
      await named.start();
    }
    expect(await client.create('/tls', 'x')).toBe('/tls');
    expect((await client.whoAmI()).map(({ scheme }) => scheme)).toContain('x509');
    expect(await client.command('ruok')).toBe('imok');
  });

  test('that the server does not speak is a failed attempt with its cause, not a crash', async () => {
    await using server = await EmbeddedZooKeeper.start();
    const client = new KazooClient({ hosts: server.connectString, useSsl: true });
    const error = await rejection(client.start({ timeout: 500 }));
    expect(error.name).toBe('KazooTimeoutError');
    expect((error.cause as AggregateError).errors.length).toBeGreaterThan(0);
  });
});
