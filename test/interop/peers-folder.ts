import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where clients of others are kept, once fetched. */
export function peersFolder(): string {
  return join(process.env['KAZOO_CACHE'] || join(homedir(), '.cache', 'kazoo'), 'peers');
}
