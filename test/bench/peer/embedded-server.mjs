// The package's embedded server in a process of its own; ends when its standard input does.
import { EmbeddedZooKeeper } from '../../../dist/testing.js';

const server = await EmbeddedZooKeeper.start();
process.stdout.write(JSON.stringify({ address: `127.0.0.1:${server.port}` }) + '\n');
process.stdin.on('end', () => process.exit(0)).resume();
