import type { TreeCache } from './tree-cache.ts';

/** Starts a cache and waits for `loaded`, which is told by its INITIALIZED. @throws what ends the wait, such as ConnectionClosedError when the client stops */
export function loadTree(cache: TreeCache, loaded: Promise<void>): Promise<void> {
  const fresh = cache.start().then(() => cache.whenFresh());
  return Promise.race([loaded, fresh.then(() => loaded)]);
}
