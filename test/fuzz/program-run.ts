import { normaliser, sessionOf } from '../conformance/probes/trial.ts';
import { RawConnection } from '../conformance/wire.ts';
import type { ConnectOptions, WatchEvent } from '../conformance/wire.ts';
import { CONNECTIONS, SUPER, type Step } from './request-programs.ts';

const SESSION = 30_000;

/** What everybody heard while one step was made. */
export interface Moment {
  readonly what: string;
  readonly heard: unknown;
}

type Entry = RawConnection['log'][number];

/** One program on one server: makes each step, waits until all is said that follows from it, and keeps it. */
export class ProgramRun {
  readonly #port: number;
  readonly #connections: RawConnection[] = [];
  readonly #sessions: bigint[] = [];
  readonly #moments: Moment[] = [];
  #base = 0n;

  constructor(port: number) {
    this.#port = port;
  }

  /** @param root the tree that is read at the end */
  async run(steps: readonly Step[], root: string): Promise<Moment[]> {
    try {
      for (let i = 0; i < CONNECTIONS; i++) await this.#connect(i);
      this.#base = (await this.#connections[0]!.ping()).zxid;
      for (const step of steps) await this.#make(step);
      await this.#readTree(root);
      return this.#moments;
    } finally {
      await this.#end();
    }
  }

  async #make({ by, what, act }: Step): Promise<void> {
    const connection = this.#connections[by]!;
    const all = [...this.#connections];
    if (act === 'close') await this.#close(by);
    else if (act === 'reconnect') await this.#reconnect(by);
    else await act(connection, this.#base);
    // What the server cannot read it hangs up on.
    if (!this.#connections[by]!.open) await this.#reconnect(by);
    await Promise.all(this.#connections.map((each) => each.ping()));
    const heard = new Set([...all, ...this.#connections]);
    this.#keep(what, heard, act === 'close');
  }

  async #close(by: number): Promise<void> {
    const connection = this.#connections[by]!;
    await connection.closeSession();
    await connection.ended();
    await this.#connect(by);
  }

  async #reconnect(by: number): Promise<void> {
    const connection = this.#connections[by]!;
    connection.destroy();
    await connection.ended();
    const { sessionId, password } = sessionOf(connection);
    await this.#connect(by, { sessionId, password });
  }

  async #connect(at: number, options: ConnectOptions = {}): Promise<void> {
    const connection = await RawConnection.dial('127.0.0.1', this.#port);
    const reply = await connection.handshake({ timeout: SESSION, ...options });
    if (reply === undefined) throw new Error('the server hung up on a handshake');
    if (!this.#sessions.includes(reply.sessionId)) this.#sessions.push(reply.sessionId);
    this.#connections[at] = connection;
  }

  async #readTree(root: string): Promise<void> {
    await this.#connect(CONNECTIONS);
    const reader = this.#connections[CONNECTIONS]!;
    await reader.auth('digest', SUPER);
    for (const top of [root, `/zookeeper/quota${root}`]) await visit(reader, top);
    this.#keep('the tree', new Set([reader]), false);
  }

  /** @param isClosing the nodes of a session go in the order of a hash set */
  #keep(what: string, connections: ReadonlySet<RawConnection>, isClosing: boolean): void {
    const rewrite = normaliser(this.#base, this.#sessions, false);
    const heard = [...connections].map((connection) => {
      const log = connection.log.splice(0).map(withSortedAcl);
      return rewrite(isClosing ? sortedEvents(log) : log);
    });
    this.#moments.push({ what, heard });
  }

  async #end(): Promise<void> {
    for (const connection of this.#connections.filter(({ open }) => open)) {
      await connection.closeSession();
      await connection.ended();
    }
  }
}

async function visit(reader: RawConnection, path: string): Promise<void> {
  if ((await reader.get(path)).err !== 0) return;
  await reader.getACL(path);
  const { children = [] } = await reader.children(path);
  for (const name of children) await visit(reader, `${path}/${name}`);
}

/** The ids that `auth` stands for come in the order of a hash set. */
function withSortedAcl(entry: Entry): Entry {
  if (entry === 'eof' || !('reply' in entry) || entry.reply.acl === undefined) return entry;
  return { reply: { ...entry.reply, acl: [...entry.reply.acl].sort((a, b) => (String(a) < String(b) ? -1 : 1)) } };
}

function sortedEvents(log: readonly Entry[]): Entry[] {
  const events = log.filter(isEvent).sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  return [...events, ...log.filter((entry) => !isEvent(entry))];
}

function isEvent(entry: Entry): entry is { event: WatchEvent } {
  return entry !== 'eof' && 'event' in entry;
}

function placeOf({ event }: { event: WatchEvent }): string {
  return `${event.path} ${event.type}`;
}
