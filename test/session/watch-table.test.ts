import { describe, expect, test } from 'vitest';
import type { WatchListener } from '../../src/base/states.ts';
import { WatchTable, type WatchTableKind } from '../../src/session/watch-table.ts';

const KINDS = ['data', 'exists', 'child', 'persistent', 'recursive'] as const satisfies readonly WatchTableKind[];

function table(): { watches: WatchTable; orphans: string[] } {
  const orphans: string[] = [];
  return { watches: new WatchTable((kind, path) => orphans.push(`${kind} ${path}`)), orphans };
}

/** A listener that can be told from others. */
function listener(): WatchListener {
  return () => undefined;
}

/** Which of the kinds of watch on a path hear of an event there. */
function heard(type: 'CREATED' | 'DELETED' | 'CHANGED' | 'CHILD', at: string, watched: string): string[] {
  return KINDS.filter((kind) => {
    const { watches } = table();
    watches.add(kind, watched, listener());
    return watches.fire(type, at).size > 0;
  });
}

describe('an event', () => {
  test.each([
    ['CREATED', ['data', 'exists', 'persistent', 'recursive']],
    ['CHANGED', ['data', 'exists', 'persistent', 'recursive']],
    // What waits for a node hears of its coming before.
    ['DELETED', ['data', 'child', 'persistent', 'recursive']],
    // A recursive watch never yields CHILD (pain-points 24).
    ['CHILD', ['child', 'persistent']],
  ] as const)('%s of a node reaches these kinds of watch there', (type, kinds) => {
    expect(heard(type, '/a', '/a')).toEqual(kinds);
  });

  test('of a node below reaches recursive watches only, by whole components', () => {
    for (const type of ['CREATED', 'CHANGED', 'DELETED'] as const) {
      expect(heard(type, '/a/b/c', '/a')).toEqual(['recursive']);
      expect(heard(type, '/a/b/c', '/')).toEqual(['recursive']);
      expect(heard(type, '/ab', '/a')).toEqual([]);
      expect(heard(type, '/a', '/a/b')).toEqual([]);
    }
    expect(heard('CHILD', '/a/b', '/a')).toEqual([]);
  });

  test('uses up one-shot watches, and leaves those that stay', () => {
    const { watches, orphans } = table();
    for (const kind of KINDS) watches.add(kind, '/a', listener());
    expect(watches.fire('DELETED', '/a').size).toBe(4);
    expect(watches.fire('CREATED', '/a').size).toBe(3);
    expect(watches.fire('CREATED', '/a').size).toBe(2);
    expect(orphans).toEqual([]);
    expect(watches.size).toBe(2);
  });

  test('reaches a listener once, in however many tables it is', () => {
    const { watches } = table();
    const one = listener();
    for (const kind of KINDS) watches.add(kind, '/a', one);
    watches.add('recursive', '/', one);
    expect([...watches.fire('DELETED', '/a')]).toEqual([one]);
  });

  test('reaches the listeners of one path in the order of their coming', () => {
    const { watches } = table();
    const many = Array.from({ length: 1_000 }, listener);
    for (const one of many) watches.add('data', '/a', one);
    expect([...watches.fire('CHANGED', '/a')]).toEqual(many);
    expect(watches.size).toBe(0);
  });
});

describe('the end of the session', () => {
  test('gives every one-shot watch once, child watches first (Kazoo WA-7)', () => {
    const { watches } = table();
    const [data, exists, child, both] = [listener(), listener(), listener(), listener()];
    watches.add('exists', '/a', exists);
    watches.add('data', '/a', data);
    watches.add('data', '/b', both);
    watches.add('child', '/b', both);
    watches.add('child', '/a', child);
    watches.add('persistent', '/a', listener());
    expect([...watches.drainOneShot()]).toEqual([both, child, data, exists]);
    expect(watches.drainOneShot().size).toBe(0);
    expect(watches.staying().size).toBe(1);
    expect(watches.drainStaying().size).toBe(1);
    expect(watches.size).toBe(0);
  });
});

describe("the server's watch", () => {
  test('is given up with its last listener', () => {
    for (const kind of KINDS) {
      const { watches, orphans } = table();
      const [one, two] = [listener(), listener()];
      watches.add(kind, '/a', one);
      watches.add(kind, '/a', two);
      watches.remove('/a', one, KINDS);
      expect(orphans).toEqual([]);
      watches.remove('/a', one, KINDS);
      expect(orphans).toEqual([]);
      watches.remove('/a', two, KINDS);
      expect(orphans).toEqual([`${kind} /a`]);
      expect(watches.size).toBe(0);
    }
  });

  test('is shared by get and exists', () => {
    const { watches, orphans } = table();
    const [one, two] = [listener(), listener()];
    watches.add('data', '/a', one);
    watches.add('exists', '/a', two);
    watches.remove('/a', one);
    expect(orphans).toEqual([]);
    watches.remove('/a', two);
    expect(orphans).toEqual(['exists /a']);
  });

  test('is not given up while a read is under way that may want it', () => {
    const { watches, orphans } = table();
    const one = listener();
    watches.add('data', '/a', one);
    watches.expect('/a');
    watches.expect('/a');
    watches.remove('/a', one);
    expect(watches.isWanted('data', '/a')).toBe(true);
    watches.met('/a');
    expect(orphans).toEqual([]);
    watches.met('/a');
    expect(orphans).toEqual(['data /a']);
    expect(watches.isWanted('data', '/a')).toBe(false);
  });

  test('is kept where that read has left a watch', () => {
    const { watches, orphans } = table();
    const [one, two] = [listener(), listener()];
    watches.add('data', '/a', one);
    watches.expect('/a');
    watches.remove('/a', one);
    watches.add('data', '/a', two);
    watches.met('/a');
    expect(orphans).toEqual([]);
  });
});

describe('restoration', () => {
  const all = (watches: WatchTable): { op: string; bytes: number; paths: number }[] =>
    [...watches.restoration(5n)].map(({ op, request }) => {
      const paths = Object.values(request)
        .flat()
        .filter((value): value is string => typeof value === 'string');
      expect(request.relativeZxid).toBe(5n);
      return { op, paths: paths.length, bytes: paths.reduce((sum, path) => sum + 4 + Buffer.byteLength(path), 8 + 8 + 5 * 4) };
    });

  test('of nothing is nothing', () => {
    expect(all(table().watches)).toEqual([]);
  });

  test('lists each kind by its own', () => {
    const { watches } = table();
    for (const kind of KINDS) watches.add(kind, `/${kind}`, listener());
    const [first] = [...watches.restoration(5n)];
    expect(first).toEqual({
      op: 'setWatches2',
      request: {
        relativeZxid: 5n,
        dataWatches: ['/data'],
        existWatches: ['/exists'],
        childWatches: ['/child'],
        persistentWatches: ['/persistent'],
        persistentRecursiveWatches: ['/recursive'],
      },
    });
  });

  test('of one-shot watches alone is one that servers before 3.6 know (pain-points 69)', () => {
    const { watches } = table();
    watches.add('data', '/a', listener());
    expect(all(watches)).toMatchObject([{ op: 'setWatches', paths: 1 }]);
  });

  test('of 50,000 long paths comes in frames of at most 128 KiB, counted in bytes, and none is left out (pain-points 22, ZOOKEEPER-706)', () => {
    const { watches } = table();
    for (let i = 0; i < 50_000; i++) watches.add('data', `/${'é'.repeat(50)}/${i}`, listener());
    const frames = all(watches);
    expect(frames.reduce((sum, { paths }) => sum + paths, 0)).toBe(50_000);
    for (const { bytes } of frames) expect(bytes).toBeLessThanOrEqual(128 * 1024);
    expect(frames.length).toBeLessThan((50_000 * 112) / (120 * 1024));
  });

  test('of a path longer than a frame is a frame of its own', () => {
    const { watches } = table();
    watches.add('data', `/${'x'.repeat(200_000)}`, listener());
    watches.add('data', '/a', listener());
    expect(all(watches).map(({ paths }) => paths)).toEqual([1, 1]);
  });
});
