// Compile-only: compile.test.ts has the compiler look at it. Nothing here is run.
import { expectTypeOf } from 'vitest';
import {
  ACL,
  Counter,
  EventType,
  Id,
  KazooClient,
  KazooRetry,
  KazooState,
  KeeperState,
  makeDigestAcl,
  type ClientId,
  type Clock,
  type ConnectFailure,
  type HostPort,
  type KazooClientOptions,
  type RetryPolicy,
  type TransactionRequest,
  type WatchedEvent,
  type WatchHandle,
  type WatchListener,
  type ZnodeStat,
  type ZookeeperError,
} from '../../src/index.ts';
import type { EmbeddedZooKeeper, KazooTestCase, KazooTestHarness } from '../../src/testing.ts';

export async function results(client: KazooClient): Promise<void> {
  expectTypeOf(client.create('/a')).resolves.toEqualTypeOf<string>();
  expectTypeOf(client.create('/a', null, { ephemeral: true, sequence: true })).resolves.toEqualTypeOf<string>();
  expectTypeOf(client.create('/a', 'x', { includeData: true })).resolves.toEqualTypeOf<[path: string, stat: ZnodeStat]>();
  expectTypeOf(client.ensurePath('/a')).resolves.toEqualTypeOf<true | string>();
  expectTypeOf(client.exists('/a')).resolves.toEqualTypeOf<ZnodeStat | null>();
  expectTypeOf(client.get('/a')).resolves.toEqualTypeOf<[data: Buffer | null, stat: ZnodeStat]>();
  expectTypeOf(client.getChildren('/a')).resolves.toEqualTypeOf<string[]>();
  expectTypeOf(client.getChildren('/a', { includeData: true })).resolves.toEqualTypeOf<[children: string[], stat: ZnodeStat]>();
  expectTypeOf(client.getAcls('/a')).resolves.toEqualTypeOf<[ACL[], ZnodeStat]>();
  expectTypeOf(client.setAcls('/a', [])).resolves.toEqualTypeOf<ZnodeStat>();
  expectTypeOf(client.set('/a', null)).resolves.toEqualTypeOf<ZnodeStat>();
  expectTypeOf(client.delete('/a')).resolves.toEqualTypeOf<true>();
  expectTypeOf(client.sync('/a')).resolves.toEqualTypeOf<string>();
  expectTypeOf(client.reconfig({ joining: '' })).resolves.toEqualTypeOf<[Buffer, ZnodeStat]>();
  expectTypeOf(client.addWatch('/a', () => undefined)).resolves.toEqualTypeOf<WatchHandle>();
  expectTypeOf(client.removeWatches('/a', 'any')).resolves.toEqualTypeOf<void>();
  expectTypeOf(client.getEphemerals()).resolves.toEqualTypeOf<string[]>();
  expectTypeOf(client.getAllChildrenNumber('/a')).resolves.toEqualTypeOf<number>();
  expectTypeOf(client.multiRead([{ get: '/a' }])).resolves.toEqualTypeOf<
    ([Buffer | null, ZnodeStat] | string[] | ZookeeperError)[]
  >();
  expectTypeOf(client.whoAmI()).resolves.toEqualTypeOf<Id[]>();
  expectTypeOf(client.getConfig()).resolves.toEqualTypeOf<[Buffer, ZnodeStat]>();
  expectTypeOf(client.walk('/a')).toExtend<AsyncIterable<string>>();
  expectTypeOf(client.command()).resolves.toEqualTypeOf<string>();
  expectTypeOf(client.serverVersion()).resolves.toEqualTypeOf<number[]>();
  expectTypeOf(client.addAuth('digest', 'a:b')).resolves.toEqualTypeOf<true>();
  expectTypeOf(client.start()).resolves.toEqualTypeOf<KazooClient>();
  expectTypeOf(client.stop()).resolves.toEqualTypeOf<void>();
  expectTypeOf(client.retry(() => 5)).resolves.toEqualTypeOf<number>();
  expectTypeOf(client.retry(async () => Promise.resolve('x'))).resolves.toEqualTypeOf<string>();
  await using scoped = new KazooClient();
  expectTypeOf(scoped).toExtend<AsyncDisposable>();
}

export function properties(client: KazooClient): void {
  expectTypeOf(client.state).toEqualTypeOf<'SUSPENDED' | 'CONNECTED' | 'LOST'>();
  expectTypeOf(client.state).toEqualTypeOf<KazooState>();
  expectTypeOf(client.clientState).toEqualTypeOf<KeeperState>();
  expectTypeOf(client.clientId).toEqualTypeOf<ClientId | null>();
  expectTypeOf<ClientId['sessionId']>().toEqualTypeOf<bigint>();
  expectTypeOf(client.sessionTimeout).toEqualTypeOf<number | null>();
  expectTypeOf(client.hosts).toEqualTypeOf<readonly HostPort[]>();
  expectTypeOf(client.chroot).toEqualTypeOf<string>();
  expectTypeOf(client.lastZxid).toEqualTypeOf<bigint>();
  expectTypeOf(client.defaultAcl).toEqualTypeOf<ACL[] | null>();
  expectTypeOf(client.unchroot('/a')).toEqualTypeOf<string>();
}

export function stats(stat: ZnodeStat): void {
  expectTypeOf(stat.czxid).toEqualTypeOf<bigint>();
  expectTypeOf(stat.ephemeralOwner).toEqualTypeOf<bigint>();
  expectTypeOf(stat.ctime).toEqualTypeOf<number>();
  expectTypeOf(stat.created).toEqualTypeOf<Date>();
  expectTypeOf(stat.ownerSessionId).toEqualTypeOf<bigint | null>();
}

export function events(client: KazooClient): void {
  client.on('state', (state) => expectTypeOf(state).toEqualTypeOf<KazooState>());
  client.on('error', (error) => expectTypeOf(error).toEqualTypeOf<Error>());
  client.on('connectFailed', (failure) => expectTypeOf(failure).toEqualTypeOf<ConnectFailure>());
  client.on('connected', (...nothing) => expectTypeOf(nothing).toEqualTypeOf<[]>());
  const listener: WatchListener = (event) => {
    expectTypeOf(event).toEqualTypeOf<WatchedEvent>();
  };
  void client.get('/a', { watch: listener });
  void client.get('/a', { watch: async () => Promise.resolve() });
  expectTypeOf<WatchedEvent['type']>().toEqualTypeOf<EventType>();
  expectTypeOf<WatchedEvent['path']>().toEqualTypeOf<string | null>();
}

export function transactions(client: KazooClient): void {
  const transaction = client
    .transaction()
    .create('/a', 'x', { container: true })
    .delete('/b', { version: 1 })
    .setData('/c', null)
    .check('/d', 3);
  expectTypeOf(transaction).toEqualTypeOf<TransactionRequest>();
  expectTypeOf(transaction.commit()).resolves.toEqualTypeOf<(string | true | ZnodeStat | ZookeeperError)[]>();
  expectTypeOf(transaction.commitOrThrow()).resolves.toEqualTypeOf<(string | true | ZnodeStat)[]>();
  expectTypeOf(transaction.committed).toEqualTypeOf<boolean>();
}

export function options(clock: Clock, signal: AbortSignal | undefined): KazooClientOptions[] {
  const policy: RetryPolicy = new KazooRetry({ maxTries: -1, clock });
  // What may be absent may be given as undefined, under exactOptionalPropertyTypes too.
  void new KazooClient().get('/a', { signal, timeout: undefined, watch: undefined });
  return [
    {},
    { hosts: ['a:1', '[::1]:2/x'], timeout: 100, clientId: { sessionId: 1n, password: Buffer.alloc(16) } },
    { defaultAcl: [makeDigestAcl('u', 'p', { all: true })], authData: [['digest', 'u:p']], commandRetry: policy },
    { connectionRetry: { maxTries: 3, delay: 10 }, sasl: { mechanism: 'DIGEST-MD5', username: 'u', password: 'p' } },
    { useSsl: true, ca: Buffer.alloc(1), certfile: 'x', keyfile: 'y', tls: { minVersion: 'TLSv1.3' } },
  ];
}

export function mistakes(client: KazooClient): void {
  // @ts-expect-error a path is a string
  void client.get(5);
  // @ts-expect-error data is no number
  void client.set('/a', 5);
  // @ts-expect-error data must be given
  void client.set('/a');
  // @ts-expect-error versions are numbers
  void client.delete('/a', { version: 1n });
  // @ts-expect-error no such option
  void client.create('/a', 'x', { makePath: true });
  // @ts-expect-error an ACL list, not one ACL
  void client.setAcls('/a', new ACL(1, new Id('world', 'anyone')));
  // @ts-expect-error no such event
  client.on('disconnected', () => undefined);
  // @ts-expect-error no such option
  expectTypeOf(new KazooClient({ timeot: 5 })).not.toBeNever();
  // @ts-expect-error states are read
  client.state = 'LOST';
  // @ts-expect-error a check names a version
  client.transaction().check('/a');
  // @ts-expect-error the session is nobody's business
  expectTypeOf(client.session).not.toBeNever();
}

export function testing(server: EmbeddedZooKeeper, harness: KazooTestHarness, suite: KazooTestCase): void {
  expectTypeOf(server.connectString).toEqualTypeOf<string>();
  expectTypeOf(server.sessions()[0]!.sessionId).toEqualTypeOf<bigint>();
  expectTypeOf<Parameters<EmbeddedZooKeeper['expireSession']>>().toEqualTypeOf<[sessionId: bigint]>();
  expectTypeOf(server.restart()).resolves.toEqualTypeOf<void>();
  expectTypeOf(server).toExtend<AsyncDisposable>();
  expectTypeOf(harness.hosts).toEqualTypeOf<string>();
  expectTypeOf(suite).toExtend<KazooTestHarness>();
  expectTypeOf(suite.setUp()).resolves.toEqualTypeOf<void>();
}

export function words(): void {
  expectTypeOf(KazooState.CONNECTED).toEqualTypeOf<'CONNECTED'>();
  expectTypeOf(KeeperState.CONNECTED_RO).toEqualTypeOf<'CONNECTED_RO'>();
  expectTypeOf(EventType.NONE).toEqualTypeOf<'NONE'>();
}

/** A counter's type by itself is that of one that counts in numbers, whatever its other options. */
export function counters(client: KazooClient): void {
  const kept: Counter[] = [
    client.counter('/a'),
    client.counter('/a', { default: 5 }),
    client.counter('/a', { supportCurator: true }),
    new Counter(client, '/a', { type: 'float' }),
  ];
  expectTypeOf(kept[0]!.add(1)).resolves.toEqualTypeOf<number>();
  expectTypeOf(client.counter('/a', { default: 0n }).add(1n)).resolves.toEqualTypeOf<bigint>();
  expectTypeOf(new Counter(client, '/a', { type: 'bigint' }).postValue).toEqualTypeOf<bigint | null>();
}
