import { BadVersionError, KazooClient, type WatchedEvent } from './index.ts';
import { EmbeddedZooKeeper } from './testing.ts';

/** `npm run quickstart`: a tour of the client, on a server in this process or on the ensemble that ZK_HOSTS names. */
const say = (title: string, detail = ''): void => console.log(`  ${title.padEnd(34)} ${detail}`);
const hosts = process.env['ZK_HOSTS'];
const server = hosts === undefined ? await EmbeddedZooKeeper.start() : undefined;
const root = `/quickstart-${process.pid}`;

console.log(
  server === undefined
    ? `\nConnecting to ${hosts}`
    : `\nAn embedded ZooKeeper listens on ${server.connectString} (set ZK_HOSTS to use a real one)`,
);
const client = new KazooClient({ hosts: hosts ?? server!.connectString, timeout: 6_000 });
client.on('state', (state) => say('state', state));
client.on('error', (error) => say('a callback failed', error.message));
await client.start();
say(
  'session',
  `0x${client.clientId!.sessionId.toString(16)}, timeout ${client.sessionTimeout} ms, server ${(await client.serverVersion()).join('.')}`,
);

console.log('\nNodes');
say('create', await client.create(`${root}/config`, 'colour=red', { makepath: true }));
const [data, stat] = await client.get(`${root}/config`);
say('get', `${data?.toString()} (version ${stat.version})`);
const changed = nextEvent((watch) => client.get(`${root}/config`, { watch }));
say('set', `version ${(await client.set(`${root}/config`, 'colour=blue', { version: stat.version })).version}`);
const event = await changed;
say('the watch fired', `${event.type} ${event.path}`);
try {
  await client.set(`${root}/config`, 'colour=green', { version: stat.version });
} catch (error) {
  if (!(error instanceof BadVersionError)) throw error;
  say('set with the old version', error.message);
}
await Promise.all([1, 2, 3].map(() => client.create(`${root}/task-`, null, { sequence: true })));
say('children', (await client.getChildren(root)).sort().join(', '));

console.log('\nA transaction');
const results = await client
  .transaction()
  .check(`${root}/config`, 1)
  .create(`${root}/a`, 'one')
  .setData(`${root}/a`, 'two')
  .delete(`${root}/a`)
  .commit();
say(
  'committed',
  results
    .map((result) => (typeof result === 'object' ? `version ${(result as { version: number }).version}` : result))
    .join(', '),
);
const refused = await client.transaction().create(`${root}/b`).check(`${root}/config`, 99).commit();
say('refused as a whole', refused.map((result) => (result as Error).name).join(', '));

console.log('\nAn ephemeral node ends with its session');
const other = new KazooClient(hosts ?? server!.connectString);
await other.start();
await other.create(`${root}/worker`, 'here', { ephemeral: true });
const gone = nextEvent((watch) => client.exists(`${root}/worker`, { watch }));
say('while the other client lives', String((await client.exists(`${root}/worker`)) !== null));
await other.stop();
say('after it stopped', `${(await gone).type}, exists: ${(await client.exists(`${root}/worker`)) !== null}`);

console.log('\nA lock, and a dropped connection');
const lock = client.lock(`${root}/lock`, { identifier: 'quickstart' });
await lock.withLock(async (signal) => {
  say('held', `fencing token ${lock.fencingToken}, contenders ${(await lock.contenders()).join(', ')}`);
  const back = new Promise((resolve) => client.once('connected', () => resolve(undefined)));
  if (server === undefined) client.dropConnection();
  else server.dropConnections();
  await back;
  say('the hold may no longer be trusted', `signal aborted: ${signal.aborted}`);
});
say('the session is still', `0x${client.clientId!.sessionId.toString(16)}`);

await client.delete(root, { recursive: true });
await client.stop();
await server?.close();
console.log('\nDone.');

function nextEvent(arm: (watch: (event: WatchedEvent) => void) => Promise<unknown>): Promise<WatchedEvent> {
  return new Promise((resolve, reject) => void arm(resolve).catch(reject));
}
