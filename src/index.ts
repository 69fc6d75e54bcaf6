// The public surface, layer by layer.

// Base
export {
  EXCEPTIONS,
  APIError,
  AuthFailedError,
  BadArgumentsError,
  BadVersionError,
  CancelledError,
  ConfigurationError,
  ConnectionClosedError,
  ConnectionDropped,
  ConnectionLoss,
  DataInconsistency,
  EphemeralOnLocalSessionError,
  InvalidACLError,
  InvalidCallbackError,
  KazooException,
  KazooTimeoutError,
  LockTimeout,
  MarshallingError,
  NewConfigNoQuorumError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  NotReadOnlyCallError,
  NoWatcherError,
  OperationTimeoutError,
  QuotaExceededError,
  ReconfigDisabledError,
  ReconfigInProcessError,
  RequestTimeoutError,
  RolledBackError,
  RuntimeInconsistency,
  SASLException,
  SessionClosedRequireSaslError,
  SessionExpiredError,
  SessionMovedError,
  SystemZookeeperError,
  ThrottledOpError,
  TransactionError,
  UnimplementedError,
  UnknownSessionError,
  ZookeeperError,
  type ConnectFailure,
  type ErrorContext,
  type TransactionOperation,
} from './base/errors.ts';
export { EventType, KazooState, KeeperState, type WatchedEvent, type WatchListener } from './base/states.ts';
export { ZnodeStat } from './base/znode-stat.ts';
export type { HostPort } from './base/hosts.ts';
export type { Logger } from './base/logger.ts';
export { ManualClock, systemClock, type Clock, type Timer } from './base/clock.ts';
export {
  ForceRetryError,
  InterruptedError,
  KazooRetry,
  RetryFailedError,
  type KazooRetryOptions,
  type RetryPolicy,
} from './base/retry.ts';
export {
  ACL,
  ANYONE_ID_UNSAFE,
  AUTH_IDS,
  CREATOR_ALL_ACL,
  Id,
  makeAcl,
  makeDigestAcl,
  makeDigestAclCredential,
  OPEN_ACL_UNSAFE,
  Permissions,
  READ_ACL_UNSAFE,
  type PermissionFlags,
} from './base/security.ts';

// Connection
export { EventLoopHandler, type CallbackKind, type Handler } from './connection/handler.ts';
export { WorkerThreadHandler, type WorkerThreadHandlerOptions } from './connection/worker-thread-handler.ts';
export type { DialOptions } from './connection/dial.ts';
export type { SaslExchange } from './connection/sasl-exchange.ts';
export type { SaslMechanism, SaslOptions } from './connection/sasl.ts';
export type { KeepAlive, Target, Transport } from './connection/transport.ts';

// Session
export type { Resolver } from './session/cycle.ts';
export type { RequestDiagnostics, StateDiagnostics } from './session/diagnostics.ts';

// Client
export { KazooClient } from './kazoo-client.ts';
export type {
  ChildrenOptions,
  CreateOptions,
  DeleteOptions,
  MultiReadOperation,
  ReadOptions,
  VersionOptions,
  WaitOptions,
  ZnodeData,
} from './client/call-options.ts';
export type { KazooClientOptions } from './client/options.ts';
export type {
  ClientId,
  KazooClientEvents,
  OwnedBirth,
  OwnedFlags,
  RecipeClient,
  TreeWatchHandle,
  WatchHandle,
} from './client/recipe-client.ts';
export type { RemovableWatch } from './client/server-watches.ts';
export {
  TransactionRequest,
  type TransactionClient,
  type TransactionCreateOptions,
  type TransactionResult,
} from './client/transaction.ts';
export type { WalkOptions } from './client/walk.ts';

// Recipes
export type { AcquireOptions, Held } from './recipe/acquirable.ts';
export { Barrier } from './recipe/barrier.ts';
export { ChildrenWatch, type ChildrenWatchCallback, type ChildrenWatchOptions } from './recipe/children-watch.ts';
export type { CounterType } from './recipe/counter-value.ts';
export { Counter, type CounterOptions, type CounterValue } from './recipe/counter.ts';
export { DataWatch, type DataWatchCallback } from './recipe/data-watch.ts';
export { DoubleBarrier } from './recipe/double-barrier.ts';
export { Election, type ElectionOptions } from './recipe/election.ts';
export { EnsembleTracker, type EnsembleClient } from './recipe/ensemble-tracker.ts';
export type { ErrorPolicy } from './recipe/hold.ts';
export { GroupMember } from './recipe/group-member.ts';
export { LeaderLatch, type CloseMode, type LeaderLatchEvents, type LeaderLatchOptions } from './recipe/leader-latch.ts';
export { MultiNonBlockingLease, NonBlockingLease, type LeaseOptions } from './recipe/lease.ts';
export { Lock, type LockAcquireOptions, type LockOptions } from './recipe/lock.ts';
export { LockingQueue, type LockedEntry } from './recipe/locking-queue.ts';
export type { PartitionFunction, PartitionItem } from './recipe/partition.ts';
export { Party, ShallowParty, type PartyOptions } from './recipe/party.ts';
export { PatientChildrenWatch, type PatientChildrenWatchOptions } from './recipe/patient-children-watch.ts';
export { PersistentNode, type PersistentNodeOptions } from './recipe/persistent-node.ts';
export type { PutOptions } from './recipe/queue-entry.ts';
export { Queue } from './recipe/queue.ts';
export { ReadLock, WriteLock } from './recipe/read-write-lock.ts';
export { Semaphore, type SemaphoreOptions } from './recipe/semaphore.ts';
export { ServiceDiscovery } from './recipe/service-discovery.ts';
export {
  makeServiceInstance,
  parseServiceInstance,
  serializeServiceInstance,
  serviceUri,
  type ServiceInstance,
  type ServiceInstanceOptions,
  type ServiceType,
  type UriPart,
} from './recipe/service-instance.ts';
export { ServiceProvider, type ServiceProviderEvents, type ServiceProviderOptions } from './recipe/service-provider.ts';
export { PartitionState, SetPartitioner, type SetPartitionerOptions } from './recipe/set-partitioner.ts';
export { TreeCache, type TreeEventListener, type TreeFaultListener } from './recipe/tree-cache.ts';
export { NodeData, TreeEvent, type TreeEventType } from './recipe/tree-event.ts';
export type { ChildrenItem, DataItem, WatchIterator, WatchIteratorOptions } from './recipe/watch-iterators.ts';
