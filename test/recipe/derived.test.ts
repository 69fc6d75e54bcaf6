import { expect, test } from 'vitest';
import { Lock, type LockAcquireOptions } from '../../src/recipe/lock.ts';
import { Party } from '../../src/recipe/party.ts';
import { Semaphore } from '../../src/recipe/semaphore.ts';
import { Lab } from './lab.ts';

/** As a user's might be: it leans on `client`, as with Kazoo, and has names of its own that the declaration of Lock does not show. */
class Watched extends Lock {
  readonly subject = { team: 'operations' };
  readonly states: string[] = [];
  readonly #note = (state: string): void => void this.states.push(state);

  override async acquire(options?: LockAcquireOptions): Promise<boolean> {
    const acquired = await super.acquire(options);
    if (acquired) this.client.on('state', this.#note);
    return acquired;
  }

  override async release(): Promise<boolean> {
    this.client.off('state', this.#note);
    return super.release();
  }

  obtain(): Promise<boolean> {
    return this.acquire({ blocking: false });
  }
}

class Pool extends Semaphore {
  obtain(): Promise<boolean> {
    return this.acquire({ blocking: false });
  }
}

class Roster extends Party {
  readonly counts = new Map<string, number>();

  async names(): Promise<string> {
    return (await this.members()).join(', ');
  }

  reading(): boolean {
    return this.participating;
  }
}

test('classes derived from a lock, a semaphore and a party have their client, and may use any name that the declarations do not show', async () => {
  const lab = await Lab.open();
  const client = await lab.client();
  const lock = new Watched(client, '/lock');
  expect([await lock.obtain(), await lock.obtain(), lock.isAcquired]).toEqual([true, false, true]);
  await lab.expire(client);
  expect([lock.isAcquired, lock.states[0]]).toEqual([false, 'SUSPENDED']);
  expect(await lock.release()).toBe(false);
  await expect(new Watched(client, '/lock').withLock((signal) => signal.aborted, { timeout: 30_000 })).resolves.toBe(false);
  const pool = new Pool(client, '/pool');
  expect([await pool.obtain(), await new Pool(client, '/pool').obtain()]).toEqual([true, false]);
  const roster = new Roster(client, '/party', { identifier: 'me' });
  await roster.join();
  expect([await roster.names(), await roster.size(), roster.reading()]).toEqual(['me', 1, true]);
});
