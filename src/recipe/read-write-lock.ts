import type { RecipeClient } from '../client/recipe-client.ts';
import { Lock, type LockOptions } from './lock.ts';

/**
 * The shared side of a read/write lock: it waits for earlier writers, never for readers (Kazoo RW-2, RW-3).
 * A plain {@link Lock} on the same path does not wait for readers: combine it with {@link WriteLock}.
 *
 * @example
 * await client.readLock('/config-lock').withLock(async () => readAll());
 */
export class ReadLock extends Lock {
  constructor(client: RecipeClient, path: string, options?: LockOptions) {
    super(client, path, options, { own: '__rlock__', awaits: ['__lock__'] });
  }
}

/**
 * The exclusive side of a read/write lock: it waits for all earlier readers and writers, and later readers wait for it (Kazoo RW-2).
 *
 * @example
 * await client.writeLock('/config-lock').withLock(async () => rewriteAll());
 */
export class WriteLock extends Lock {
  constructor(client: RecipeClient, path: string, options?: LockOptions) {
    super(client, path, options, { own: '__lock__', awaits: ['__lock__', '__rlock__'] });
  }
}
