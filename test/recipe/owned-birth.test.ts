import { describe, expect, onTestFinished, test } from 'vitest';
import { ManagedZooKeeper } from '../../src/harness/managed-zookeeper.ts';
import { ZooKeeperCluster } from '../../src/harness/zookeeper-cluster.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { whyNoRealZooKeeper } from '../support/real-zookeeper.ts';
import { Lab } from './lab.ts';

const NODES = 1_500;

describe('what createOwned says of a node is what its stat says', () => {
  test('on the embedded server', async () => {
    const lab = await Lab.open();
    await compare(await lab.client(), await Promise.all([lab.client(), lab.client()]));
  });

  test('of a node that outlives the session, too', async () => {
    const client = await (await Lab.open()).client();
    const { path, czxid, ephemeralOwner } = await client.createOwned('/staying', 'data', { ephemeral: false, sequence: false });
    expect(await client.exists(path)).toMatchObject({ czxid, ephemeralOwner });
  });

  test.for(['3.4.14', '3.6.4', '3.9.5'])(
    'on ZooKeeper %s, while others write',
    { timeout: 120_000 },
    async (version, { skip }) => {
      const missing = await whyNoRealZooKeeper({ version });
      if (missing !== null) return skip(missing);
      await using server = await ManagedZooKeeper.start({ version });
      await compare(
        await connect(server.connectString),
        await Promise.all([connect(server.connectString), connect(server.connectString)]),
      );
    },
  );

  test('on each member of an ensemble, while others write through the other members', async ({ skip }) => {
    const missing = await whyNoRealZooKeeper();
    if (missing !== null) return skip(missing);
    await using cluster = await ZooKeeperCluster.start({ size: 3 });
    const clients = await Promise.all(cluster.servers.map((server) => connect(server.connectString)));
    for (const client of clients)
      await compare(
        client,
        clients.filter((other) => other !== client),
      );
  }, 180_000);
});

async function connect(hosts: string): Promise<KazooClient> {
  const client = new KazooClient({ hosts });
  onTestFinished(() => client.close());
  return client.start({ timeout: 60_000 });
}

/** Each answer must be right, though other clients' transactions come before, between and after. */
async function compare(client: KazooClient, others: readonly KazooClient[]): Promise<void> {
  // This member may not have heard yet that the line of the one before is gone.
  await client.sync('/');
  await client.ensurePath('/line');
  await client.ensurePath('/noise');
  let done = false;
  const noise = others.map(async (other) => {
    while (!done) await Promise.all(Array.from({ length: 50 }, () => other.set('/noise', 'x')));
  });
  const births: Awaited<ReturnType<KazooClient['createOwned']>>[] = [];
  for (let made = 0; made < NODES; made += 100) {
    const batch = Array.from({ length: 100 }, () => client.createOwned('/line/n', '', { ephemeral: true, sequence: true }));
    births.push(...(await Promise.all(batch)));
    births.push(await client.createOwned('/line/n', '', { ephemeral: true, sequence: true }));
  }
  done = true;
  await Promise.all(noise);
  const stats = await Promise.all(births.map(({ path }) => client.exists(path)));
  expect(births.map(({ czxid, ephemeralOwner }) => ({ czxid, ephemeralOwner }))).toEqual(
    stats.map((stat) => ({ czxid: stat?.czxid, ephemeralOwner: stat?.ephemeralOwner })),
  );
  const gaps = births.filter(({ czxid }, index) => index > 0 && czxid !== births[index - 1]!.czxid + 1n).length;
  expect(gaps, 'others wrote in between').toBeGreaterThan(0);
  await client.delete('/line', { recursive: true });
}
