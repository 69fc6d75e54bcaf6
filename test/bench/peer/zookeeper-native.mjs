// npm `zookeeper`: ZooKeeper's C client in a native addon. Its callback interface, the faster of its two.
import { createRequire } from 'node:module';
import { DATA, PATHS, job, pump, serve } from './shell.mjs';

const require = createRequire(job.modules + '/');
const ZooKeeper = require('zookeeper');

await serve(async ({ address, op, inFlight, path = PATHS[op] }) => {
  const client = new ZooKeeper({
    connect: address,
    timeout: 60_000,
    debug_level: ZooKeeper.constants?.ZOO_LOG_LEVEL_ERROR ?? 1,
    host_order_deterministic: true,
  });
  await new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.init({});
    setTimeout(() => reject(new Error('not connected within 10 s')), 10_000).unref();
  });
  const after = (done) => (rc, message) => done(rc === 0 ? null : new Error(`${rc} ${message}`));
  const issue = {
    get: (done) => client.a_get(path, false, after(done)),
    set: (done) => client.a_set(path, DATA, -1, after(done)),
    exists: (done) => client.a_exists(path, false, after(done)),
    getChildren: (done) => client.a_get_children(path, false, after(done)),
    create: (done) => client.a_create(path, DATA, ZooKeeper.constants?.ZOO_SEQUENCE ?? 2, after(done)),
  }[op];
  return {
    version: require('zookeeper/package.json').version,
    run: (count) => pump(issue, count, inFlight),
    close: () => client.close(),
  };
});
