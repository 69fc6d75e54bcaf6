import { DecodeError, type Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import type { Caller } from './caller.ts';
import type { Session } from './server-sessions.ts';
import type { ServerState } from './server-state.ts';

interface ConnectRequest {
  readonly lastZxidSeen: bigint;
  readonly timeOut: number;
  readonly sessionId: bigint;
  readonly passwd: Buffer | null;
  /** Null for clients before 3.4, which do not send it. */
  readonly readOnly: boolean | null;
}

/** The outcome of a handshake: a session, a reply that there is none, or no reply at all. */
export type Handshake = Session | 'expired' | 'refused';

/** Reads a ConnectRequest and writes its reply (docs/protocol.md, "Handshake"), with the checks in the order of a real server. */
export function shakeHands(state: ServerState, caller: Caller, reader: Reader, writer: Writer): Handshake {
  const request = readRequest(reader);
  if (request === null) return 'refused';
  if (state.readOnly && request.readOnly !== true) return 'refused';
  if (request.lastZxidSeen > BigInt(state.tree.zxid)) return 'refused';
  const session = request.sessionId === 0n ? open(state, request) : resume(state, request);
  if (session === 'refused') return session;
  writeResponse(state, session, request.readOnly !== null, writer);
  if (session === 'expired') return session;
  session.connection = caller;
  return session;
}

function readRequest(reader: Reader): ConnectRequest | null {
  try {
    reader.int(); // the protocol version, which servers ignore
    const [lastZxidSeen, timeOut, sessionId, passwd] = [reader.long(), reader.int(), reader.long(), reader.buffer()];
    return { lastZxidSeen, timeOut, sessionId, passwd, readOnly: reader.remaining > 0 ? reader.boolean() : null };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function open(state: ServerState, { timeOut }: ConnectRequest): Session {
  if (!state.readOnly) state.transactions.begin();
  return state.sessions.open(negotiate(state, timeOut), state.readOnly);
}

function resume(state: ServerState, { sessionId, passwd, timeOut }: ConnectRequest): Handshake {
  const session = state.sessions.find(sessionId);
  if (session === undefined) return 'expired';
  if (state.readOnly && !session.local) return 'refused';
  // Before the password is checked, as on a real server.
  session.connection?.close();
  if (passwd === null || !session.password.equals(passwd)) return 'expired';
  session.timeout = negotiate(state, timeOut);
  state.sessions.touch(session);
  return session;
}

function negotiate({ options }: ServerState, timeOut: number): number {
  return Math.max(options.minSessionTimeout, Math.min(options.maxSessionTimeout, timeOut));
}

function writeResponse(state: ServerState, session: Session | 'expired', askedReadOnly: boolean, writer: Writer): void {
  const start = writer.length;
  const valid = session !== 'expired';
  writer.int(0);
  writer.int(0);
  writer.int(valid ? session.timeout : 0);
  writer.long(valid ? session.id : 0n);
  writer.buffer(valid ? session.password : NO_PASSWORD);
  const { readOnlyByteAlways, readOnlyByteAsAsked } = state.version.features;
  if (askedReadOnly || (readOnlyByteAlways && !readOnlyByteAsAsked)) writer.boolean(state.readOnly && valid);
  writer.intAt(start, writer.length - start - 4);
}

const NO_PASSWORD = Buffer.alloc(16);
