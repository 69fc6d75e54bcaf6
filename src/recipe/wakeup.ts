import { prompt } from '../base/prompt.ts';

/** Wakes a loop that waits for a change. A wake-up while nobody waits is kept for the next wait. */
export class Wakeup {
  #woken = false;
  #resolve: (() => void) | undefined;

  /** Arrow functions, so that each can be passed on by itself. */
  readonly wake = prompt((): void => {
    this.#woken = true;
    this.#resolve?.();
  });

  readonly wait = async (): Promise<void> => {
    if (!this.#woken) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#woken = false;
    this.#resolve = undefined;
  };
}
