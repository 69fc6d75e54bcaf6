import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** One client's connection and ours to the server behind it. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly held: (() => void)[];
  /** What is still on its way, oldest first. */
  readonly late: (() => void)[];
}

/**
 * A network between a client and a server, whose faults are ordered: cut, frozen, slow, unreachable.
 *
 * @example
 * await using proxy = await TcpProxy.open(server.connectString);
 * const client = new KazooClient(proxy.connectString);
 */
export class TcpProxy implements AsyncDisposable {
  #target: { host: string; port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #sent: Buffer[] | undefined;
  #frozen = false;
  #refusing = false;
  #delay = 0;
  #accepted = 0;

  private constructor(target: string) {
    this.#target = addressOf(target);
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** @param target `host:port` of the server behind */
  static async open(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections open at present. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Connections there have been. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The bytes clients have sent since this was last asked; none the first time. */
  takeSent(): Buffer {
    const bytes = Buffer.concat(this.#sent ?? []);
    this.#sent = [];
    return bytes;
  }

  /** New connections go to another server. */
  retarget(target: string): void {
    this.#target = addressOf(target);
  }

  /** Ends every connection, as a cable that is pulled and put back. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** While on, new connections are accepted and closed at once. */
  refuse(on: boolean): void {
    this.#refusing = on;
  }

  /** Nothing passes any more, in either direction, until `thaw`; connections stay. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Lets through what was held back, in order. */
  thaw(): void {
    this.#frozen = false;
    for (const { held } of this.#pairs) for (const pass of held.splice(0)) pass();
  }

  /** Every chunk from now on arrives this many milliseconds later. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    this.#accepted += 1;
    if (this.#refusing) return void client.destroy();
    const server = connect({ ...this.#target, noDelay: true });
    server.on('error', () => undefined);
    const pair: Pair = { client, server, held: [], late: [] };
    this.#pairs.add(pair);
    client.on('data', (chunk) => {
      this.#sent?.push(chunk);
      this.#pass(pair, () => server.write(chunk));
    });
    server.on('data', (chunk) => this.#pass(pair, () => client.write(chunk)));
    client.on('close', () => this.#pass(pair, () => server.destroy()));
    server.on('close', () => {
      this.#pairs.delete(pair);
      this.#pass(pair, () => client.end());
    });
  }

  /** Each step goes in its turn: behind what is held back or still on its way, also when the delay has become shorter. */
  #pass({ held, late }: Pair, step: () => void): void {
    if (late.length === 0 && (this.#frozen || held.length > 0)) return void held.push(step);
    if (late.length === 0 && this.#delay === 0) return step();
    late.push(step);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const oldest = late.shift()!;
      if (this.#frozen || held.length > 0) held.push(oldest);
      else oldest();
    }, this.#delay);
    this.#timers.add(timer);
  }
}

function addressOf(target: string): { host: string; port: number } {
  const colon = target.lastIndexOf(':');
  return { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
}
