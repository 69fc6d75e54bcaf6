import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KazooClient } from '../../src/kazoo-client.ts';
import { EmbeddedZooKeeper } from '../../src/server/embedded-zookeeper.ts';
import { eventually } from './eventually.ts';
import { compileJava, curatorClasspath, type JavaProgram } from './java.ts';

const jars = await curatorClasspath();

describe.skipIf(typeof jars === 'string')('Curator, on the embedded server', () => {
  let server: EmbeddedZooKeeper;
  let client: KazooClient;
  let curator: CuratorPeer;
  beforeAll(async () => {
    if (typeof jars === 'string') return;
    server = await EmbeddedZooKeeper.start();
    client = await new KazooClient(server.connectString).start();
    curator = new CuratorPeer(await compileJava('CuratorPeer', jars.classpath), server.connectString);
  });
  afterAll(async () => {
    curator.kill();
    await client.close();
    await server.close();
  });

  test('a SharedCount and a Counter count together', async () => {
    const counter = client.counter('/shared-count', { supportCurator: true });
    expect(await counter.add(-7)).toBe(-7);
    expect(await curator.ask('count /shared-count')).toBe('-7');
    const ours = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) await counter.add(3);
    };
    await Promise.all([ours(), curator.ask('add /shared-count 2 100')]);
    expect(await counter.get()).toBe(493);
    expect(await curator.ask('count /shared-count')).toBe('493');
    expect(await curator.ask('add /shared-count 2147483154 1')).toBe('2147483647');
    await expect(counter.add(1)).rejects.toThrow(RangeError);
  });

  test('a SharedCount that Curator made is read', async () => {
    expect(await curator.ask('add /made-by-curator -5 1')).toBe('-5');
    expect(await client.counter('/made-by-curator', { supportCurator: true }).get()).toBe(-5);
  });

  test("our lock waits for a holder of Curator's mutex", async () => {
    const lock = client.lock('/mutex', { extraLockPatterns: ['-lock-'], identifier: 'node' });
    expect(await curator.ask('acquire /mutex 1000')).toBe('true');
    expect(await client.getChildren('/mutex')).toEqual([expect.stringMatching(/^_c_[0-9a-f-]{36}-lock-\d{10}$/)]);
    expect(await lock.acquire({ blocking: false })).toBe(false);
    await expect(lock.acquire({ timeout: 100 })).rejects.toMatchObject({ name: 'LockTimeout' });
    expect(await lock.contenders()).toHaveLength(1);
    const waiting = lock.acquire();
    await eventually(async () => (await client.getChildren('/mutex')).length === 2);
    expect(lock.isAcquired).toBe(false);
    expect(await curator.ask('release /mutex')).toBe('true');
    expect(await waiting).toBe(true);
    await lock.release();
  });

  // Curator ranks every child by what follows the last `lock-` in its name, and, where there is no `lock-`, by the whole name: our nodes
  // (`<hex>__lock__<sequence>`) come behind its own ten digits for most first letters, whatever the sequence.
  test('the limit: Curator does not wait for ours, so that the two do not exclude each other', async () => {
    const lock = client.lock('/one-way', { extraLockPatterns: ['-lock-'] });
    // A name that begins with a letter: with a small digit first, Curator would wait.
    for (let tries = 0; tries < 100 && !/^[a-f]/.test(lock.node ?? ''); tries++) {
      await lock.release();
      await lock.acquire();
    }
    expect(await curator.ask('acquire /one-way 500')).toBe('true');
    expect(lock.isAcquired).toBe(true);
    expect(await curator.ask('release /one-way')).toBe('true');
    await lock.release();
  });
});

/** A running CuratorPeer. One order at a time. */
class CuratorPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(program: JavaProgram, hosts: string) {
    this.#child = spawn(program.command, [...program.arguments, hosts], { stdio: 'pipe' });
    this.#child.stderr.resume();
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(order: string): Promise<string> {
    this.#child.stdin.write(`${order}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the Curator process has ended');
    return value;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
