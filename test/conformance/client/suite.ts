import { afterAll, beforeAll, describe } from 'vitest';
import { specifyAccess } from './access.ts';
import { specifyCapabilities } from './capabilities.ts';
import { specifyExtended } from './extended.ts';
import { specifyIterators } from './iterators.ts';
import { specifyNodes } from './nodes.ts';
import { specifyOverlaps } from './overlaps.ts';
import { specifySessions } from './sessions.ts';
import { specifyTransactions } from './transactions.ts';
import { specifyTrees } from './trees.ts';
import { specifyWatches } from './watches.ts';
import { specIn, type Ground, type Site } from './world.ts';

/** The whole of what a client does, on one server; with and without a chroot unless told. */
export function specifyClient({ name, version, start }: Site, chroots: readonly boolean[] = [false, true]): void {
  describe(`the client on the ${name} server ${version?.join('.') ?? ''}`, () => {
    describe.skipIf(version === null)('runs', () => {
      let ground: Ground;

      beforeAll(async () => {
        ground = await start();
      });
      afterAll(() => ground?.close());

      describe.each(chroots)('chroot: %s', (chrooted) => {
        const spec = specIn(() => ground, version ?? [], chrooted);
        specifyNodes(spec);
        specifyAccess(spec);
        specifyTransactions(spec);
        specifyWatches(spec);
        specifyExtended(spec);
        specifyOverlaps(spec);
        specifyTrees(spec);
        specifyIterators(spec);
        specifySessions(spec);
        specifyCapabilities(spec);
      });
    });
  });
}
