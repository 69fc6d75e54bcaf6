import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, onTestFinished, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import type { RequestDiagnostics, StateDiagnostics } from '../../src/session/diagnostics.ts';

function listenTo(name: string): unknown[] {
  const heard: unknown[] = [];
  const listener = (message: unknown) => void heard.push(message);
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  return heard;
}

async function startClient(): Promise<{ client: KazooClient; server: EmbeddedZooKeeper }> {
  const server = await EmbeddedZooKeeper.start();
  onTestFinished(() => server.close());
  const client = new KazooClient({ hosts: `${server.connectString}/app` });
  onTestFinished(() => client.stop());
  await client.start();
  return { client, server };
}

test('kazoo:request tells the operation, the path on the server, the server, the time and the outcome (pain-points 83)', async () => {
  const { client, server } = await startClient();
  await client.ensurePath('/');
  const heard = listenTo('kazoo:request') as RequestDiagnostics[];
  await client.create('/made', 'a secret');
  await expect(client.get('/missing')).rejects.toThrow('/missing');
  await expect(client.get('/made', { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  const at = { server: `127.0.0.1:${server.port}`, duration: expect.any(Number) as number };
  expect(heard).toEqual([
    { ...at, operation: 'create', path: '/app/made', code: 0 },
    { ...at, operation: 'getData', path: '/app/missing', code: -101 },
    { ...at, operation: 'getData', path: '/app/made', code: null },
  ]);
  expect(JSON.stringify(heard)).not.toContain('secret');
});

test('kazoo:state tells each change, with the server', async () => {
  const heard = listenTo('kazoo:state') as StateDiagnostics[];
  const { client, server } = await startClient();
  const { port } = server;
  await client.stop();
  expect(heard).toEqual([
    { state: 'CONNECTED', server: `127.0.0.1:${port}`, cause: null },
    { state: 'LOST', server: null, cause: expect.objectContaining({ code: 'stopped' }) as Error },
  ]);
});
