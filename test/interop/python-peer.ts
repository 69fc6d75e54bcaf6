import { fileURLToPath } from 'node:url';
import type { PythonKazoo, PythonProcess } from '../support/python.ts';

const SCRIPT = fileURLToPath(new URL('./peer.py', import.meta.url));

/** Keyword arguments, in Python's names and units. */
export type Keywords = Readonly<Record<string, unknown>>;

/** What an order to Python ended with: the name of Python's exception class is the name. */
export class PythonError extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** A process of Python Kazoo that does what it is told, many things at a time. See peer.py. */
export class PythonPeer implements AsyncDisposable {
  readonly #process: PythonProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #seen = new Map<string, unknown[]>();
  #names = 0;
  #orders = 0;
  #over: Error | null = null;

  constructor(kazoo: PythonKazoo) {
    this.#process = kazoo.start(SCRIPT);
    void this.#listen();
  }

  /** A connected client. @param timeout of its session, milliseconds */
  async connect(hosts: string, timeout = 6_000): Promise<PythonClient> {
    const name = this.newName();
    await this.order('connect', name, hosts, timeout / 1_000);
    return new PythonClient(this, name);
  }

  order(order: string, ...args: readonly unknown[]): Promise<unknown> {
    if (this.#over !== null) return Promise.reject(this.#over);
    const id = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, order, args: encode(args) });
    });
  }

  newName(): string {
    return `object-${++this.#names}`;
  }

  /** What a watch made with {@link PythonClient.watch} has been called with so far. */
  seen(name: string): unknown[] {
    const list = this.#seen.get(name) ?? [];
    this.#seen.set(name, list);
    return list;
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    this.#end(new Error('the Python process was killed'));
    await this.#process.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #listen(): Promise<void> {
    try {
      for (;;) this.#hear((await this.#process.receive()) as Line);
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #hear(line: Line): void {
    if (line.seen !== undefined) return void this.seen(line.seen).push(decode(line.value));
    const waiting = this.#waiting.get(line.id);
    this.#waiting.delete(line.id);
    if (line.error === undefined) waiting?.resolve(decode(line.value));
    else waiting?.reject(new PythonError(line.error, line.message));
  }

  #end(error: Error): void {
    this.#over ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** An object in the Python process. */
export class PythonObject {
  readonly peer: PythonPeer;
  readonly name: string;

  constructor(peer: PythonPeer, name: string) {
    this.peer = peer;
    this.name = name;
  }

  call(method: string, args: readonly unknown[] = [], keywords: Keywords = {}): Promise<unknown> {
    return this.peer.order('call', this.name, method, args, keywords);
  }

  get(attribute: string): Promise<unknown> {
    return this.peer.order('attribute', this.name, attribute);
  }

  /** An order of peer.py's whose first argument is this object. */
  order(order: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.peer.order(order, this.name, ...args);
  }

  toJSON(): unknown {
    return { object: this.name };
  }
}

/** A connected Python client. */
export class PythonClient extends PythonObject {
  /** One of Kazoo's recipes: `make('Lock', ['/path', 'identifier'])`. */
  async make(recipe: string, args: readonly unknown[], keywords: Keywords = {}): Promise<PythonObject> {
    const name = this.peer.newName();
    await this.peer.order('make', name, this.name, recipe, args, keywords);
    return new PythonObject(this.peer, name);
  }

  /** Starts a watch; what its function is called with is in the array, as it comes. */
  async watch(
    recipe: 'DataWatch' | 'ChildrenWatch' | 'TreeCache',
    path: string,
  ): Promise<{ seen: unknown[]; watch: PythonObject }> {
    const name = this.peer.newName();
    const seen = this.peer.seen(name);
    await this.peer.order('watch', name, this.name, recipe, path);
    return { seen, watch: new PythonObject(this.peer, name) };
  }

  /** Joins a partitioned set, and follows Kazoo's instructions from then on. */
  async join(path: string, items: readonly unknown[], identifier: string, boundary: number): Promise<PythonObject> {
    const name = this.peer.newName();
    await this.peer.order('join', name, this.name, path, items, identifier, boundary / 1_000);
    return new PythonObject(this.peer, name);
  }
}

type Line =
  | {
      readonly seen?: undefined;
      readonly id: number;
      readonly error?: string;
      readonly message: string;
      readonly value?: unknown;
    }
  | Seen;
type Seen = { readonly seen: string; readonly value: unknown };

function encode(value: unknown): unknown {
  if (typeof value === 'bigint') return { int: String(value) };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  if (value instanceof PythonObject) return value.toJSON();
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, encode(part)]));
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) return value;
  const { bytes, int, float } = value as { bytes?: string; int?: string; float?: string };
  if (bytes !== undefined) return Buffer.from(bytes, 'base64');
  if (int !== undefined) return BigInt(int);
  if (float !== undefined) return Number(float.replace('inf', 'Infinity'));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, decode(part)]));
}
