import { expect, test } from 'vitest';
import { checkPath, lastSlash } from '../../src/server/path-rules.ts';

const isLegal = (path: string): boolean => {
  try {
    checkPath(path);
    return true;
  } catch {
    return false;
  }
};

test.each([
  '/',
  '/a',
  '/a/b',
  '/...',
  '/.a',
  '/a.',
  '/a b',
  '/a/..b',
  '/\u00a0',
  '/\uf900',
  '/\uffef',
  '/é世',
  '/a..',
  '/a/b..c',
])('%j is a path', (path) => expect(isLegal(path)).toBe(true));

test.each([
  '',
  'a',
  '/a/',
  '//',
  '//a',
  '/a//b',
  '/.',
  '/..',
  '/a/.',
  '/a/./b',
  '/../a',
  '/\u0000',
  '/\u0001',
  '/\u007f',
  '/\u009f',
  '/\ue000',
  '/\ufff0',
  '/😀',
])('%j is none', (path) => expect(isLegal(path)).toBe(false));

test('the name begins behind the last slash', () => {
  expect([lastSlash('/a'), lastSlash('/a/b')]).toEqual([0, 2]);
  expect(() => lastSlash('a')).toThrow();
  expect(() => lastSlash('/a\0')).toThrow();
});
