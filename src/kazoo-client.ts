import { ExtendedClient } from './client/extended-client.ts';
import { Barrier } from './recipe/barrier.ts';
import { ChildrenWatch, type ChildrenWatchCallback, type ChildrenWatchOptions } from './recipe/children-watch.ts';
import { Counter, type CounterOptions } from './recipe/counter.ts';
import { DataWatch, type DataWatchCallback } from './recipe/data-watch.ts';
import { DoubleBarrier } from './recipe/double-barrier.ts';
import { Election, type ElectionOptions } from './recipe/election.ts';
import { MultiNonBlockingLease, NonBlockingLease, type LeaseOptions } from './recipe/lease.ts';
import { EnsembleTracker } from './recipe/ensemble-tracker.ts';
import { GroupMember } from './recipe/group-member.ts';
import { LeaderLatch, type LeaderLatchOptions } from './recipe/leader-latch.ts';
import { Lock, type LockOptions } from './recipe/lock.ts';
import { LockingQueue } from './recipe/locking-queue.ts';
import type { ZnodeData } from './client/call-options.ts';
import type { PartitionItem } from './recipe/partition.ts';
import { Party, ShallowParty, type PartyOptions } from './recipe/party.ts';
import { PatientChildrenWatch, type PatientChildrenWatchOptions } from './recipe/patient-children-watch.ts';
import { PersistentNode, type PersistentNodeOptions } from './recipe/persistent-node.ts';
import { Queue } from './recipe/queue.ts';
import { ReadLock, WriteLock } from './recipe/read-write-lock.ts';
import { Semaphore, type SemaphoreOptions } from './recipe/semaphore.ts';
import { ServiceDiscovery } from './recipe/service-discovery.ts';
import { SetPartitioner, type SetPartitionerOptions } from './recipe/set-partitioner.ts';
import { TreeCache } from './recipe/tree-cache.ts';
import {
  watchChildren,
  watchData,
  type ChildrenItem,
  type DataItem,
  type WatchIterator,
  type WatchIteratorOptions,
} from './recipe/watch-iterators.ts';

/**
 * A ZooKeeper client: one session over many connections, every operation as a promise, and a factory for every recipe.
 * One client serves a whole process.
 *
 * @example
 * const client = new KazooClient('127.0.0.1:2181');
 * await client.start();
 * await client.lock('/jobs/nightly', { identifier: 'worker-1' }).withLock(async (signal) => run(signal));
 * await client.stop();
 */
export class KazooClient extends ExtendedClient {
  /** An exclusive lock. @see Lock */
  lock(path: string, options?: LockOptions): Lock {
    return new Lock(this, path, options);
  }
  /** The shared side of a read/write lock. @see ReadLock */
  readLock(path: string, options?: LockOptions): ReadLock {
    return new ReadLock(this, path, options);
  }
  /** The exclusive side of a read/write lock. @see WriteLock */
  writeLock(path: string, options?: LockOptions): WriteLock {
    return new WriteLock(this, path, options);
  }
  /** At most `maxLeases` holders at a time. @see Semaphore */
  semaphore(path: string, options?: SemaphoreOptions): Semaphore {
    return new Semaphore(this, path, options);
  }
  /** One leader at a time. @see Election */
  election(path: string, options?: ElectionOptions): Election {
    return new Election(this, path, options);
  }
  /** A priority queue. @see Queue */
  queue(path: string): Queue {
    return new Queue(this, path);
  }
  /** A queue whose items stay until consumed. @see LockingQueue */
  lockingQueue(path: string): LockingQueue {
    return new LockingQueue(this, path);
  }
  /** A gate that is closed while its node exists. @see Barrier */
  barrier(path: string): Barrier {
    return new Barrier(this, path);
  }
  /** All clients enter together and leave together. @see DoubleBarrier */
  doubleBarrier(path: string, numClients: number, options?: { identifier?: string | undefined }): DoubleBarrier {
    return new DoubleBarrier(this, path, numClients, options);
  }
  /** A shared number. @see Counter */
  counter<const O extends CounterOptions = CounterOptions>(path: string, options?: O): Counter<O> {
    return new Counter(this, path, options);
  }
  /** The members present. @see Party */
  party(path: string, options?: PartyOptions): Party {
    return new Party(this, path, options);
  }
  /** The members present, by node names only. @see ShallowParty */
  shallowParty(path: string, options?: PartyOptions): ShallowParty {
    return new ShallowParty(this, path, options);
  }
  /** A set divided among the members of a party. @see SetPartitioner */
  setPartitioner<T extends PartitionItem>(path: string, set: Iterable<T>, options?: SetPartitionerOptions<T>): SetPartitioner<T> {
    return new SetPartitioner(this, path, set, options);
  }
  /** Calls a function with a node's data, now and after each change. @see DataWatch */
  dataWatch(path: string, fn: DataWatchCallback): DataWatch {
    return new DataWatch(this, path, fn);
  }
  /** Calls a function with a node's children, now and after each change. @see ChildrenWatch */
  childrenWatch(path: string, fn: ChildrenWatchCallback, options?: ChildrenWatchOptions): ChildrenWatch {
    return new ChildrenWatch(this, path, fn, options);
  }
  /** A node's children once they have been stable for a while. @see PatientChildrenWatch */
  patientChildrenWatch(path: string, options?: PatientChildrenWatchOptions): PatientChildrenWatch {
    return new PatientChildrenWatch(this, path, options);
  }
  /** A local copy of a tree, kept up to date. @see TreeCache */
  treeCache(path: string): TreeCache {
    return new TreeCache(this, path);
  }
  /** A claim for a limited time. @see NonBlockingLease */
  nonBlockingLease(path: string, duration: number, options?: LeaseOptions): NonBlockingLease {
    return new NonBlockingLease(this, path, duration, options);
  }
  /** One of several claims for a limited time. @see MultiNonBlockingLease */
  multiNonBlockingLease(count: number, path: string, duration: number, options?: LeaseOptions): MultiNonBlockingLease {
    return new MultiNonBlockingLease(this, count, path, duration, options);
  }
  /** A node kept in existence across sessions. @see PersistentNode */
  persistentNode(path: string, data?: ZnodeData, options?: PersistentNodeOptions): PersistentNode {
    return new PersistentNode(this, path, data, options);
  }
  /** Leadership as a state, in Curator's layout. @see LeaderLatch */
  leaderLatch(path: string, options?: LeaderLatchOptions): LeaderLatch {
    return new LeaderLatch(this, path, options);
  }
  /** Membership with a payload, in Curator's layout. @see GroupMember */
  groupMember(path: string, id: string, payload?: ZnodeData): GroupMember {
    return new GroupMember(this, path, id, payload);
  }
  /** Service registration and lookup, in Curator's layout. @see ServiceDiscovery */
  serviceDiscovery(basePath: string): ServiceDiscovery {
    return new ServiceDiscovery(this, basePath);
  }
  /** Keeps the client's hosts in sync with the ensemble's own list. @see EnsembleTracker */
  ensembleTracker(options?: { random?: (() => number) | undefined }): EnsembleTracker {
    return new EnsembleTracker(this, options);
  }
  /** A node's data now and after each change, as an async iterable. @see watchData */
  watchData(path: string, options?: WatchIteratorOptions): WatchIterator<DataItem> {
    return watchData(this, path, options);
  }
  /** A node's children now and after each change, as an async iterable. @see watchChildren */
  watchChildren(path: string, options?: WatchIteratorOptions): WatchIterator<ChildrenItem> {
    return watchChildren(this, path, options);
  }
}
