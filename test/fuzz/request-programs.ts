import { body, digestId, OP, op, OPEN } from '../conformance/wire.ts';
import type { AclList, CreateOptions, MultiOp, RawConnection, Reply } from '../conformance/wire.ts';
import type { Dice } from '../ensemble/lock-model.ts';

export const SUPER = 'super:secret';
export const CONNECTIONS = 3;

/** What a session does next; `what` is for who reads of a difference. */
export interface Step {
  readonly by: number;
  readonly what: string;
  readonly act: Act | 'reconnect' | 'close';
}

/** @param base the zxid before the program */
type Act = (connection: RawConnection, base: bigint) => Promise<Reply>;
type Deed = readonly [what: string, act: Step['act']];
type Table<T> = readonly (readonly [weight: number, make: () => T])[];

const QUOTA = '/zookeeper/quota';
const LONG = 1_000_000_000;
const TTL_FLAGS = [5, 6] as const;
const EPHEMERAL_OR_NUMBERED = [0, 0, 0, 1, 2, 3] as const;
const USERS = ['u1:p', 'u2:p', SUPER] as const;
const user1 = digestId('u1:p');
const user2 = digestId('u2:p');
const ACLS: readonly AclList[] = [
  ...Array.from({ length: 3 }, () => OPEN),
  [],
  [[0, 'world', 'anyone']],
  [[1, 'world', 'anyone']],
  [[12, 'world', 'anyone']],
  [[30, 'world', 'anyone']],
  [
    [31, 'world', 'anyone'],
    [31, 'world', 'anyone'],
  ],
  [[31, 'auth', '']],
  [[31, 'digest', user1]],
  [
    [3, 'world', 'anyone'],
    [31, 'digest', user1],
  ],
  [
    [16, 'world', 'anyone'],
    [5, 'digest', user2],
  ],
  [[31, 'ip', '127.0.0.1']],
  [
    [31, 'ip', '10.0.0.0/8'],
    [1, 'auth', 'x'],
  ],
];

/**
 * Writes random programs: a few names, so that requests meet, and every now and then a path that is none.
 * Quota nodes hold nothing but what a quota may consist of, and nobody asks for the number of nodes below `""`: there, servers are known to differ.
 */
export class ProgramWriter {
  readonly root: string;
  readonly #dice: Dice;
  readonly #hasQuota: boolean;

  constructor(name: string, dice: Dice, hasQuota: boolean) {
    this.root = `/${name}`;
    this.#dice = dice;
    this.#hasQuota = hasQuota;
  }

  write(length: number): Step[] {
    const prologue: Deed[] = [
      call('auth', 'digest', 'u1:p'),
      call('create', this.root),
      ...(this.#hasQuota ? this.#quota() : []),
    ];
    return [
      ...prologue.map((deed) => step(0, deed)),
      ...Array.from({ length }, () => step(this.#dice.below(CONNECTIONS), this.#draw(this.#deeds))),
    ];
  }

  #quota(): Deed[] {
    const at = QUOTA + this.root;
    return [
      call('auth', 'digest', SUPER),
      call('create', at),
      call('create', `${at}/zookeeper_limits`, { data: this.#pick(['countHardLimit=4', 'byteHardLimit=9']) }),
      call('create', `${at}/zookeeper_stats`, { data: 'count=0,bytes=0' }),
    ];
  }

  readonly #deeds: Table<Deed> = [
    [9, () => call('create', ...this.#created())],
    [8, () => call('create2', ...this.#created())],
    [3, () => call('createContainer', this.#path(), { acl: this.#pick(ACLS) })],
    [2, () => call('createTTL', this.#path(), { flags: this.#pick(TTL_FLAGS), ttl: LONG, acl: this.#pick(ACLS) })],
    [10, () => call('set', ...this.#stored())],
    [10, () => call('delete', this.#path(), this.#version())],
    [3, () => call('setACL', this.#path(), this.#pick(ACLS), this.#version())],
    [2, () => call('getACL', this.#path())],
    [16, () => call(this.#pick(['exists', 'get', 'children', 'children2']), this.#path(), this.#dice.chance(0.8))],
    [7, () => call('addWatch', this.#path(), this.#pick([0, 1, 1, 2]))],
    [4, () => call(this.#pick(['removeWatches', 'checkWatches']), this.#path(), 1 + this.#dice.below(5))],
    [13, () => call('multi', ...this.#many(5, () => this.#draw(this.#writes)))],
    [2, () => call('multiRead', ...this.#many(4, () => this.#draw(this.#reads)))],
    [1, () => call('ephemerals', this.#pick(['/', this.root, `${this.root}/a`, '', null, 'none']))],
    [1, () => call('descendants', this.#own())],
    [3, () => this.#watchesAgain()],
    [2, () => call('auth', 'digest', this.#pick(USERS))],
    [2, () => ['reconnect', 'reconnect']],
    [2, () => ['close', 'close']],
    [1, () => call('whoAmI')],
    [1, () => call('sync', this.#path())],
    [1, () => call('send', OP.deleteContainer, body.path(this.#path()))],
  ];

  readonly #writes: Table<MultiOp> = [
    [6, () => op.create(...this.#created())],
    [2, () => op.create2(...this.#created(OPEN))],
    [1, () => op.createContainer(this.#path())],
    [1, () => op.createTTL(this.#path(), { flags: this.#pick(TTL_FLAGS), ttl: LONG })],
    [5, () => op.set(...this.#stored())],
    [4, () => op.delete(this.#path(), this.#version())],
    [2, () => op.check(this.#path(), this.#version())],
  ];

  readonly #reads: Table<MultiOp> = [
    [1, () => op.get(this.#path(), this.#dice.chance(0.5))],
    [1, () => op.children(this.#path(), this.#dice.chance(0.5))],
  ];

  /** What a client asks for when it is back. */
  #watchesAgain(): Deed {
    const lists = Array.from({ length: 5 }, () => Array.from({ length: this.#dice.below(3) }, () => this.#own()));
    const since = BigInt(this.#dice.below(30));
    const both = this.#dice.chance(0.5);
    return [
      `setWatches${both ? '2' : ''} since base + ${since} ${JSON.stringify(lists)}`,
      (connection, base) =>
        both
          ? connection.setWatches2(base + since, ...lists)
          : connection.setWatches(base + since, lists[0]!, lists[1]!, lists[2]!),
    ];
  }

  #created(acl = this.#pick(ACLS)): [path: string, options: CreateOptions] {
    const path = this.#path();
    return [path, { data: this.#data(path), acl, flags: this.#pick(EPHEMERAL_OR_NUMBERED) }];
  }

  #stored(): [path: string, data: string | null, version: number] {
    const path = this.#path();
    return [path, this.#data(path), this.#version()];
  }

  /** Mostly of the program's own tree. */
  #path(): string {
    if (!this.#dice.chance(0.12)) return this.#own();
    return this.#pick([this.#quotaPath(), '/', '/zookeeper', QUOTA, '/zookeeper/config', ...this.#malformed()]);
  }

  #own(): string {
    return this.root + Array.from({ length: this.#dice.below(4) }, () => this.#pick(['/a', '/b'])).join('');
  }

  #malformed(): string[] {
    return ['', 'x', `${this.root}/`, `${this.root}//a`, `${this.root}/.`, `${this.root}/a\u0001`];
  }

  #quotaPath(): string {
    return QUOTA + this.root + this.#pick(['', '/a']) + this.#pick(['', '/zookeeper_limits', '/zookeeper_stats']);
  }

  #data(path: string): string | null {
    if (path.endsWith('_stats')) return this.#pick(['count=1,bytes=1', 'count=0,bytes=0']);
    if (path.startsWith(QUOTA))
      return this.#pick(['count=-1,bytes=-1', 'countHardLimit=2', 'byteHardLimit=5', 'count=1,bytes=1']);
    return this.#pick(['', 'x', 'yyy', 'zzzzzzzz', null]);
  }

  #version(): number {
    return this.#pick([-1, -1, -1, 0, 1, 2]);
  }

  #many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.#dice.below(most) }, make);
  }

  #draw<T>(table: Table<T>): T {
    let left = this.#dice.next() * table.reduce((sum, [weight]) => sum + weight, 0);
    const drawn = table.find(([weight]) => (left -= weight) < 0) ?? table[0]!;
    return drawn[1]();
  }

  #pick<const T>(list: readonly T[]): T {
    return list[this.#dice.below(list.length)]!;
  }
}

type Callable = {
  [K in keyof RawConnection]: RawConnection[K] extends (...given: never[]) => Promise<Reply> ? K : never;
}[keyof RawConnection];

function call<K extends Callable>(name: K, ...given: Parameters<RawConnection[K]>): Deed {
  return [
    `${name} ${described(given)}`,
    (connection) => (connection[name] as (...args: typeof given) => Promise<Reply>)(...given),
  ];
}

function step(by: number, [what, act]: Deed): Step {
  return { by, what: `session ${by}: ${what}`, act };
}

function described(given: readonly unknown[]): string {
  return JSON.stringify(given, (_, value: unknown) => (isBytes(value) ? Buffer.from(value.data).toString('latin1') : value));
}

/** A Buffer, as JSON has it. */
function isBytes(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
}
