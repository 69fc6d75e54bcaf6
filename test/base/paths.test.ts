import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addChroot, basename, describeValue, joinPath, normalizePath, parentPath, stripChroot } from '../../src/base/paths.ts';

describe('normalizePath', () => {
  test.each([
    ['/', '/'],
    ['', '/'],
    ['//', '/'],
    ['a', '/a'],
    ['/a', '/a'],
    ['/a/', '/a'],
    ['//a///b//', '/a/b'],
    ['/a.b/.c/..d/e./...', '/a.b/.c/..d/e./...'],
    ['/žluť/漢字/%', '/žluť/漢字/%'],
    ['/a b', '/a b'],
    ['/\u00a0\ufdff', '/\u00a0\ufdff'],
  ])('%j is %j', (given, wanted) => expect(normalizePath(given)).toBe(wanted));

  test.each([
    ['/a/', '/a/'],
    ['a//', '/a/'],
    ['/a', '/a'],
    ['/', '/'],
    ['//', '/'],
    ['/é/', '/é/'],
  ])('%j keeps its trailing slash where asked: %j', (given, wanted) => expect(normalizePath(given, true)).toBe(wanted));

  test.each(['/.', '/..', '.', '..', '/a/./b', '/a/../b', '/a/..', '/a/.', './a', '/é/..'])(
    '%j is refused for its component',
    (path) => {
      expect(() => normalizePath(path)).toThrow(RangeError);
      expect(() => normalizePath(path)).toThrow(/component "\.\.?"/);
    },
  );

  test.each([
    ['NUL', '\u0000'],
    ['a control character', '\u0001'],
    ['a line feed', '\n'],
    ['the last C0', '\u001f'],
    ['DEL', '\u007f'],
    ['C1', '\u0085'],
    ['the last C1', '\u009f'],
    ['a lone surrogate', '\ud800'],
    ['a character beyond the BMP', '😀'],
    ['private use', '\uf8ff'],
    ['a special', '\ufff0'],
    ['the last', '\uffff'],
  ])('%s is refused, and named', (_, character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    expect(() => normalizePath(`/ab${character}`)).toThrow(RangeError);
    if (character.length === 1) expect(() => normalizePath(`/ab${character}`)).toThrow(`U+${code} at 3`);
  });

  test.each([undefined, null, 1, 1n, {}, [], true, Symbol('s'), () => 1, Buffer.from('/a')])(
    'a value of another type is refused: %o',
    (value) => {
      expect(() => normalizePath(value as string)).toThrow(TypeError);
      expect(() => normalizePath(value as string)).toThrow(/^path must be a string, not /);
    },
  );

  test('is idempotent, and its result is absolute, without empty components', () => {
    const component = fc.string({ unit: fc.constantFrom('a', '.', 'é', '0', ' ', '~'), maxLength: 4 });
    fc.assert(
      fc.property(fc.array(component, { maxLength: 6 }), fc.boolean(), (parts, trailing) => {
        fc.pre(!parts.some((part) => part === '.' || part === '..'));
        const path = normalizePath(parts.join('/'), trailing);
        expect(normalizePath(path, trailing)).toBe(path);
        expect(path.startsWith('/')).toBe(true);
        expect(path).not.toContain('//');
        expect(path.split('/').filter(Boolean)).toEqual(parts.filter(Boolean));
      }),
    );
  });
});

describe('parts of paths', () => {
  test.each([
    ['/a/b/c', '/a/b', 'c'],
    ['/a', '/', 'a'],
    ['/', '/', ''],
  ])('%s has the parent %s and the name %j', (path, parent, name) => {
    expect(parentPath(path)).toBe(parent);
    expect(basename(path)).toBe(name);
  });

  test('joinPath puts one slash between', () => {
    expect([joinPath('/', 'a'), joinPath('/a', 'b'), joinPath('/a/', 'b')]).toEqual(['/a', '/a/b', '/a/b']);
  });
});

describe('a chroot', () => {
  test.each([
    ['', '/a', '/a'],
    ['/app', '/', '/app'],
    ['/app', '/a', '/app/a'],
    ['/x/y', '/a/b', '/x/y/a/b'],
  ])('%j before %j is %j, and comes off again', (chroot, path, full) => {
    expect(addChroot(chroot, path)).toBe(full);
    expect(stripChroot(chroot, full)).toBe(path);
  });

  test('comes off whole components only (Kazoo D-25)', () => {
    expect(stripChroot('/foo', '/foobar')).toBe('/foobar');
    expect(stripChroot('/foo', '/other')).toBe('/other');
    expect(stripChroot('/foo', '/')).toBe('/');
  });
});

test.each([
  [null, 'null'],
  [undefined, 'undefined'],
  ['a', '"a"'],
  ['x'.repeat(61), `"${'x'.repeat(57)}..."`],
  ['\u0000', '"\\u0000"'],
  [1.5, '1.5'],
  [Number.NaN, 'NaN'],
  [2n, '2n'],
  [true, 'true'],
  [[1, 2], 'an array of 2'],
  [{}, 'an object (Object)'],
  [Object.create(null), 'an object (no prototype)'],
  [new Map(), 'an object (Map)'],
  [Symbol('s'), 'symbol'],
  [function named() {}, 'function named'],
  [
    (
      () => () =>
        1
    )(),
    'function (anonymous)',
  ],
])('describeValue(%o) is %s', (value, text) => expect(describeValue(value)).toBe(text));
