import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { startRealZooKeeper } from '../support/real-zookeeper.ts';
import { compileJava, zookeeperClasspath, type JavaProgram } from './java.ts';

const jars = await zookeeperClasspath();

describe.skipIf(typeof jars === 'string')("ZooKeeper's own Java client", () => {
  let program: JavaProgram;
  beforeAll(async () => {
    if (typeof jars !== 'string') program = await compileJava('JavaClient', jars.classpath);
  });

  test('does its work on the embedded server', async () => {
    await using server = await EmbeddedZooKeeper.start();
    expect(await program.run(server.connectString)).toEqual(EXPECTED);
  });

  test('sees the same on a real server', async ({ skip }) => {
    const server = await startRealZooKeeper();
    if (typeof server === 'string') return skip(server);
    onTestFinished(() => server.destroy());
    expect(await program.run(server.connectString)).toEqual(EXPECTED);
  });
});

/** What there is to be told, wherever it runs. */
const EXPECTED = `
create: /java
create again: NODEEXISTS
get: one version 0 length 3
set: 1
set an old version: BADVERSION
get what is set: zwei ☃
null: /java/null
get null: null
no node: NONODE
exists: null
not empty: NOTEMPTY
sync: 0
sequence: /java/s-0000000001
sequence again: /java/s-0000000002
children: [null, s-0000000001, s-0000000002]
children of an ephemeral: NOCHILDRENFOREPHEMERALS
all children: 3
ephemerals: [/java/s-0000000002]
container: /java/container
ttl: /java/ttl
transaction: [CreateResult, SetDataResult, CheckResult, DeleteResult]
transaction refused: NONODE [ErrorResult OK, ErrorResult NONODE, ErrorResult RUNTIMEINCONSISTENCY] null
many reads: [GetDataResult, GetChildrenResult, ErrorResult NONODE]
who am i: [digest:user, ip:127.0.0.1]
mine: /java/mine
not yours: NOAUTH
acl: [31,s{'digest,'user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=}]
set acl: 1
yours to read: x
not to write: NOAUTH
no acl: INVALIDACL
watches: [NodeChildrenChanged /java, NodeCreated /java/w]
data watch: NodeDataChanged /java/w
recursive watch: [NodeCreated /java/w/a, NodeDataChanged /java/w/a, NodeDeleted /java/w/a]
watch removed: PersistentWatchRemoved /java/w
no such watch: NOWATCHER
session resumed: SyncConnected true
ephemeral gone: NodeDeleted /java/e
`
  .trim()
  .split('\n');
