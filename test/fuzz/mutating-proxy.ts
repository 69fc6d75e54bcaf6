import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FrameSplitter } from '../../src/codec/frame.ts';
import type { Dice } from '../ensemble/lock-model.ts';
import { believable, brief, MUTATION_NAMES, MUTATIONS } from './mutations.ts';

/** How often a frame is altered: greetings less often, or nobody would ever be connected. */
const REPLIES = 0.25;
const GREETINGS = 0.1;
const LIMIT = 64 * 1024 * 1024;

/** Between clients and a healthy server: alters what the server says, and hangs up some time after it has. */
export class MutatingProxy implements AsyncDisposable {
  readonly #dice: Dice;
  readonly #port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #log: string[] = [];
  #connections = 0;
  #active = true;
  /** Altered frames so far. */
  mutated = 0;

  private constructor(port: number, dice: Dice) {
    this.#port = port;
    this.#dice = dice;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async open(port: number, dice: Dice): Promise<MutatingProxy> {
    const proxy = new MutatingProxy(port, dice);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get connectString(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#connections;
  }

  /** What was altered last. */
  get tail(): string {
    return this.#log.slice(-30).join('\n');
  }

  /** From now on nothing is altered any more. */
  heal(): void {
    this.#active = false;
    this.#cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#cut();
    await closed;
  }

  #accept(client: Socket): void {
    const number = (this.#connections += 1);
    const server = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.#sockets.delete(socket);
          end();
        });
    }
    client.pipe(server);
    let frames = 0;
    const frame = (buffer: Buffer, start: number, stop: number): void => {
      this.#forward(client, buffer.subarray(start - 4, stop), { isGreeting: (frames += 1) === 1, number, end });
    };
    const splitter = new FrameSplitter({ frame, oversized: end, broken: end }, LIMIT);
    server.on('data', (chunk: Buffer) => splitter.push(chunk));
  }

  #forward(
    client: Socket,
    frame: Buffer,
    { isGreeting, number, end }: { isGreeting: boolean; number: number; end: () => void },
  ): void {
    if (!this.#active || !this.#dice.chance(isGreeting ? GREETINGS : REPLIES)) return void client.write(frame);
    const name = MUTATION_NAMES[this.#dice.below(MUTATION_NAMES.length)]!;
    const { bytes, cut = false } = MUTATIONS[name](this.#dice, frame) as { bytes: Buffer; cut?: boolean };
    this.mutated += 1;
    this.#note(`connection ${number}: ${name}${isGreeting ? ' of the greeting' : ''}: ${brief(frame)} -> ${brief(bytes)}`);
    client.write(isGreeting ? believable(bytes) : bytes);
    if (cut) client.end();
    else this.#later(this.#dice.chance(0.7) ? this.#dice.between(0, 30) : this.#dice.between(30, 600), end);
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #later(delay: number, step: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      step();
    }, delay);
    this.#timers.add(timer);
  }

  #note(line: string): void {
    this.#log.push(line);
    if (this.#log.length > 200) this.#log = this.#log.slice(-100);
  }
}
