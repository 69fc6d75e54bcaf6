import { OPS } from '../codec/ops.ts';
import type { Target } from '../connection/transport.ts';
import { isOlder } from './request-queue.ts';

/** A connection may end while SetWatches2 is unanswered for any reason; for the same one twice, hardly. */
const CONVINCED = 2;

/**
 * Which servers can have staying watches (3.6+) restored. Older ones hang up on SetWatches2, some without a word: sent to them every time, it would keep us from them for ever.
 * By the server's version where that is known; else by what became of the last attempts there.
 */
export class StayingSupport {
  readonly #refusals = new Map<string, number>();

  /** Whether that server should be asked for its version before. */
  isInDoubt(target: Target): boolean {
    return this.#refusals.has(nameOf(target));
  }

  /** Whether SetWatches2 may be sent. A server believed to be too old, of which nothing is known for certain, gets another chance with the next connection. */
  has(target: Target, version: readonly number[] | undefined): boolean {
    const name = nameOf(target);
    const refusals = this.#refusals.get(name) ?? 0;
    if (version === undefined && refusals < CONVINCED) return true;
    this.#refusals.delete(name);
    return version !== undefined && !isOlder(version, OPS.setWatches2.since);
  }

  accepted(target: Target): void {
    this.#refusals.delete(nameOf(target));
  }

  /** @param isCertain whether the server said that it does not know the request; otherwise it did not answer before the connection ended */
  refused(target: Target, isCertain: boolean): void {
    const name = nameOf(target);
    this.#refusals.set(name, isCertain ? CONVINCED : (this.#refusals.get(name) ?? 0) + 1);
  }
}

function nameOf({ address, port }: Target): string {
  return `${address} ${port}`;
}
