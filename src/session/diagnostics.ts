import { channel } from 'node:diagnostics_channel';
import type { Clock } from '../base/clock.ts';
import type { KazooState } from '../base/states.ts';
import type { Target } from '../connection/transport.ts';
import { Failure } from './failure.ts';

/** Published on the diagnostics channel `kazoo:request` once a request is answered, aborted or failed. Never contains data or credentials. */
export interface RequestDiagnostics {
  /** ZooKeeper's name: `getData`, `create`, `multi`, … */
  readonly operation: string;
  /** The path on the server, including the chroot; null for operations without one. */
  readonly path: string | null;
  /** `host:port` of the connection at that moment; null while there is none. */
  readonly server: string | null;
  /** From the call to its outcome, including waits for a connection; milliseconds. */
  readonly duration: number;
  /** 0, or ZooKeeper's error code; null if the client ended it otherwise, for example by an abort. */
  readonly code: number | null;
}

/** Published on the diagnostics channel `kazoo:state` when the state has changed, just before listeners are called. */
export interface StateDiagnostics {
  readonly state: KazooState;
  /** `host:port`; null while there is no connection. */
  readonly server: string | null;
  /** Why the state is SUSPENDED or LOST; null for CONNECTED. */
  readonly cause: Error | null;
}

const requests = channel('kazoo:request');
const states = channel('kazoo:state');

/** Publishes a session's requests and states on `node:diagnostics_channel`. Costs one check while nobody listens. */
export class Diagnostics {
  readonly #clock: Clock;
  readonly #target: () => Target | undefined;

  constructor(clock: Clock, target: () => Target | undefined) {
    this.#clock = clock;
    this.#target = target;
  }

  state(state: KazooState, cause: Error | null): void {
    if (states.hasSubscribers) states.publish({ state, server: this.#server, cause } satisfies StateDiagnostics);
  }

  /** Whether anybody listens for requests. */
  get wantsRequests(): boolean {
    return requests.hasSubscribers;
  }

  /** Returns a function to call with the outcome of a request that starts now. */
  observer(operation: string, request: unknown): (outcome: unknown) => void {
    const began = this.#clock.now();
    const path = (request as { path?: string } | undefined)?.path ?? null;
    return (outcome) => {
      const code = outcome instanceof Failure ? outcome.code || null : 0;
      const duration = this.#clock.now() - began;
      requests.publish({ operation, path, server: this.#server, duration, code } satisfies RequestDiagnostics);
    };
  }

  get #server(): string | null {
    const target = this.#target();
    return target === undefined ? null : `${target.host}:${target.port}`;
  }
}
