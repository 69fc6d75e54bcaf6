import { expect, test } from 'vitest';
import { KazooException } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { until } from '../support/waiting.ts';

function recorder(): { logger: Logger; errors: string[] } {
  const errors: string[] = [];
  const silent = (): void => undefined;
  return { errors, logger: { debug: silent, info: silent, warn: silent, error: (message) => void errors.push(message) } };
}

const throws = (thrown: unknown) => (): void => {
  throw thrown;
};

test('what a callback throws is an Error for the listeners of "error", whatever it was', async () => {
  await using server = await EmbeddedZooKeeper.start();
  await using client = await new KazooClient(server.connectString).start();
  const heard: Error[] = [];
  client.on('error', (error) => void heard.push(error));
  const mine = new RangeError('mine');
  await client.create('/a');
  await client.get('/a', { watch: throws('a string') });
  await client.getChildren('/a', { watch: throws(mine) });
  await client.create('/a/b');
  await client.set('/a', '');
  await until(() => heard.length === 2, 'both errors');
  expect(heard[0]).toBe(mine);
  expect(heard[1]).toBeInstanceOf(KazooException);
  expect(heard[1]).toMatchObject({ message: 'a callback threw a string', cause: 'a string' });
});

test('without such a listener it is logged, with its stack where it has one', async () => {
  const { logger, errors } = recorder();
  const client = new KazooClient({ logger });
  const bare = new Error('bare');
  delete bare.stack;
  client.reportError(bare);
  client.reportError(new Error('with a stack'));
  expect(errors[0]).toBe('error in a callback or in the background: bare');
  expect(errors[1]).toMatch(/^error in a callback or in the background: Error: with a stack\n +at /);
});

test('a listener of "error" that throws is logged, and nothing else', async () => {
  const { logger, errors } = recorder();
  const client = new KazooClient({ logger });
  client.on('error', throws(new Error('again')));
  client.reportError(new Error('once'));
  expect(errors).toEqual(['a listener for "error" failed: Error: again']);
});

test('a logger that throws costs nobody anything', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const broken = throws(new Error('disk full'));
  await using client = new KazooClient({
    hosts: server.connectString,
    logger: { debug: broken, info: broken, warn: broken, error: broken },
  });
  await client.start();
  const session = client.clientId?.sessionId;
  server.dropConnections();
  await client.retry(() => client.ensurePath('/a'));
  await client.get('/a', { watch: throws(new Error('mine')) });
  await client.set('/a', 'b');
  expect(String((await client.get('/a'))[0])).toBe('b');
  expect(client.clientId?.sessionId).toBe(session);
});
