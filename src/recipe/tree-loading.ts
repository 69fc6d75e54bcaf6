import type { TreeCache } from './tree-cache.ts';

/** Starts a cache and waits for `loaded`, which its INITIALIZED resolves. @throws the error that ends the wait, such as ConnectionClosedError when the client stops */
export function loadTree(cache: TreeCache, loaded: Promise<void>): Promise<void> {
  const fresh = cache.start().then(() => cache.whenFresh());
  return Promise.race([loaded, fresh.then(() => loaded)]);
}
