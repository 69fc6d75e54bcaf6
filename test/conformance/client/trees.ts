import { expect } from 'vitest';
import { InvalidACLError, NoAuthError, NoNodeError, OperationTimeoutError } from '../../../src/base/errors.ts';
import { ACL, ANYONE_ID_UNSAFE, OPEN_ACL_UNSAFE, Permissions, READ_ACL_UNSAFE } from '../../../src/base/security.ts';
import type { KazooClient } from '../../../src/kazoo-client.ts';
import { rejection, type Spec } from './world.ts';

/** What goes over whole trees: in many requests at once, but not too many, and content with what others do meanwhile. */
export function specifyTrees(spec: Spec): void {
  specifyWalk(spec);
  specifyRecursiveAcls(spec);
  specifyRecursiveDelete(spec);
}

const CLOSED = [new ACL(Permissions.ADMIN | Permissions.CREATE, ANYONE_ID_UNSAFE)];

async function plant(client: KazooClient, root: string, paths: readonly string[]): Promise<string[]> {
  for (const path of paths) await client.create(`${root}/${path}`, '', { makepath: true });
  return walked(client, root);
}

async function walked(client: KazooClient, root: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of client.walk(root)) paths.push(path);
  return paths;
}

function specifyWalk(spec: Spec): void {
  spec('walk gives parents before children, siblings by name, and everything once', async ({ client, at, base }) => {
    expect(await plant(client, base, ['b/x', 'b/y', 'a', 'c/z/w'])).toEqual(
      ['', '/a', '/b', '/b/x', '/b/y', '/c', '/c/z', '/c/z/w'].map((path) => base + path),
    );
    expect(await walked(client, at('none'))).toEqual([]);
  });

  spec('a walk of a wide tree has no more reads on their way than allowed', async ({ client, at }) => {
    await client.create(at('wide'));
    await Promise.all(Array.from({ length: 200 }, (_, i) => client.create(at(`wide/n${i}`))));
    const paths = new Set<string>();
    let most = 0;
    for await (const path of client.walk(at('wide'), { concurrency: 8 })) {
      paths.add(path);
      most = Math.max(most, client.inFlightRequests);
    }
    expect(paths.size).toBe(201);
    expect(most).toBeLessThanOrEqual(8);
    expect(most).toBeGreaterThan(1);
  });

  spec('a walk leaves out what goes away before its turn, and gives what is there in time', async ({ client, at, base }) => {
    await plant(client, base, ['a/x', 'b/x/y', 'c']);
    const seen: string[] = [];
    for await (const path of client.walk(base, { concurrency: 1 })) {
      seen.push(path.slice(base.length));
      if (path === at('a')) await client.delete(at('b'), { recursive: true });
      if (path === at('a')) await client.create(at('c/late'));
    }
    expect(seen).toEqual(['', '/a', '/a/x', '/c', '/c/late']);
  });

  spec('a walk ends with break, abort, or what may not be read, and leaves nothing on its way', async ({ client, at, base }) => {
    await plant(client, base, ['a/x', 'b', 'c', 'd']);
    for await (const path of client.walk(base)) if (path === at('a')) break;
    const controller = new AbortController();
    const seen: string[] = [];
    const aborted = (async () => {
      for await (const path of client.walk(base, { signal: controller.signal })) {
        seen.push(path);
        controller.abort(new Error('enough'));
      }
    })();
    expect((await rejection(aborted)).message).toBe('enough');
    expect(seen).toEqual([base]);
    await client.setAcls(at('b'), CLOSED);
    expect(await rejection(walked(client, base))).toBeInstanceOf(NoAuthError);
    await client.sync('/');
    expect(client.inFlightRequests).toBe(0);
    for (const concurrency of [0, 1.5, -1]) {
      expect(await rejection(client.walk(base, { concurrency })[Symbol.asyncIterator]().next())).toBeInstanceOf(RangeError);
    }
  });

  spec('a walk is bounded by its time limit', async ({ proxied, base }) => {
    const { client, proxy } = await proxied();
    proxy.freeze();
    const first = client.walk(base, { timeout: 30 })[Symbol.asyncIterator]().next();
    expect(await rejection(first)).toBeInstanceOf(OperationTimeoutError);
    proxy.thaw();
  });
}

function specifyRecursiveAcls(spec: Spec): void {
  spec('recursive setAcls changes every node below, and gives the stat of the first', async ({ client, at, base }) => {
    const paths = await plant(client, at('t'), ['a/x', 'b/y/z']);
    const stat = await client.setAcls(at('t'), READ_ACL_UNSAFE, { recursive: true, version: 77 });
    expect(stat).toMatchObject({ aversion: 1, numChildren: 2 });
    for (const path of paths) expect((await client.getAcls(path))[0]).toEqual(READ_ACL_UNSAFE);
    expect((await client.getAcls(base))[0]).toEqual(OPEN_ACL_UNSAFE);
  });

  spec('recursive setAcls that take the right to read from everybody reach the last node', async ({ client, at }) => {
    await plant(client, at('t'), ['a/x', 'b/y/z']);
    await client.setAcls(at('t'), CLOSED, { recursive: true });
    expect(await rejection(client.get(at('t/b/y/z')))).toBeInstanceOf(NoAuthError);
  });

  spec('recursive setAcls fail for a missing root and for an ACL that is none, and not for what others delete', async (world) => {
    const { client, at, connect } = world;
    expect(await rejection(client.setAcls(at('none'), READ_ACL_UNSAFE, { recursive: true }))).toBeInstanceOf(NoNodeError);
    await client.create(at('t'));
    expect(await rejection(client.setAcls(at('t'), [], { recursive: true }))).toBeInstanceOf(InvalidACLError);
    await Promise.all(Array.from({ length: 600 }, (_, i) => client.create(at(`t/n${i}`))));
    const other = await connect();
    // Some come too late: by then they may not.
    const deletions = Promise.allSettled(Array.from({ length: 600 }, (_, i) => other.delete(at(`t/n${599 - i}`))));
    await client.setAcls(at('t'), READ_ACL_UNSAFE, { recursive: true });
    await deletions;
    expect((await client.getAcls(at('t')))[0]).toEqual(READ_ACL_UNSAFE);
  });
}

function specifyRecursiveDelete(spec: Spec): void {
  spec('a recursive delete that may not, says so', async ({ client, at }) => {
    await plant(client, at('t'), ['a/x', 'b']);
    await client.setAcls(at('t/a'), READ_ACL_UNSAFE);
    expect(await rejection(client.delete(at('t'), { recursive: true }))).toBeInstanceOf(NoAuthError);
    expect(await client.exists(at('t/a/x'))).not.toBeNull();
  });

  spec('two recursive deletes of one tree both succeed', async ({ client, connect, at }) => {
    await plant(client, at('t'), ['a/x', 'b/y/z', 'c']);
    const other = await connect();
    expect(await Promise.all([client, other].map((one) => one.delete(at('t'), { recursive: true })))).toEqual([true, true]);
    expect(await client.exists(at('t'))).toBeNull();
  });

  spec('neither has more requests on their way than a few hundred', async ({ client, at }) => {
    await client.create(at('t'));
    await Promise.all(Array.from({ length: 1500 }, (_, i) => client.create(at(`t/n${i}`))));
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, client.inFlightRequests + client.queuedRequests)), 0);
    await client.setAcls(at('t'), OPEN_ACL_UNSAFE, { recursive: true });
    await client.delete(at('t'), { recursive: true });
    clearInterval(timer);
    expect(most).toBeLessThanOrEqual(500);
  });
}
