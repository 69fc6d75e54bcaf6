import { describe, expect, test } from 'vitest';
import { NoAuthError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { READ_ACL_UNSAFE } from '../../src/base/security.ts';
import { Attempt } from '../../src/recipe/attempt.ts';
import { EntryLock } from '../../src/recipe/entry-lock.ts';
import { workbench } from './workbench.ts';

const CONNECTION_LOSS = -4;
const NO_AUTH = -102;
const ENTRY = '/queue/entries/entry-100-0000000000';
const LOCK = '/queue/taken/entry-100-0000000000';

async function setUp({ logger, data = 'item' }: { logger?: Logger; data?: string | null } = {}) {
  const { server, client, connect } = await workbench(logger === undefined ? {} : { logger });
  await client.create(ENTRY, data, { makepath: true });
  await client.ensurePath('/queue/taken');
  const lock = new EntryLock(client, ENTRY, LOCK, 'me');
  const attempt = new Attempt(client.clock, {}, () => new Error('no deadline was set'));
  return { server, client, connect, lock, attempt };
}

describe('acquiring', () => {
  test('gives the data, an empty buffer for none', async () => {
    const { lock } = await setUp({ data: null });
    expect(await lock.acquire()).toEqual(Buffer.alloc(0));
    expect(await lock.isHeld()).toBe(true);
  });

  test('is null, with no lock left, where the entry has gone, another has it, or the queue is not there', async () => {
    const { client, lock, connect } = await setUp();
    expect(await new EntryLock(await connect(), ENTRY, LOCK, 'other').acquire()).not.toBeNull();
    expect(await lock.acquire()).toBeNull();
    await client.delete(LOCK);
    await client.delete(ENTRY);
    expect(await lock.acquire()).toBeNull();
    expect(await client.getChildren('/queue/taken')).toEqual([]);
    await client.delete('/queue', { recursive: true });
    expect(await lock.acquire()).toBeNull();
    expect(await client.exists('/queue')).toBeNull();
  });

  test('that fails for good says why, and leaves no lock though one may have been made', async () => {
    const { server, client, lock } = await setUp();
    server.faults.fail('getData', NO_AUTH);
    await expect(lock.acquire()).rejects.toBeInstanceOf(NoAuthError);
    server.faults.fail('multi', CONNECTION_LOSS);
    server.faults.fail('multi', NO_AUTH);
    await expect(lock.acquire()).rejects.toBeInstanceOf(NoAuthError);
    await expect.poll(() => client.getChildren('/queue/taken')).toEqual([]);
    await client.setAcls('/queue/taken', READ_ACL_UNSAFE);
    await expect(lock.acquire()).rejects.toBeInstanceOf(NoAuthError);
  });
});

describe('what is held', () => {
  test('cannot be told without leave to read it', async () => {
    const { server, lock } = await setUp();
    server.faults.fail('getData', NO_AUTH);
    await expect(lock.isHeld()).rejects.toBeInstanceOf(NoAuthError);
  });

  test('is released again where the first try did nothing; a lock that has gone is not released', async () => {
    const { server, client, lock, attempt } = await setUp();
    await lock.acquire();
    server.faults.fail('delete', CONNECTION_LOSS);
    expect(await lock.release(attempt)).toBe(true);
    expect(await client.exists(LOCK)).toBeNull();
    expect(await lock.release(attempt)).toBe(false);
  });

  test('is consumed again where the first try did nothing', async () => {
    const { server, client, lock, attempt } = await setUp();
    await lock.acquire();
    server.faults.fail('multi', CONNECTION_LOSS);
    expect(await lock.consume(attempt)).toBe(true);
    expect(await client.getChildren('/queue/entries')).toEqual([]);
    expect(await client.getChildren('/queue/taken')).toEqual([]);
  });

  test('is discarded without a word; what fails is logged, unless the client has stopped', async () => {
    const warnings: string[] = [];
    const silent = (): void => undefined;
    const logger = { debug: silent, info: silent, error: silent, warn: (message: string) => void warnings.push(message) };
    const { server, client, lock } = await setUp({ logger });
    await lock.discard();
    await lock.acquire();
    server.faults.fail('delete', NO_AUTH);
    await lock.discard();
    expect(warnings).toEqual([expect.stringContaining(`${LOCK}: could not remove the lock: `)]);
    await lock.discard();
    expect(await client.exists(LOCK)).toBeNull();
    await client.stop();
    await lock.discard();
    expect(warnings).toHaveLength(1);
  });
});
