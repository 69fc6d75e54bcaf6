import { EventEmitter } from 'eventemitter3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prompt } from '../../src/base/prompt.ts';
import { ON_LISTENER_ERROR, SafeEmitter } from '../../src/base/safe-emitter.ts';

class Emitter extends SafeEmitter<{ state: [string]; other: [number, number]; error: [Error] }> {
  readonly errors: [unknown, unknown][] = [];
  protected override [ON_LISTENER_ERROR](error: unknown, event: unknown): void {
    this.errors.push([error, event]);
  }
}

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('every listener is called with the arguments, in order', () => {
  const emitter = new Emitter();
  const seen: unknown[] = [];
  emitter.on('other', (a, b) => void seen.push([1, a, b]));
  emitter.on('other', (a, b) => void seen.push([2, a, b]));
  expect(emitter.emit('other', 5, 6)).toBe(true);
  expect(emitter.emit('state', 'X')).toBe(false);
  expect(seen).toEqual([
    [1, 5, 6],
    [2, 5, 6],
  ]);
});

test('a listener that throws or rejects is reported, and the next is called', async () => {
  const emitter = new Emitter();
  const seen: string[] = [];
  const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
  emitter.on('state', () => {
    throw thrown;
  });
  emitter.on('state', async () => Promise.reject(rejected));
  emitter.on('state', () => void seen.push('called'));
  emitter.emit('state', 'X');
  await flush();
  expect(seen).toEqual(['called']);
  expect(emitter.errors).toEqual([
    [thrown, 'state'],
    [rejected, 'state'],
  ]);
});

test('a listener of state that returns exactly true is removed (Kazoo ST-13), others are not', () => {
  const emitter = new Emitter();
  const seen: string[] = [];
  const returning = (name: string, value: unknown) => () => {
    seen.push(name);
    return value as undefined;
  };
  emitter.on('state', returning('true', true));
  emitter.on('state', returning('1', 1));
  emitter.on('other', returning('other', true));
  for (const round of ['X', 'Y']) {
    emitter.emit('state', round);
    emitter.emit('other', 1, 2);
  }
  expect(seen).toEqual(['true', '1', 'other', '1', 'other']);
});

test('once is once, also when it throws, and can be taken back', () => {
  const emitter = new Emitter();
  const seen: string[] = [];
  const listener = (): void => void seen.push('never');
  emitter.once('state', () => {
    seen.push('once');
    throw new Error('x');
  });
  emitter.once('state', listener);
  emitter.off('state', listener);
  emitter.emit('state', 'X');
  emitter.emit('state', 'X');
  expect(seen).toEqual(['once']);
  expect(emitter.listenerCount('state')).toBe(0);
});

test('once keeps its context', () => {
  const emitter = new Emitter();
  const context = { name: 'mine' };
  const seen: unknown[] = [];
  emitter.once(
    'state',
    function (this: unknown) {
      seen.push(this);
    },
    context,
  );
  emitter.emit('state', 'X');
  expect(seen[0]).toBe(context);
});

test('off without a listener takes all', () => {
  const emitter = new Emitter();
  emitter.on('state', () => undefined);
  emitter.once('state', () => undefined);
  emitter.removeListener('state');
  expect(emitter.emit('state', 'X')).toBe(false);
});

test('a listener that removes itself or adds another does not disturb the round', () => {
  const emitter = new Emitter();
  const seen: string[] = [];
  const first = (): void => {
    seen.push('first');
    emitter.off('state', first);
    emitter.on('state', () => void seen.push('added'));
  };
  emitter.on('state', first);
  emitter.on('state', () => void seen.push('second'));
  emitter.emit('state', 'X');
  expect(seen).toEqual(['first', 'second']);
});

test('prompt listeners are called before others, each in its order', () => {
  const emitter = new Emitter();
  const seen: string[] = [];
  for (const name of ['a', 'b']) {
    emitter.on('state', () => void seen.push(`user's ${name}`));
    emitter.on(
      'state',
      prompt(() => void seen.push(`ours ${name}`)),
    );
  }
  emitter.emit('state', 'X');
  expect(seen).toEqual(['ours a', 'ours b', "user's a", "user's b"]);
});

interface Step {
  readonly act: 'on' | 'addListener' | 'once' | 'off' | 'removeListener' | 'removeAllListeners' | 'emit';
  readonly event: 'other' | 'error';
  readonly fn: number;
  readonly context: number;
  readonly once: boolean;
}

/** What is seen of an emitter, from outside and by its listeners, two of which change it in the midst of a round. */
function seenOf(emitter: EventEmitter, steps: readonly Step[]): unknown[] {
  const seen: unknown[] = [];
  const contexts = [undefined, { name: 'a' }, { name: 'b' }];
  const note = (fn: number, self: unknown, args: unknown[]): void => {
    seen.push(['called', fn, self === emitter ? 'emitter' : (self as { name: string }).name, ...args]);
  };
  const fns = [
    function (this: unknown, ...args: unknown[]): void {
      note(0, this, args);
    },
    function (this: unknown, ...args: unknown[]): void {
      note(1, this, args);
      emitter.off('other', fns[0]);
    },
    function (this: unknown, ...args: unknown[]): void {
      note(2, this, args);
      emitter.once('error', fns[0]!, contexts[1]);
    },
  ];
  for (const { act, event, fn, context, once } of steps) {
    if (act === 'emit') seen.push(emitter.emit(event, ...contexts.slice(context)));
    else if (act === 'removeAllListeners') emitter.removeAllListeners(once ? event : undefined);
    else if (act === 'off' || act === 'removeListener') emitter[act](event, fns[fn], contexts[context], once);
    else emitter[act](event, fns[fn % 3]!, contexts[context]);
    seen.push(emitter.listeners(event).map((listener) => fns.indexOf(listener as never)));
    seen.push(emitter.listenerCount(event), emitter.eventNames());
  }
  return seen;
}

test('is an emitter of eventemitter3 in everything but what its listeners throw and return', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    act: fc.constantFrom('on', 'addListener', 'once', 'off', 'removeListener', 'removeAllListeners', 'emit', 'emit'),
    event: fc.constantFrom('other', 'error'),
    fn: fc.integer({ min: 0, max: 3 }),
    context: fc.integer({ min: 0, max: 2 }),
    once: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      expect(seenOf(new Emitter() as unknown as EventEmitter, steps)).toEqual(seenOf(new EventEmitter(), steps));
    }),
    { numRuns: 500 },
  );
});

test('off takes back what on and once left of a listener, with the context it was given', () => {
  const emitter = new Emitter();
  const seen: unknown[] = [];
  function listener(this: unknown): void {
    seen.push(this);
  }
  emitter.on('state', listener).once('state', listener);
  expect(emitter.listeners('state')).toEqual([listener, listener]);
  emitter.off('state', listener, undefined, true);
  expect(emitter.listenerCount('state')).toBe(1);
  emitter.once('state', listener).off('state', listener);
  emitter.emit('state', 'X');
  expect(seen).toEqual([]);
  const [mine, other] = [{ name: 'mine' }, { name: 'other' }];
  emitter.on('state', listener, mine).on('state', listener, other).off('state', listener, other);
  emitter.emit('state', 'X');
  expect(seen).toEqual([mine]);
});

test('a listener of state that returns true is removed with its context, and no other', () => {
  const emitter = new Emitter();
  const seen: string[] = [];
  function listener(this: { name: string; enough: boolean }): boolean {
    seen.push(this.name);
    return this.enough;
  }
  emitter.on('state', listener, { name: 'a', enough: true }).on('state', listener, { name: 'b', enough: false });
  emitter.emit('state', 'X');
  emitter.emit('state', 'Y');
  expect(seen).toEqual(['a', 'b', 'b']);
});
