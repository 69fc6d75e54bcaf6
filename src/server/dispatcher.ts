import { debugLogger } from '../base/logger.ts';
import { OPS, type OpName } from '../codec/ops.ts';
import { NullPathError } from '../codec/fields.ts';
import { DecodeError, type Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import { Xid } from '../codec/xid.ts';
import { Call } from './call.ts';
import type { Caller } from './caller.ts';
import type { Fault } from './faults.ts';
import { HANDLERS } from './handlers.ts';
import { Code, Refusal, refusal } from './refusal.ts';
import type { Session } from './server-sessions.ts';
import type { ServerState } from './server-state.ts';

/** A row of the table and its handler, without their types: the opcode on the wire selects one. */
interface Operation {
  readonly name: OpName;
  readonly read: (reader: Reader) => unknown;
  readonly write: (writer: Writer, value: unknown) => void;
  readonly handle: (request: unknown, call: Call) => unknown;
  readonly writes: boolean;
}

const log = debugLogger('server');

/** Turns a request's bytes into a reply's: decodes, makes the common checks, calls the handler, encodes. */
export class Dispatcher {
  readonly #state: ServerState;
  readonly #operations: ReadonlyMap<number, Operation>;

  constructor(state: ServerState) {
    this.#state = state;
    this.#operations = operationsOf(state);
  }

  /** The operation of an opcode on this server. */
  name(opcode: number): OpName | undefined {
    return this.#operations.get(opcode)?.name;
  }

  /**
   * @param reader positioned after the request's header
   * @returns whether the connection continues
   */
  dispatch(caller: Caller, session: Session, reader: Reader, xid: number, opcode: number, writer: Writer): boolean {
    const operation = this.#operations.get(opcode);
    const call = new Call(this.#state, caller, session);
    const name = operation?.name;
    if (name !== 'auth' && name !== 'sasl') {
      if (this.#lacksSasl(caller)) return refuse(writer, xid, 0, Code.SASL_REQUIRED);
      this.#state.sessions.touch(session);
    }
    if (operation === undefined) return refuse(writer, xid, -1, Code.UNIMPLEMENTED);
    const fault = this.#state.faults.next(operation.name);
    const outcome = this.#perform(operation, reader, call, fault);
    return this.#answer(operation, call, outcome, name === 'ping' ? Xid.PING : xid, writer, fault);
  }

  #lacksSasl(caller: Caller): boolean {
    return this.#state.options.sessionRequireClientSASLAuth && !caller.identities.some(({ scheme }) => scheme === 'sasl');
  }

  /** The handler's result, or a Refusal, with which the reply has no body. */
  #perform(operation: Operation, reader: Reader, call: Call, fault: Fault | null): unknown {
    try {
      const request = this.#decode(operation, reader);
      const writes = operation.writes && !(call.session.local && operation.name === 'closeSession');
      if (this.#state.readOnly && (writes || operation.name === 'sync')) return refusal(Code.NOT_READ_ONLY);
      // A multi begins its own transaction, once it is known to be readable.
      if (writes && (operation.name !== 'multi' || fault?.kind === 'fail')) call.begin(false);
      if (fault?.kind === 'fail') return refusal(fault.code);
      return operation.handle(request, call);
    } catch (error) {
      if (error instanceof Refusal) return error;
      if (!(error instanceof DecodeError)) log.error(`${operation.name} failed unexpectedly: ${String(error)}`);
      return refusal(Code.MARSHALLING);
    }
  }

  /** Before 3.9, an undecodable write takes a zxid; a multi always does, and so does a write that can be decoded but names no node. */
  #decode(operation: Operation, reader: Reader): unknown {
    try {
      return operation.read(reader);
    } catch (error) {
      const isFree =
        this.#state.version.features.undecodableWritesAreFree && operation.name !== 'multi' && !(error instanceof NullPathError);
      if (operation.writes && !isFree && !this.#state.readOnly) this.#state.transactions.begin();
      throw error;
    }
  }

  #answer(operation: Operation, call: Call, outcome: unknown, xid: number, writer: Writer, fault: Fault | null): boolean {
    if (fault?.kind === 'cut') return false;
    if (!call.silent && fault?.kind !== 'drop') {
      const start = writer.length;
      const err = outcome instanceof Refusal ? outcome.code : call.err;
      begin(writer, xid, call.zxid ?? this.#state.tree.zxid, err);
      if (!(outcome instanceof Refusal)) operation.write(writer, outcome);
      writer.intAt(start, writer.length - start - 4);
    }
    return !call.hangUp;
  }
}

function operationsOf({ version }: ServerState): ReadonlyMap<number, Operation> {
  const operations = new Map<number, Operation>();
  for (const name of Object.keys(OPS) as OpName[]) {
    const { code, request, response, ...row } = OPS[name];
    const isKnown = !('since' in row) || version.atLeast(row.since);
    if (!isKnown || (name === 'check' && version.features.refusesLoneCheck)) continue;
    operations.set(code, {
      name,
      read: request.read,
      write: response.write as Operation['write'],
      handle: HANDLERS[name] as Operation['handle'],
      writes: 'writes' in row,
    });
  }
  return operations;
}

function begin(writer: Writer, xid: number, zxid: number, err: number): void {
  writer.int(0);
  writer.int(xid);
  writer.longNumber(zxid);
  writer.int(err);
}

function refuse(writer: Writer, xid: number, zxid: number, code: number): boolean {
  const start = writer.length;
  begin(writer, xid, zxid, code);
  writer.intAt(start, writer.length - start - 4);
  return false;
}
