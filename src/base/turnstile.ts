import { Deferred } from './deferred.ts';

/** A place in the queue. */
export interface Ticket {
  /** Resolves when it is this ticket's turn. */
  readonly ready: Promise<void>;
  /** Gives up the turn, or the place in the queue. Harmless when repeated. */
  leave(): void;
}

/** A first-come, first-served mutex for the callers of one object in this process (Kazoo LK-14, D-24a). */
export class Turnstile {
  readonly #line: { ticket: Ticket; open: () => void }[] = [];

  get taken(): boolean {
    return this.#line.length > 0;
  }

  take(): Ticket {
    const turn = new Deferred();
    const ticket: Ticket = { ready: turn.promise, leave: () => this.#leave(ticket) };
    this.#line.push({ ticket, open: turn.resolve });
    if (this.#line.length === 1) turn.resolve();
    return ticket;
  }

  /** Runs `work` when its turn comes. @param wait can abort the wait */
  async pass<T>(work: () => Promise<T>, wait = (ready: Promise<void>): Promise<void> => ready): Promise<T> {
    const ticket = this.take();
    try {
      await wait(ticket.ready);
      return await work();
    } finally {
      ticket.leave();
    }
  }

  #leave(ticket: Ticket): void {
    const place = this.#line.findIndex((entry) => entry.ticket === ticket);
    if (place < 0) return;
    this.#line.splice(place, 1);
    if (place === 0) this.#line[0]?.open();
  }
}
