import { Deferred } from './deferred.ts';

/** A place in line. */
export interface Ticket {
  /** Resolves when it is this one's turn. */
  readonly ready: Promise<void>;
  /** Gives the turn, or the place in line, back. Harmless when repeated. */
  leave(): void;
}

/** Lets one pass at a time, first come first served: the callers of one object in this process (Kazoo LK-14, D-24a). */
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

  /** What `work` gives when it is its turn. @param wait may give the wait for that up */
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
