import type { Clock, Timer } from '../base/clock.ts';
import type { DialOptions } from '../connection/dial.ts';
import type { Handler } from '../connection/handler.ts';
import type { Target } from '../connection/transport.ts';
import type { Rotation } from './rotation.ts';
import { askServer } from './server-question.ts';

const FIRST_PAUSE = 100;
/** For the lookup of a name; milliseconds. */
const PATIENCE = 5_000;

/** While connected to a read-only server, searches all hosts for one that accepts writes (Kazoo RO-2 to RO-6, corrected by D-2). */
export class ReadWriteProbe {
  readonly #rotation: Rotation;
  readonly #dial: DialOptions;
  readonly #clock: Clock;
  readonly #handler: Handler;
  readonly #found: (target: Target) => void;
  #timer: Timer | undefined;
  #run: AbortController | undefined;
  #pause = FIRST_PAUSE;
  #longestPause = FIRST_PAUSE;

  constructor(rotation: Rotation, dial: DialOptions, clock: Clock, handler: Handler, found: (target: Target) => void) {
    this.#rotation = rotation;
    this.#dial = dial;
    this.#clock = clock;
    this.#handler = handler;
    this.#found = found;
  }

  /** Searches until a server is found, or until `stop`. The pauses grow up to the ping interval: a third of the session timeout. */
  start(sessionTimeout: number): void {
    this.stop();
    this.#run = new AbortController();
    this.#pause = FIRST_PAUSE;
    this.#longestPause = sessionTimeout / 3;
    this.#schedule(this.#run.signal);
  }

  stop(): void {
    this.#run?.abort(new Error('the search was ended'));
    this.#run = undefined;
    this.#timer?.cancel();
  }

  #schedule(run: AbortSignal): void {
    this.#timer = this.#clock.timer(this.#pause, () => void this.#search(run));
    this.#pause = Math.min(2 * this.#pause, this.#longestPause);
  }

  async #search(run: AbortSignal): Promise<void> {
    const survey = this.#rotation.survey(PATIENCE);
    const close = (): void => survey.close();
    run.addEventListener('abort', close, { once: true });
    for (let target = await survey.next(); target !== undefined && !run.aborted; target = await survey.next()) {
      if (!(await this.#takesWrites(target, run))) continue;
      if (!run.aborted) this.#found(target);
      return survey.close();
    }
    run.removeEventListener('abort', close);
    survey.close();
    if (!run.aborted) this.#schedule(run);
  }

  async #takesWrites(target: Target, run: AbortSignal): Promise<boolean> {
    const asked = { handler: this.#handler, dial: this.#dial, clock: this.#clock };
    return (await askServer('isro', target, asked, run)) === 'rw';
  }
}
