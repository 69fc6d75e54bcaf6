import type { Clock } from '../base/clock.ts';
import { OPS } from '../codec/ops.ts';
import type { Connection } from '../connection/connection.ts';
import type { RequestQueue } from './request-queue.ts';

/** How long the server may take to confirm the end of a session, milliseconds. */
const PATIENCE = 2_000;

/**
 * The graceful end of a session: earlier requests are answered first, then the session is closed on the server.
 * With a silent server the heartbeat limits the wait, with a slow one the session timeout.
 */
export class Farewell {
  readonly #clock: Clock;
  #finished: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the session is closed, or the connection has ended. */
  async say(connection: Connection, sessionTimeout: number, requests: RequestQueue): Promise<void> {
    await this.#within(sessionTimeout, (done) => requests.whenDrained(done));
    if (connection.ended) return;
    await this.#within(PATIENCE, (done) => connection.send({ row: OPS.closeSession, reply: done, fail: done }, undefined));
  }

  /** The connection has ended. */
  cut(): void {
    this.#finished?.();
  }

  #within(limit: number, begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#finished = undefined;
        resolve();
      };
      const timer = this.#clock.timer(limit, done);
      this.#finished = done;
      begin(done);
    });
  }
}
