import { afterAll, beforeAll, describe } from 'vitest';
import { specifyAccess } from './client/access.ts';
import { specifyExtended } from './client/extended.ts';
import { specifyNodes } from './client/nodes.ts';
import { specifySessions } from './client/sessions.ts';
import { specifyTransactions } from './client/transactions.ts';
import { specifyWatches } from './client/watches.ts';
import { noReal, specIn, startGround, type Ground } from './client/world.ts';

describe.each(['embedded', 'real'] as const)('the client on the %s server', (name) => {
  describe.skipIf(name === 'real' && noReal !== null)('runs', () => {
    let ground: Ground;

    beforeAll(async () => {
      ground = await startGround(name);
    });
    afterAll(() => ground?.close());

    describe.each([false, true])('chroot: %s', (chrooted) => {
      const spec = specIn(() => ground, chrooted);
      specifyNodes(spec);
      specifyAccess(spec);
      specifyTransactions(spec);
      specifyWatches(spec);
      specifyExtended(spec);
      specifySessions(spec);
    });
  });
});
