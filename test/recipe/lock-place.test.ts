import { expect, test } from 'vitest';
import { Lock } from '../../src/recipe/lock.ts';
import { eventually, pause, workbench } from './workbench.ts';

test('a waiter keeps its place when the connection breaks while it looks', async () => {
  const { server, client, connect } = await workbench();
  const holder = new Lock(client, '/lock', { identifier: 'holder' });
  await holder.acquire();
  const other = await connect();
  // The connection breaks when the waiter asks for the one before it, and is not back when it asks for the line again.
  const get = other.get.bind(other);
  let cut = false;
  other.get = (...given: Parameters<typeof get>) => {
    if (!cut) {
      cut = true;
      server.refuseConnections(true);
      server.dropConnections();
      void pause(100).then(() => server.refuseConnections(false));
    }
    return get(...given);
  };
  const waiter = new Lock(other, '/lock', { identifier: 'waiter' });
  const waiting = waiter.acquire();
  await eventually(() => cut && other.state !== 'CONNECTED');
  const { node } = waiter;
  await eventually(() => other.connected);
  await pause(200);
  expect(waiter.node).toBe(node);
  await holder.release();
  expect(await waiting).toBe(true);
  expect(waiter.node).toBe(node);
  await waiter.release();
});
