import { expect, test } from 'vitest';
import { OPEN, type AclList } from '../../src/server/acl.ts';
import { Event, Watches, type Change, type Watcher } from '../../src/server/watch-table.ts';

const RULES = { watchModesCoexist: true, readGuardsEvents: true };

class Ear implements Watcher {
  readonly identities = [{ scheme: 'ip', id: '127.0.0.1' }];
  readonly heard: string[] = [];

  deliver(type: number, path: string, zxid: number): void {
    this.heard.push(`${type} ${path} ${zxid}`);
  }
}

const change = (type: number, path: string, acl: AclList = OPEN): Change => ({
  type,
  path,
  acl,
  parent: path.slice(0, Math.max(1, path.lastIndexOf('/'))),
  parentAcl: type === Event.DATA_CHANGED ? null : OPEN,
});

test('a standard watch fires once', () => {
  const [watches, ear] = [new Watches(RULES), new Ear()];
  watches.watchData('/a', ear);
  watches.watchData('/a', ear);
  watches.fire(change(Event.DATA_CHANGED, '/a'), 1);
  watches.fire(change(Event.DATA_CHANGED, '/a'), 2);
  expect(ear.heard).toEqual(['3 /a 1']);
  expect(watches.count).toBe(0);
});

test('a deletion is told once, and to those who watch the parent', () => {
  const [watches, ear] = [new Watches(RULES), new Ear()];
  watches.watchData('/p/a', ear);
  watches.watchChildren('/p/a', ear);
  watches.watchChildren('/p', ear);
  watches.fire(change(Event.DELETED, '/p/a'), 5);
  expect(ear.heard).toEqual(['2 /p/a 5', '4 /p 5']);
});

test('a recursive watch hears of all below, never of children, and of each change once', () => {
  const [watches, ear] = [new Watches(RULES), new Ear()];
  watches.watchRecursively('/p', ear);
  watches.watchRecursively('/p/a', ear);
  watches.fire(change(Event.CREATED, '/p/a'), 1);
  watches.fire(change(Event.CREATED, '/px'), 2);
  watches.fire(change(Event.DATA_CHANGED, '/p'), 3);
  expect(ear.heard).toEqual(['1 /p/a 1', '3 /p 3']);
});

test('one mode goes, the others stay', () => {
  const [watches, ear] = [new Watches(RULES), new Ear()];
  watches.watchPersistently('/a', ear);
  watches.watchData('/a', ear);
  watches.watchRecursively('/a', ear);
  expect(watches.modes('/a', ear)).toEqual({ data: 7, child: 2 });
  watches.remove('/a', ear, { data: 2, child: 2 });
  expect(watches.modes('/a', ear)).toEqual({ data: 5, child: 0 });
});

test('before 3.9 the last mode is the only one', () => {
  const [watches, ear] = [new Watches({ ...RULES, watchModesCoexist: false }), new Ear()];
  watches.watchPersistently('/a', ear);
  watches.watchRecursively('/a', ear);
  expect(watches.modes('/a', ear)).toEqual({ data: 4, child: 4 });
  watches.watchData('/a', ear);
  expect(watches.modes('/a', ear)).toEqual({ data: 1, child: 4 });
});

test('before 3.9 a recursive watch that another has overwritten hears of deletions yet', () => {
  const [watches, ear] = [new Watches({ ...RULES, watchModesCoexist: false }), new Ear()];
  watches.watchRecursively('/a', ear);
  watches.watchData('/a', ear);
  watches.fire(change(Event.CREATED, '/a/b'), 1);
  watches.fire(change(Event.DATA_CHANGED, '/a/b'), 2);
  watches.fire(change(Event.DELETED, '/a/b'), 3);
  watches.fire(change(Event.DELETED, '/a'), 4);
  watches.fire(change(Event.DELETED, '/a'), 5);
  expect(ear.heard).toEqual(['2 /a/b 3', '2 /a 4', '2 /a 5']);
});

test('an event that may not be read is not told, but uses its watch up', () => {
  const [watches, ear] = [new Watches(RULES), new Ear()];
  const secret = [{ perms: 31, id: { scheme: 'digest', id: 'u:h' } }];
  watches.watchData('/a', ear);
  watches.fire(change(Event.DATA_CHANGED, '/a', secret), 1);
  expect([ear.heard, watches.count]).toEqual([[], 0]);
});

test('a watcher that goes is forgotten, also as a recursive one', () => {
  const [watches, ear, other] = [new Watches(RULES), new Ear(), new Ear()];
  for (const watcher of [ear, other]) {
    watches.watchRecursively('/', watcher);
    watches.watchChildren('/', watcher);
  }
  watches.forget(ear);
  watches.fire(change(Event.CREATED, '/a'), 1);
  expect([ear.heard, other.heard]).toEqual([[], ['1 /a 1', '4 / 1']]);
  expect(watches.dataWatches().byWatcher.has(ear)).toBe(false);
});

test('what does not fire costs nothing: nobody is looked at who does not watch the path', () => {
  const watches = new Watches(RULES);
  let looks = 0;
  const counting: ProxyHandler<Ear> = {
    get(target, name): unknown {
      looks++;
      return Reflect.get(target, name, target);
    },
  };
  const ears = Array.from({ length: 100 }, () => new Proxy(new Ear(), counting));
  for (const [i, ear] of ears.entries()) for (let j = 0; j < 10; j++) watches.watchData(`/n${i}/${j}`, ear);
  looks = 0;
  for (let i = 0; i < 1_000; i++) watches.fire(change(Event.CREATED, `/other/${i}`), i);
  expect(looks).toBe(0);
  expect(watches.count).toBe(1_000);
  watches.fire(change(Event.DATA_CHANGED, '/n7/3'), 1);
  expect(looks).toBeGreaterThan(0);
  expect(ears[7]!.heard).toEqual(['3 /n7/3 1']);
});
