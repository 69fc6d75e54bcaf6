import { WorkerConnection } from './connection/worker-connection.ts';
import type { DialOrder } from './connection/worker-protocol.ts';

// What a WorkerThreadHandler starts: each message is a connection to open. As it imports nothing it runs as CommonJS too, wherever it is copied to.
process.getBuiltinModule('node:worker_threads').parentPort!.on('message', (order: DialOrder) => new WorkerConnection(order));
