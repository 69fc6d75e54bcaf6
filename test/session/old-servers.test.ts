import { describe, expect, onTestFinished, test } from 'vitest';
import type { WatchedEvent } from '../../src/base/states.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { dataBody, FakeServer, Op } from '../support/fake-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { record, until } from '../support/waiting.ts';

/** Long, so that a machine that is busy loses no connection: what counts here is what servers do. */
const T = 15_000;
const UNIMPLEMENTED = -6;
const CHANGED = 3;
/** What a server of before 3.6 does with a request it does not know. */
const MANNERS = {
  'says so, and hangs up': (peer, xid) => {
    peer.reply(xid, { err: UNIMPLEMENTED });
    peer.socket.end();
  },
  'hangs up': (peer) => void peer.socket.end(),
} satisfies Record<string, (peer: FakeServer['peers'][number], xid: number) => void>;

interface Ensemble {
  readonly server: FakeServer;
  readonly client: KazooClient;
  readonly warnings: string[];
  /** What the listeners were told. */
  readonly heard: string[];
  /** The frames that restored watches, in order. */
  readonly restored: { op: number; text: string }[];
  /** Lets every connection go over to a server that is old, or new. */
  readonly change: (isOld: boolean) => void;
  readonly event: (path: string) => void;
}

async function ensemble(manner: (peer: FakeServer['peers'][number], xid: number) => void): Promise<Ensemble> {
  let isOld = false;
  const restored: Ensemble['restored'] = [];
  let last: FakeServer['peers'][number] | undefined;
  const server = await FakeServer.start({
    // It knows no words: `srvr` is no beginning of a frame.
    accept: ({ socket }) => void socket.once('data', (chunk: Buffer) => chunk.length === 4 && socket.destroy()),
    request: (peer, { xid, op, body }) => {
      last = peer;
      if (op === Op.setWatches || op === Op.setWatches2) restored.push({ op, text: body.toString('latin1') });
      if (isOld && op === Op.setWatches2) return manner(peer, xid);
      peer.reply(xid, { zxid: 7n, body: op === Op.getData ? dataBody(Buffer.from('x')) : Buffer.alloc(4) });
    },
  });
  const warnings: string[] = [];
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, error: quiet, warn: (line: unknown) => void warnings.push(String(line)) };
  const client = new KazooClient({ hosts: server.connectString, timeout: T, logger });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  await client.start();
  const heard: string[] = [];
  const note =
    (who: string) =>
    ({ type, state, path }: WatchedEvent): void =>
      void heard.push(`${who} ${type} ${path ?? state}`);
  await client.addWatch('/stays', note('persistent'));
  await client.addWatch('/tree', note('recursive'), { recursive: true });
  await client.get('/once', { watch: note('once') });
  const change = (old: boolean): void => {
    isOld = old;
    last!.socket.destroy();
  };
  const event = (path: string): void => last!.event(CHANGED, path);
  return { server, client, warnings, heard, restored, change, event };
}

describe.each(Object.entries(MANNERS))('a server that is too old for persistent watches, and %s', (_, manner) => {
  test('keeps the client: one-shot watches are restored, the staying ones wait for a newer server (pain-points 69)', async () => {
    const { server, client, warnings, heard, restored, change, event } = await ensemble(manner);
    change(true);
    await until(() => restored.at(-1)?.op === Op.setWatches && client.connected, 'restored by SetWatches');
    const connections = server.peers.length;
    await client.sync('/');
    expect(server.peers.length).toBe(connections);
    expect(restored.filter(({ op }) => op === Op.setWatches2).length).toBeLessThanOrEqual(3);
    expect(restored.at(-1)!.text).toContain('/once');
    expect(restored.at(-1)!.text).not.toContain('/stays');
    expect(warnings.join('\n')).toMatch(/127\.0\.0\.1:\d+ .*3\.6.*2 persistent/);
    expect(heard.slice(-2).sort()).toEqual(['persistent NONE CONNECTING', 'recursive NONE CONNECTING']);
    event('/once');
    await until(() => heard.includes('once CHANGED /once'), 'the event');

    heard.length = 0;
    change(false);
    await until(() => heard.length === 2, 'told of the newer server');
    expect(heard.sort()).toEqual(['persistent NONE CONNECTED', 'recursive NONE CONNECTED']);
    await until(() => restored.at(-1)!.op === Op.setWatches2, 'restored by SetWatches2');
    expect(restored.at(-1)!.text).toMatch(/\/stays.*\/tree/s);
    event('/stays');
    await until(() => heard.includes('persistent CHANGED /stays'), 'the event');
  });

  test('is left one-shot watches where a staying one would have stood for them, and asked to remove none it does not have', async () => {
    const { server, client, heard, restored, change, event } = await ensemble(manner);
    change(true);
    await until(() => restored.at(-1)?.op === Op.setWatches && client.connected, 'restored by SetWatches');
    server.requests.length = 0;
    await client.get('/stays', { watch: ({ type, path }) => void heard.push(`covered ${type} ${path}`) });
    expect(server.requests.at(-1)!.body.at(-1)).toBe(1);
    event('/stays');
    await until(() => heard.includes('covered CHANGED /stays'), 'the event');
    await client.removeWatches('/tree', 'persistentRecursive');
    expect(server.requests.map(({ op }) => op)).not.toContain(Op.removeWatches);
  });
});

test('a connection lost while watches were restored says nothing of the server, however many frames these were', async () => {
  let lost = false;
  const manner = (peer: FakeServer['peers'][number], xid: number): void => {
    if (lost) peer.reply(xid);
    else peer.socket.destroy();
    lost = true;
  };
  const { client, heard, restored, change } = await ensemble(manner);
  const paths = Array.from({ length: 4_000 }, (_, i) => `/${'long'.repeat(30)}-${i}`);
  await Promise.all(paths.map((path) => client.get(path, { watch: () => undefined })));
  change(true);
  await until(() => restored.length > 4 && client.connected, 'restored');
  await client.sync('/');
  expect(new Set(restored.map(({ op }) => op))).toEqual(new Set([Op.setWatches2]));
  expect(heard).not.toContain('persistent NONE CONNECTING');
});

test('an old server is asked for its version before, once one has been met: persistent watches cost no connection', async () => {
  await using newer = await EmbeddedZooKeeper.start();
  await using older = await EmbeddedZooKeeper.start({ version: '3.5' });
  await using proxy = await TcpProxy.open(newer.connectString);
  await using client = new KazooClient({ hosts: proxy.connectString, timeout: T });
  const states = record(client);
  const heard: string[] = [];
  await client.start();
  await client.create('/a');
  const [atNewer, atOlder] = [new KazooClient(newer.connectString), new KazooClient(older.connectString)];
  onTestFinished(() => Promise.all([atNewer.close(), atOlder.close()]).then(() => undefined));
  await Promise.all([atNewer.start(), atOlder.start()]);
  let writes = 10;
  /** A server turns away who has seen more than it has. */
  const goTo = async (server: EmbeddedZooKeeper): Promise<void> => {
    const writer = server === newer ? atNewer : atOlder;
    writes *= 2;
    for (let i = 0; i < writes; i++) await writer.create('/n-', '', { sequence: true });
    proxy.retarget(server.connectString);
    proxy.cut();
  };
  await client.addWatch('/a', ({ type, path, state }) => void heard.push(`${type} ${path ?? state}`));
  await goTo(older);
  await until(() => heard.at(-1) === 'NONE CONNECTING', 'told that nobody tells');
  await client.create('/a');
  const changes = states.length;
  const suspensions = (): number => states.slice(changes).filter(({ state }) => state === 'SUSPENDED').length;
  for (const [moves, server] of [newer, older, newer].entries()) {
    await goTo(server);
    await until(() => suspensions() > moves && client.connected, 'SUSPENDED, and CONNECTED again');
    await client.sync('/');
  }
  expect(suspensions()).toBe(3);
  await client.set('/a', 'new');
  await until(() => heard.at(-1) === 'CHANGED /a', 'the event');
});
