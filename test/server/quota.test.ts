import { expect, test } from 'vitest';
import { op, type RawConnection } from '../conformance/wire.ts';
import { connect, serve } from './raw-client.ts';

async function limit(client: RawConnection, path: string, limits: string): Promise<void> {
  await client.create(`/zookeeper/quota${path}`);
  await client.create(`/zookeeper/quota${path}/zookeeper_limits`, { data: limits });
  await client.create(`/zookeeper/quota${path}/zookeeper_stats`, { data: 'whatever' });
}

const stats = async (client: RawConnection, path: string): Promise<string | null | undefined> =>
  (await client.get(`/zookeeper/quota${path}/zookeeper_stats`)).data;

test('the numbers are kept in silence', async () => {
  const client = await connect(await serve({ enforceQuota: true }));
  await client.create('/p', { data: 'abc' });
  await client.create('/p/a', { data: 'de' });
  await limit(client, '/p', 'count=3,bytes=-1');
  expect(await stats(client, '/p')).toBe('count=2,bytes=5');
  await client.get('/zookeeper/quota/p/zookeeper_stats', true);
  await client.create('/p/b', { data: 'f' });
  await client.set('/p/b', null);
  await client.delete('/p/a');
  await client.create('/px');
  expect(await stats(client, '/p')).toBe('count=2,bytes=3');
  expect(client.events).toEqual([]);
});

test('hard limits refuse what goes beyond, and let through what meets them', async () => {
  const client = await connect(await serve({ enforceQuota: true }));
  await client.create('/p');
  await limit(client, '/p', 'count=1,bytes=1=;byteHardLimit=10;countHardLimit=3');
  const codes = [
    await client.create('/p/a', { data: '0123456789' }),
    await client.create('/p/b', { data: 'x' }),
    await client.create('/p/b'),
    await client.create('/p/c'),
    await client.set('/p/a', '0123456789a'),
    await client.set('/p/a', '012345678'),
    await client.multi(op.delete('/p/b'), op.create('/p/c'), op.create('/p/d')),
  ].map(({ err, results }) => results?.map((result) => result.err) ?? err);
  expect(codes).toEqual([0, -125, 0, -125, -125, 0, [0, -125, -2]]);
  await client.delete('/zookeeper/quota/p/zookeeper_limits');
  expect((await client.create('/p/d')).err).toBe(0);
});

test('a node that shrinks is refused while it is still too much', async () => {
  const client = await connect(await serve({ enforceQuota: true }));
  await client.create('/p', { data: '01234' });
  await limit(client, '/p', 'count=-1,bytes=-1=;byteHardLimit=3;countHardLimit=0');
  const codes = [await client.set('/p', '0123'), await client.set('/p', '56789'), await client.set('/p', '012')];
  expect(codes.map(({ err }) => err)).toEqual([-125, 0, 0]);
});

test('without statistics, without enforcement and before 3.7 nothing is refused', async () => {
  for (const options of [{}, { enforceQuota: true, version: '3.6' }]) {
    const client = await connect(await serve(options));
    await client.create('/p');
    await limit(client, '/p', 'count=-1,bytes=-1=;countHardLimit=1');
    expect((await client.create('/p/a')).err).toBe(0);
  }
  const client = await connect(await serve({ enforceQuota: true }));
  await client.create('/p');
  await client.create('/zookeeper/quota/p');
  await client.create('/zookeeper/quota/p/zookeeper_limits', { data: 'count=-1,bytes=-1=;countHardLimit=1' });
  expect((await client.create('/p/a')).err).toBe(0);
});
