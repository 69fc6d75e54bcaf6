import { specifyClient } from './client/suite.ts';
import { embedded, real } from './client/world.ts';

// What the embedded server does not imitate, or not to the last, is tried on the real one alone.
const asked = process.env['ZOOKEEPER_VERSION'];
if (asked === undefined || !/^3\.[34]\./.test(asked)) specifyClient(embedded(asked ?? '3.9'));
specifyClient(await real(asked));
