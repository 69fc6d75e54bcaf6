import { expect, onTestFinished } from 'vitest';
import { NoAuthError } from '../../src/base/errors.ts';
import { makeDigestAcl, OPEN_ACL_UNSAFE } from '../../src/base/security.ts';
import type { KazooClient } from '../../src/kazoo-client.ts';
import { TreeCache } from '../../src/recipe/tree-cache.ts';

/** Of nodes that only `another:secret` may read. */
export const SECRET = [makeDigestAcl('another', 'secret', { all: true })];

/** What a tree cache of `client` shows of nodes it may not read, while `other` makes, closes, opens and deletes them. `outage` is one within the session. */
export async function followsWhatItMayNotRead(
  client: KazooClient,
  other: KazooClient,
  outage: (meanwhile: () => Promise<unknown>) => Promise<void>,
  { recursive }: { recursive: boolean },
): Promise<void> {
  await other.addAuth('digest', 'another:secret');
  for (const path of ['open', 'closing', 'closed/in', 'leaf', 'opening'])
    await other.create(`/tree/${path}`, path, { makepath: true });
  await other.setAcls('/tree/closed', SECRET);
  await other.setAcls('/tree/opening', SECRET);
  const cache = new TreeCache(client, '/tree');
  onTestFinished(() => cache.close());
  cache.listenFault(() => undefined);
  await cache.start();
  const names = async (path = '/tree'): Promise<string[]> => {
    await cache.whenFresh({ timeout: 60_000 });
    expect(cache.fresh).toBe(true);
    return [...(cache.getChildren(path) ?? ['none'])].sort();
  };
  expect(await names()).toEqual(['closed', 'closing', 'leaf', 'open', 'opening']);
  expect(cache.getData('/tree/closed')).toBeNull();

  // Made, and deleted, below the root, below a leaf, and again where there was one.
  for (const round of ['once', 'again']) {
    for (const parent of ['/tree', '/tree/leaf', '/tree/open']) await other.create(`${parent}/${round}`, 'x', { acl: SECRET });
    expect(await names('/tree/leaf')).toEqual([round]);
    expect(await names('/tree/open')).toEqual([round]);
    expect(await names()).toEqual(['closed', 'closing', 'leaf', round, 'open', 'opening'].sort());
    await other.delete(`/tree/${round}`);
    await other.delete(`/tree/leaf/${round}`);
    await other.delete(`/tree/open/${round}`);
    expect(await names()).toEqual(['closed', 'closing', 'leaf', 'open', 'opening']);
    expect(await names('/tree/leaf')).toEqual([]);
    expect(await names('/tree/open')).toEqual([]);
  }

  // Closed after it was read, and deleted.
  await other.setAcls('/tree/closing', SECRET);
  await other.delete('/tree/closing');
  expect(await names()).toEqual(['closed', 'leaf', 'open', 'opening']);
  expect(cache.getData('/tree/closing')).toBeNull();

  // Opened, and then changed: one-shot watches are not left by reads that are refused.
  await other.create('/tree/opening/in', 'x');
  expect(await names('/tree/opening')).toEqual([]);
  await other.setAcls('/tree/opening', OPEN_ACL_UNSAFE);
  await other.set('/tree/opening', 'opened');
  expect(await names('/tree/opening')).toEqual(recursive ? ['in'] : []);
  expect(cache.getData('/tree/opening')?.data?.toString()).toBe(recursive ? 'opened' : undefined);

  await outage(async () => {
    await other.delete('/tree/closed/in');
    await other.delete('/tree/closed');
    await other.create('/tree/while', 'x', { acl: SECRET });
    await other.create('/tree/leaf/while', 'x', { acl: SECRET });
  });
  expect(await names()).toEqual(['leaf', 'open', 'opening', 'while']);
  expect(await names('/tree/leaf')).toEqual(['while']);
  for (const path of ['/tree/while', '/tree/leaf/while']) await other.delete(path);
  expect(await names()).toEqual(['leaf', 'open', 'opening']);
  expect(await names('/tree/leaf')).toEqual([]);
  await other.create('/tree/last', 'x', { acl: SECRET });
  expect(await names()).toEqual(['last', 'leaf', 'open', 'opening']);
  await cache.close();
}

/** A node, and all below it, as `path data`; `undefined` where the client may not read. */
export async function shown(client: KazooClient, path: string): Promise<string[]> {
  try {
    await client.sync(path);
    const [[data], children] = await Promise.all([client.get(path), client.getChildren(path)]);
    const below = await Promise.all(children.sort().map((name) => shown(client, `${path}/${name}`)));
    return [`${path} ${data?.toString()}`, ...below.flat()];
  } catch (error) {
    if (error instanceof NoAuthError) return [`${path} undefined`];
    throw error;
  }
}

/** The same, as a cache shows it. */
export function cached(cache: TreeCache, path: string): string[] {
  const names = [...(cache.getChildren(path) ?? [])].sort();
  return [`${path} ${cache.getData(path)?.data?.toString()}`, ...names.flatMap((name) => cached(cache, `${path}/${name}`))];
}
