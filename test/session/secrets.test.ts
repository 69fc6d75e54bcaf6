import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { Logger } from '../../src/base/logger.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { rejection, told, until } from '../support/waiting.ts';

/** A logger that keeps every line, and what it was told of. */
function keeping(): Logger & { lines: string[] } {
  const lines: string[] = [];
  const keep = (...words: unknown[]): void => void lines.push(words.map(String).join(' '));
  return { lines, debug: keep, info: keep, warn: keep, error: keep };
}

test('nothing secret is logged at any level, nor told in an error: credentials, session password, data (pain-points 64, Kazoo D-26)', async () => {
  const [user, password, secret, later] = ['the-user', 'the-password', 'the-data', 'added-later'];
  await using server = await EmbeddedZooKeeper.start();
  const logger = keeping();
  const errors: Error[] = [];
  const client = new KazooClient({
    hosts: `127.0.0.1:1,${server.connectString}`,
    randomizeHosts: false,
    logger,
    authData: [['digest', `${user}:${password}`]],
  });
  client.on('connectFailed', ({ cause }) => void errors.push(cause));
  client.on('error', (error) => void errors.push(error));
  await client.start();
  await client.addAuth('digest', `${user}:${later}`);
  const sessionPassword = client.clientId!.password;
  await client.create('/a', secret);
  await client.exists('/b', {
    watch: () => {
      throw new Error('a callback that fails');
    },
  });
  await client.create('/b', secret);
  errors.push(await rejection(client.create('/a', secret)));
  errors.push(await rejection(client.set('/a', secret, { version: 77 })));
  errors.push(await rejection(client.transaction().create('/a', secret).commitOrThrow()));
  const suspended = told(client, 'SUSPENDED');
  server.dropConnections();
  await suspended;
  await until(() => client.connected, 'CONNECTED');
  errors.push(await rejection(client.addAuth('no-such-scheme', `${user}:${password}`)));
  await client.stop();

  const said = [...logger.lines, ...errors.map(wholly)].join('\n');
  expect(logger.lines.length).toBeGreaterThan(3);
  const digest = createHash('sha1').update(`${user}:${password}`).digest('base64');
  const secrets = [password, later, secret, digest, sessionPassword.toString('hex'), sessionPassword.toString('base64')];
  for (const word of secrets) expect(said).not.toContain(word);
});

test('a client without a logger of its own is silent', async () => {
  const written = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write'), vi.spyOn(console, 'log')];
  await using server = await EmbeddedZooKeeper.start();
  await using client = new KazooClient(`127.0.0.1:1,${server.connectString}`);
  await client.start();
  const suspended = told(client, 'SUSPENDED');
  server.dropConnections();
  await suspended;
  await until(() => client.connected, 'CONNECTED');
  const said = written.flatMap(({ mock }) => mock.calls.map(([what]) => String(what)));
  vi.restoreAllMocks();
  expect(said.filter((what) => /kazoo/i.test(what))).toEqual([]);
});

/** All that an error says: its own words, and those of what caused it. */
function wholly(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors.map(wholly) : [];
  const properties = Object.entries(error).map(([name, value]) => `${name}: ${String(value)}`);
  return [String(error), ...properties, ...inner, wholly(error.cause)].join('\n');
}
