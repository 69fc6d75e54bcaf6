import { UnimplementedError } from '../base/errors.ts';
import { isOlder, OPS } from '../codec/ops.ts';
import type { Target } from '../connection/transport.ts';

/** A connection may end while SetWatches2 is unanswered for any reason; three in a row, to a server that does not tell its version, hardly. */
const CONVINCED = 3;

/**
 * Which servers can have staying watches (3.6+) restored. Older ones hang up on SetWatches2, some without a word: sent to them every time, it would keep us from them for ever.
 * By the server's version where that is known; else by what became of the last attempts there.
 */
export class StayingSupport {
  readonly #refusals = new Map<string, number>();
  #hasMetOld = false;

  /** A server was too old for something, by its version or its own word: another may be so, too, under whatever name. */
  readonly metOld = (): void => {
    this.#hasMetOld = true;
  };

  /** Whether that server should be asked for its version before. */
  mayBeOld(target: Target): boolean {
    return this.#hasMetOld || this.#refusals.has(nameOf(target));
  }

  /** Whether SetWatches2 may be sent. A server believed to be too old, of which nothing is known for certain, gets another chance with the next connection. */
  has(target: Target, version: readonly number[] | undefined): boolean {
    const name = nameOf(target);
    const refusals = this.#refusals.get(name) ?? 0;
    if (version === undefined && refusals < CONVINCED) return true;
    this.#refusals.delete(name);
    if (version === undefined) return false;
    const isOld = isOlder(version, OPS.setWatches2.since);
    if (isOld) this.metOld();
    return !isOld;
  }

  /** To be told what becomes of each SetWatches2 of one connection: the code, or undefined when that ended first, which is one refusal, however many are unanswered. */
  listener(target: Target): (code: number | undefined) => void {
    const name = nameOf(target);
    let isRefused = false;
    return (code) => {
      if (code === 0) this.#refusals.delete(name);
      if (code === 0 || isRefused) return;
      isRefused = true;
      const isCertain = code === UnimplementedError.code;
      if (isCertain) this.metOld();
      this.#refusals.set(name, isCertain ? CONVINCED : (this.#refusals.get(name) ?? 0) + 1);
    };
  }
}

function nameOf({ address, port }: Target): string {
  return `${address} ${port}`;
}
