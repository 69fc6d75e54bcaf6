import { KazooException, NotReadOnlyCallError } from '../base/errors.ts';
import type { RecipeClient } from '../client/recipe-client.ts';
import type { Attempt } from './attempt.ts';

export interface FreshnessOptions {
  /** Throws if there is nothing left to wait for. */
  check(): void;
  /** Requests, at once, everything known to have changed. @returns whether all has been read */
  catchUp(): boolean;
  changed(fresh: boolean): void;
}

/**
 * Whether a local copy of nodes matches the server: stale from the loss of the connection until everything that changed meanwhile has been read.
 * The server sends notifications of earlier changes before it answers a later request: so once a sync is answered, all of them are known.
 */
export class Freshness {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #options: FreshnessOptions;
  readonly #waiting = new Set<() => void>();
  #outages = 0;
  #fresh = false;

  constructor(client: RecipeClient, path: string, options: FreshnessOptions) {
    this.#client = client;
    this.#path = path;
    this.#options = options;
  }

  get now(): boolean {
    return this.#fresh;
  }

  /** The connection was lost. */
  end(): void {
    this.#outages += 1;
    this.#turn(false);
    this.stir();
  }

  /** Some reading may be complete now. */
  stir(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** There is a connection (again): turns fresh when everything is read, unless the connection is lost before. */
  begin(): void {
    this.#catchUp().catch((error: unknown) => {
      if (!(error instanceof KazooException)) this.#client.reportError(error);
    });
  }

  /** Resolves once everything written before this call has been read. */
  async wait(attempt: Attempt): Promise<void> {
    while (!(await attempt.persist(() => attempt.guard(this.#catchUp()))));
  }

  async #catchUp(): Promise<boolean> {
    this.#options.check();
    const outages = this.#outages;
    await this.#barrier();
    while (outages === this.#outages && !this.#options.catchUp()) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#options.check();
    }
    if (outages !== this.#outages) return false;
    this.#turn(true);
    return true;
  }

  /** A server that is cut off from the ensemble refuses sync: what it has is all there is. */
  async #barrier(): Promise<void> {
    try {
      await this.#client.sync(this.#path);
    } catch (error) {
      if (!(error instanceof NotReadOnlyCallError)) throw error;
      await this.#client.exists(this.#path);
    }
  }

  #turn(fresh: boolean): void {
    if (this.#fresh === fresh) return;
    this.#fresh = fresh;
    this.#options.changed(fresh);
  }
}
