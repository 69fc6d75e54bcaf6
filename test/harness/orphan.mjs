// Starts a server as managed-zookeeper.test.ts asks, says its pid and folder, and waits to be killed.
import { importSource } from '../support/from-source.mjs';

const { ManagedZooKeeper } = await importSource('src/harness/managed-zookeeper.ts');
const server = await ManagedZooKeeper.start();
console.log(JSON.stringify({ pid: server.pid, workingPath: server.workingPath }));
setInterval(() => undefined, 1000);
