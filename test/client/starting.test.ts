import { describe, expect, test } from 'vitest';
import { KazooTimeoutError } from '../../src/base/errors.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { FakeServer } from '../support/fake-server.ts';
import { rejection, until } from '../support/waiting.ts';

describe('start()', () => {
  test('with a signal that has aborted dials nobody', async () => {
    await using server = await FakeServer.start();
    const client = new KazooClient(server.connectString);
    expect(client.server).toBeNull();
    const reason = new Error('enough');
    expect(await rejection(client.start({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.peers).toEqual([]);
    expect(client.clientState).toBe('CLOSED');
  });

  test('that is aborted while it waits gives its reason, and stops', async () => {
    await using server = await FakeServer.start({ greet: () => undefined });
    const client = new KazooClient(server.connectString);
    const controller = new AbortController();
    const reason = new Error('enough');
    const started = rejection(client.start({ signal: controller.signal }));
    await until(() => server.questions.length > 0, 'the question');
    controller.abort(reason);
    expect(await started).toBe(reason);
    expect(client.clientState).toBe('CLOSED');
    await until(() => server.peers.every(({ socket }) => socket.closed), 'the end of the connection');
  });

  test('says of each server why there is no session: no address, no answer', async () => {
    await using silent = await FakeServer.start({ greet: () => undefined });
    const client = new KazooClient({
      hosts: `silent:${silent.port},unknown:2181`,
      randomizeHosts: false,
      timeout: 60_000,
      resolver: (host) => (host === 'silent' ? Promise.resolve(['127.0.0.1']) : new Promise(() => undefined)),
    });
    const started = rejection(client.start({ timeout: 1_500 }));
    const error = await started;
    expect(error).toBeInstanceOf(KazooTimeoutError);
    expect(error.message).toContain('the look-up of unknown has not been answered');
    expect(error.message).toContain('no answer yet');
  });
});
