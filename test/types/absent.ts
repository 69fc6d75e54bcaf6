// Compile-only: under exactOptionalPropertyTypes, what may be absent may also be given as undefined.
import { expectTypeOf } from 'vitest';
import type * as kazoo from '../../src/index.ts';
import type * as testing from '../../src/testing.ts';

type Client = kazoo.KazooClient;
type Transaction = kazoo.TransactionRequest;
type Cluster = testing.ZooKeeperCluster;
type Last<F extends (...args: never[]) => unknown> = Required<Parameters<F>> extends [...unknown[], infer L] ? L : never;

/** The members of options that cannot be undefined though they can be absent. */
type Refused<T> = T extends object
  ? {
      [K in keyof T]-?: Partial<Pick<T, K>> extends Pick<T, K> ? (Record<K, undefined> extends Pick<T, K> ? never : K) : never;
    }[keyof T]
  : never;

type Options = [
  kazoo.AcquireOptions,
  kazoo.ChildrenOptions,
  kazoo.ChildrenWatchOptions,
  kazoo.CounterOptions,
  kazoo.CreateOptions,
  kazoo.DeleteOptions,
  kazoo.ElectionOptions,
  kazoo.KazooClientOptions,
  kazoo.KazooRetryOptions,
  kazoo.LeaderLatchOptions,
  kazoo.LeaseOptions,
  kazoo.LockAcquireOptions,
  kazoo.LockOptions,
  kazoo.PartyOptions,
  kazoo.PatientChildrenWatchOptions,
  kazoo.PermissionFlags,
  kazoo.PersistentNodeOptions,
  kazoo.PutOptions,
  Exclude<kazoo.SaslOptions, kazoo.SaslMechanism>,
  kazoo.SemaphoreOptions,
  kazoo.ServiceInstanceOptions,
  kazoo.ServiceProviderOptions,
  kazoo.SetPartitionerOptions<string>,
  kazoo.TransactionCreateOptions,
  kazoo.WalkOptions,
  kazoo.WatchIteratorOptions,
  kazoo.WorkerThreadHandlerOptions,
  Last<kazoo.Clock['timer']>,
  Last<Client['addWatch']>,
  Last<Client['doubleBarrier']>,
  Last<Client['ensembleTracker']>,
  Last<Client['ensurePath']>,
  Last<Client['reconfig']>,
  Last<Client['serverVersion']>,
  Last<Client['setAcls']>,
  Last<Client['setHosts']>,
  Last<Client['start']>,
  Last<Transaction['delete']>,
  Last<Transaction['setData']>,
  testing.EmbeddedZooKeeperOptions,
  testing.KazooTestHarnessOptions,
  testing.ManagedZooKeeperOptions,
  testing.ServerTls,
  testing.StartOptions,
  testing.ZooKeeperClusterOptions,
  Last<Cluster['addServer']>,
];

export function absent(): void {
  expectTypeOf<{ [I in keyof Options]: Refused<Options[I]> }[number]>().toBeNever();
  expectTypeOf<Refused<{ given: number; may?: number | undefined; not?: number }>>().toEqualTypeOf<'not'>();
}
