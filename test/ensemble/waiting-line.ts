import { Deferred } from '../../src/base/deferred.ts';
import { Election } from '../../src/recipe/election.ts';
import { KazooClient } from '../../src/kazoo-client.ts';
import { within } from './lock-model.ts';

const CONTENDERS = 5;
/** For what the test itself does; the promise is measured apart. */
const PATIENCE = 60_000;

/** Contenders of one lock or one election, all but one of whom wait. */
export class WaitingLine implements AsyncDisposable {
  readonly #clients: readonly KazooClient[];
  readonly #timeout: number;

  private constructor(clients: readonly KazooClient[], timeout: number) {
    this.#clients = clients;
    this.#timeout = timeout;
  }

  static async form(hosts: string, timeout: number): Promise<WaitingLine> {
    const clients = Array.from({ length: CONTENDERS }, () => new KazooClient({ hosts, timeout }));
    await Promise.all(clients.map((client) => client.start({ timeout: PATIENCE })));
    return new WaitingLine(clients, timeout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /**
   * One has it, four wait; the service goes and is back; the one lets go. Then the four have it in turn, the first of them within twice the session timeout.
   *
   * @param outage resolves when the service is back
   */
  async outlive(recipe: 'lock' | 'election', path: string, outage: () => Promise<void>): Promise<void> {
    const letGo = new Deferred<void>();
    const first = new Deferred<void>();
    const order: number[] = [];
    const work = async (index: number): Promise<void> => {
      order.push(index);
      if (order.length === 2) first.resolve(undefined);
      if (order.length === 1) await letGo.promise;
    };
    const take = (client: KazooClient, index: number): Promise<void> =>
      recipe === 'lock' ? client.lock(path).withLock(() => work(index)) : new Election(client, path).run(() => work(index));
    const all = Promise.all(this.#clients.map(take));
    all.catch((error: unknown) => first.reject(error));
    await within('all stand in line', PATIENCE, this.#stand(path));
    await outage();
    letGo.resolve(undefined);
    await within(`one of those who wait has the ${recipe}`, 2 * this.#timeout, first.promise);
    await within('each has had it', PATIENCE, all);
    if (order.length !== CONTENDERS) throw new Error(`${order.join(', ')} had the ${recipe}`);
  }

  async #stand(path: string): Promise<void> {
    const [client] = this.#clients;
    for (;;) {
      const names = await client!.getChildren(path).catch(() => []);
      if (names.length === CONTENDERS) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
