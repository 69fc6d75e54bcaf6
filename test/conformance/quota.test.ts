import { describe, expect, onTestFinished, test } from 'vitest';
import { QuotaExceededError, TransactionError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { startRealZooKeeper } from '../support/real-zookeeper.ts';
import { rejection } from '../support/waiting.ts';

/** Either server with quotas that are enforced (ZooKeeper 3.7+). */
const servers = {
  embedded: () => EmbeddedZooKeeper.start({ enforceQuota: true }),
  real: () => startRealZooKeeper({ configuration: { enforceQuota: true } }),
};

/** At most four nodes and twenty bytes, itself counted. */
async function limit(client: KazooClient, path: string): Promise<void> {
  const at = `/zookeeper/quota${path}`;
  await client.create(`${at}/zookeeper_limits`, 'count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=4', { makepath: true });
  await client.create(`${at}/zookeeper_stats`, 'count=0,bytes=0');
}

describe.each(['embedded', 'real'] as const)('a quota on the %s server', (name) => {
  test.for(['', '/chroot/deep'])(
    'is told by its own error, with the path as the client knows it; chroot: "%s"',
    async (chroot, { skip }) => {
      const server = await servers[name]();
      if (typeof server === 'string') return skip(server);
      onTestFinished(() => server[Symbol.asyncDispose]());
      await using outside = await new KazooClient(server.connectString).start();
      await outside.ensurePath(`${chroot}/box`);
      await limit(outside, `${chroot}/box`);
      await using client = await new KazooClient(server.connectString + chroot).start();

      const tooMuch = await rejection(client.set('/box', 'x'.repeat(21)));
      expect(tooMuch).toBeInstanceOf(QuotaExceededError);
      expect(tooMuch).toMatchObject({ code: -125, path: '/box', operation: 'set' });
      for (const child of ['a', 'b', 'c']) await client.create(`/box/${child}`);
      expect(await rejection(client.create('/box/d'))).toMatchObject({ code: -125, path: '/box/d', operation: 'create' });

      const failed = await rejection(client.transaction().check('/box', -1).create('/box/d').commitOrThrow());
      expect(failed).toBeInstanceOf(TransactionError);
      expect(failed).toMatchObject({ index: 1, path: '/box/d', code: -125 });
      expect((failed as Error).cause).toBeInstanceOf(QuotaExceededError);

      // A quota that is used up is nothing that waiting mends: it is not tried again.
      let calls = 0;
      await rejection(client.retry(() => client.create('/box/d', String(calls++))));
      expect(calls).toBe(1);
      expect((await client.getChildren('/box')).sort()).toEqual(['a', 'b', 'c']);
      expect(client.connected).toBe(true);
    },
  );
});
