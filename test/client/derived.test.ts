import { expect, onTestFinished, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';

/** As a user's might be: names that mean something in an application, and none that the declaration of KazooClient shows. */
class Jobs extends KazooClient {
  readonly session = { user: 'worker-1' };
  lost = false;

  submit(job: string): Promise<string> {
    return this.create(this.rooted(job), job, { makepath: true });
  }

  rooted(job: string): string {
    return `/jobs/${job}`;
  }

  onListenerError(): never {
    throw new Error('an application’s own');
  }

  override dropConnection(): never {
    throw new Error('an application’s own');
  }

  retryUntil(): never {
    throw new Error('an application’s own');
  }
}

test('a derived class may use any name that the declaration does not show', async () => {
  await using server = await EmbeddedZooKeeper.start();
  const client = new Jobs(server.connectString);
  onTestFinished(() => client.stop());
  const seen: (string | undefined)[] = [];
  const watch = client.dataWatch('/jobs/a', (data) => void seen.push(data?.toString()));
  await client.start();
  expect(await client.submit('a')).toBe('/jobs/a');
  await watch.ready;
  await client.ensurePath('/b/c');
  await client.create('/b/p-', null, { protected: true, ephemeral: true });
  expect(await client.lock('/l').withLock((signal) => signal.aborted)).toBe(false);
  await client.delete('/b', { recursive: true });
  expect(await client.get('/jobs/a')).toMatchObject([Buffer.from('a'), { version: 0 }]);
  watch.stop();
  client.on('state', () => {
    throw new Error('in a listener');
  });
  const reported: string[] = [];
  client.on('error', ({ message }) => void reported.push(message));
  await client.stop();
  expect(reported).toEqual(['in a listener']);
});
