import { describe, expect, onTestFinished, test } from 'vitest';
import { MarshallingError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { FakeServer } from '../support/fake-server.ts';
import { rejection } from '../support/waiting.ts';

/** The result of an operation that has no body. */
const DONE = '0000000d0000000000';
const END = 'ffffffff01ffffffff';

/** A client of a server that answers each request with this body. */
async function answered(hex: string): Promise<KazooClient> {
  const body = Buffer.from(hex, 'hex');
  const server = await FakeServer.start({ request: (peer, { xid }) => peer.reply(xid, { body }) });
  onTestFinished(() => server.close());
  const client = new KazooClient(server.connectString);
  onTestFinished(() => client.close());
  return client.start();
}

describe('a reply that the fuzzer found', () => {
  test.each([
    ['more', DONE.repeat(3) + END],
    ['fewer', DONE + END],
  ])('of a transaction with %s results than operations fails it by name', async (_, hex) => {
    const client = await answered(hex);
    for (const commit of ['commit', 'commitOrThrow'] as const)
      expect(await rejection(client.transaction().check('/a', 1).check('/b', 1)[commit]())).toBeInstanceOf(MarshallingError);
    expect(await rejection(client.multiRead([{ get: '/a' }, { get: '/b' }]))).toBeInstanceOf(MarshallingError);
    expect(client.connected).toBe(true);
  });
});
