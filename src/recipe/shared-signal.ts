import { setMaxListeners } from 'node:events';
import type { WaitOptions } from '../client/call-options.ts';
import { requireWaiting, type Waiting } from './arguments.ts';

/**
 * The options of a call that waits. One signal may well end a thousand calls: Node's warning of a leak, from the eleventh on, would be a false alarm.
 *
 * @throws TypeError or RangeError
 */
export function requireSharedWaiting(options: WaitOptions | undefined): Waiting {
  const waiting = requireWaiting(options);
  if (waiting.signal !== undefined) setMaxListeners(0, waiting.signal);
  return waiting;
}
