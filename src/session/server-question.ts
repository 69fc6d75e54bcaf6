import type { Clock } from '../base/clock.ts';
import type { DialOptions } from '../connection/dial.ts';
import { askFourLetterWord } from '../connection/four-letter.ts';
import type { Handler } from '../connection/handler.ts';
import type { Target } from '../connection/transport.ts';

const PATIENCE = 5_000;

/** Sends one server a four-letter word over a separate connection; undefined if no answer comes in time. */
export async function askServer(
  word: string,
  target: Target,
  { handler, dial, clock }: { handler: Handler; dial: DialOptions; clock: Clock },
  run: AbortSignal,
  patience = PATIENCE,
): Promise<string | undefined> {
  const limit = new AbortController();
  const timer = clock.timer(patience, () => limit.abort(new Error('no answer')));
  const signal = AbortSignal.any([run, limit.signal]);
  try {
    return await askFourLetterWord(await handler.dial(target, dial, signal), word, signal);
  } catch {
    return undefined;
  } finally {
    timer.cancel();
  }
}
