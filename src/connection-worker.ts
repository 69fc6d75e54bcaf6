import { WorkerConnection } from './connection/worker-connection.ts';
import type { DialOrder } from './connection/worker-protocol.ts';

// The script a WorkerThreadHandler starts: each message asks for a connection. It has no runtime imports, so it also runs as CommonJS, wherever it is copied.
process.getBuiltinModule('node:worker_threads').parentPort!.on('message', (order: DialOrder) => new WorkerConnection(order));
