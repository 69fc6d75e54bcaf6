import type { Handlers } from './call.ts';
import { readHandlers } from './read-handlers.ts';
import { sessionHandlers } from './session-handlers.ts';
import { watchHandlers } from './watch-handlers.ts';
import { writeHandlers } from './write-handlers.ts';

/** The handlers of all operations of the table. */
export const HANDLERS: Handlers = { ...readHandlers, ...writeHandlers, ...sessionHandlers, ...watchHandlers };
