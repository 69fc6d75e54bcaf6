import { specifyClient } from './client/suite.ts';
import { embedded, real } from './client/world.ts';

// A version that the embedded server does not imitate is tried on the real one alone.
const asked = process.env['ZOOKEEPER_VERSION'];
if (asked === undefined || !asked.startsWith('3.3.')) specifyClient(embedded(asked ?? '3.9'));
specifyClient(await real(asked));
