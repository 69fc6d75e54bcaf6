// Servers to test against: in this process, or real ones on this machine.
export { ManualClock } from './base/clock.ts';
export { HarnessError } from './harness/harness-error.ts';
export { KazooTestCase } from './harness/kazoo-test-case.ts';
export { KazooTestHarness, type KazooTestHarnessOptions } from './harness/kazoo-test-harness.ts';
export { ManagedZooKeeper, type ManagedZooKeeperOptions, type StartOptions } from './harness/managed-zookeeper.ts';
export type { ServerTls } from './harness/server-files.ts';
export type { NoServerJars, ServerJars } from './harness/server-jars.ts';
export { ZooKeeperCluster, type ZooKeeperClusterOptions } from './harness/zookeeper-cluster.ts';
export { EmbeddedZooKeeper, type EmbeddedSession } from './server/embedded-zookeeper.ts';
export type { Fault, Faults } from './server/faults.ts';
export type { Snapshot } from './server/snapshot.ts';
export type { OpName } from './codec/ops.ts';
export type { EmbeddedZooKeeperOptions } from './server/server-options.ts';
