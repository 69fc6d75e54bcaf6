import { parentPort } from 'node:worker_threads';
import { WorkerConnection } from './connection/worker-connection.ts';
import type { DialOrder } from './connection/worker-protocol.ts';

// What a WorkerThreadHandler starts: each message is a connection to open.
parentPort!.on('message', (order: DialOrder) => new WorkerConnection(order));
