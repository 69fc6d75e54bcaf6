import { describe, expect, test } from 'vitest';
import { ConnectionLoss, OperationTimeoutError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { FakeServer, type FakePeer } from '../support/fake-server.ts';
import { rejection, until } from '../support/waiting.ts';

/** A server whose second connection and those after are asked words; what it answers, null for nothing. */
async function withWords(answer: (word: string) => string | null): Promise<FakeServer & { words: string[] }> {
  const words: string[] = [];
  const listen = (peer: FakePeer): void => {
    peer.socket.once('data', (chunk) => {
      words.push(chunk.toString());
      const text = answer(chunk.toString());
      if (text !== null) peer.socket.end(text);
    });
  };
  let first = true;
  const server = await FakeServer.start({
    accept: (peer) => {
      if (first) return (first = false);
      listen(peer);
      return true;
    },
  });
  return Object.assign(server, { words });
}

describe('command()', () => {
  test('has the limits of every call: a timeout, and a signal', async () => {
    await using server = await withWords(() => null);
    await using client = await new KazooClient(server.connectString).start();
    const late = await rejection(client.command('srvr', { timeout: 100 }));
    expect(late).toBeInstanceOf(OperationTimeoutError);
    expect(late).toMatchObject({ operation: 'command srvr' });
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = rejection(client.command('ruok', { signal: controller.signal }));
    await until(() => server.words.length === 2, 'the word');
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(client.connected).toBe(true);
    await until(() => server.peers.slice(1).every(({ socket }) => socket.closed), 'the end of both');
  });

  test('has nobody to ask while not connected (Kazoo CM-5)', async () => {
    const client = new KazooClient({ hosts: '127.0.0.1:1' });
    expect(await rejection(client.serverVersion())).toBeInstanceOf(ConnectionLoss);
    const starting = rejection(client.start());
    const error = await rejection(client.command('ruok'));
    expect(error).toBeInstanceOf(ConnectionLoss);
    expect(error.message).toBe('command ruok: not connected');
    await client.stop();
    await starting;
    expect(await rejection(client.command('ruok'))).toBeInstanceOf(ConnectionLoss);
    expect(await rejection(client.serverVersion())).toBeInstanceOf(ConnectionLoss);
  });
});

describe('serverVersion()', () => {
  test('asks the other word that tells it where one is not answered (Kazoo)', async () => {
    await using server = await withWords((word) =>
      word === 'envi' ? 'Environment:\nzookeeper.version=3.4.14-4c25d48, built on 03/06/2019\n' : 'srvr is not executed',
    );
    await using client = await new KazooClient(server.connectString).start();
    expect(await client.serverVersion()).toEqual([3, 4, 14]);
    expect(server.words).toEqual(['srvr', 'envi']);
  });

  test('asks for what Solr has on the whitelist, too', async () => {
    await using server = await withWords((word) =>
      word === 'mntr'
        ? 'zk_version\t3.9.4-7246445, built on 2025-08-19 19:53 UTC\nzk_server_state\tfollower\n'
        : `${word} is not executed`,
    );
    await using client = await new KazooClient(server.connectString).start();
    expect(await client.serverVersion()).toEqual([3, 9, 4]);
    expect(server.words).toEqual(['srvr', 'envi', 'mntr']);
  });

  test('asks a word again whose answer was lost', async () => {
    let lost = 0;
    await using server = await withWords(() => (lost++ < 2 ? '' : 'Zookeeper version: 3.8.4-9316c2a, built on 2024-02-12'));
    await using client = await new KazooClient(server.connectString).start();
    expect(await client.serverVersion()).toEqual([3, 8, 4]);
    expect(server.words).toEqual(['srvr', 'srvr', 'srvr']);
  });

  test('is asked once for a connection by watches that are taken back, though the server does not tell, as ClickHouse Keeper', async () => {
    await using server = await withWords((word) =>
      word === 'envi' ? 'Environment:\nclickhouse.keeper.version=v24.8.4.13-lts' : 'ClickHouse Keeper version: v24.8.4.13-lts',
    );
    await using client = await new KazooClient(server.connectString).start();
    for (let turn = 0; turn < 3; turn++) {
      const watch = (): void => undefined;
      const read = client.exists('/a', { watch });
      await until(() => server.requests.length > turn, 'the read');
      server.peers[0]!.reply(server.requests[turn]!.xid, { err: -101 });
      await read;
      await client.unwatch('/a', watch);
    }
    expect(server.words).toEqual(['srvr', 'envi', 'mntr']);
    expect(server.requests).toHaveLength(3);
  });

  test('gives up after the retries, with what the server said', async () => {
    await using server = await withWords(() => 'not in the whitelist');
    await using client = await new KazooClient(server.connectString).start();
    expect((await rejection(client.serverVersion({ retries: 1 }))).message).toContain('not in the whitelist');
    expect(server.words).toEqual(['srvr', 'envi']);
  });
});
