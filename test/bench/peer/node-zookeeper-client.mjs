// node-zookeeper-client: the pure JavaScript peer. Callbacks, its own interface.
import { createRequire } from 'node:module';
import { DATA, PATHS, job, pump, serve } from './shell.mjs';

const require = createRequire(job.modules + '/');
const zookeeper = require('node-zookeeper-client');

await serve(async ({ address, op, inFlight, path = PATHS[op] }) => {
  const client = zookeeper.createClient(address, { sessionTimeout: 60_000 });
  const connected = new Promise((resolve) => client.once('connected', resolve));
  client.connect();
  await connected;
  const issue = {
    get: (done) => client.getData(path, done),
    set: (done) => client.setData(path, DATA, done),
    exists: (done) => client.exists(path, done),
    getChildren: (done) => client.getChildren(path, done),
    create: (done) => client.create(path, DATA, zookeeper.CreateMode.PERSISTENT_SEQUENTIAL, done),
  }[op];
  return {
    version: require('node-zookeeper-client/package.json').version,
    run: (count) => pump(issue, count, inFlight),
    close: () => client.close(),
  };
});
