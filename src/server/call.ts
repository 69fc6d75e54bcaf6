import type { OpName, RequestOf, ResponseOf } from '../codec/ops.ts';
import type { Caller } from './caller.ts';
import type { Refusal } from './refusal.ts';
import type { Session } from './server-sessions.ts';
import type { ServerState } from './server-state.ts';
import type { Author, Transaction } from './transactions.ts';
import type { Identity } from './acl.ts';

/** One request in progress, and how to reply to it. */
export class Call implements Author {
  readonly state: ServerState;
  readonly caller: Caller;
  readonly session: Session;
  /** For the reply's header, if it is not that of the last transaction. */
  zxid: number | null = null;
  /** For the reply's header, if there is a body in spite of an error. */
  err = 0;
  /** Whether the connection ends after the reply. */
  hangUp = false;
  /** Whether there is no reply at all. */
  silent = false;
  #transaction: Transaction | null = null;

  constructor(state: ServerState, caller: Caller, session: Session) {
    this.state = state;
    this.caller = caller;
    this.session = session;
  }

  get identities(): readonly Identity[] {
    return this.caller.identities;
  }

  get sessionId(): bigint {
    return this.session.id;
  }

  /** The transaction of a write: begun before its handler is called. */
  get transaction(): Transaction {
    if (this.#transaction === null) throw new TypeError('a read has no transaction');
    return this.#transaction;
  }

  begin(undoable: boolean): void {
    this.#transaction = this.state.transactions.begin(undoable);
  }
}

/**
 * Performs an operation: returns the reply's body, or throws a Refusal. It may return one instead, if that is a common answer and
 * throwing would be expensive.
 */
export type Handler<K extends OpName> = (
  request: RequestOf<K>,
  call: Call,
) => ResponseOf<K> | (undefined extends ResponseOf<K> ? void : Refusal);

/** A handler for each row of the table: a missing one does not compile. */
export type Handlers = { readonly [K in OpName]: Handler<K> };
