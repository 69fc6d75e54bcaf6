import { UnimplementedError } from '../base/errors.ts';
import { isOlder, OPS } from '../codec/ops.ts';
import type { Target } from '../connection/transport.ts';

/** One connection may end with SetWatches2 unanswered for any reason; three in a row, to a server of unknown version, hardly. */
const CONVINCED = 3;

/**
 * Which servers can restore persistent watches (3.6+). Older ones hang up on SetWatches2, some without a reply: if we always sent it, we could never connect to them.
 * Decides by the server's version if known; else by the outcome of the last attempts there.
 */
export class StayingSupport {
  readonly #refusals = new Map<string, number>();
  #hasMetOld = false;

  /** A server was too old for something, by its version or its reply: so others may be too, under any name. */
  readonly metOld = (): void => {
    this.#hasMetOld = true;
  };

  /** Whether to ask that server for its version first. */
  mayBeOld(target: Target): boolean {
    return this.#hasMetOld || this.#refusals.has(nameOf(target));
  }

  /** Whether SetWatches2 may be sent. A server that is only believed to be too old gets another chance with the next connection. */
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

  /** Returns a callback for the outcome of each SetWatches2 of one connection: the code, or undefined if the connection ended first; that counts as one refusal, however many are unanswered. */
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
