import { expect, test } from 'vitest';
import { compareStrings, pythonBytes, pythonJson } from '../../src/recipe/python-text.ts';

test.each([
  ['name', "b'name'"],
  ["it's", 'b"it\'s"'],
  [`both ' and "`, `b'both \\' and "'`],
  ['tab\tline\nback\\', "b'tab\\tline\\nback\\\\'"],
  ['ü\u007f\u0000', "b'\\xc3\\xbc\\x7f\\x00'"],
])('repr of the bytes of %j is %s', (text, expected) => {
  expect(pythonBytes(Buffer.from(text))).toBe(expected);
});

test('JSON is as json.dumps prints it', () => {
  const text = pythonJson({ version: 1, holder: 'ü "x" \u007f\u{1f600}\n', end: '2020-01-01T00:00:00' });
  expect(text).toBe('{"version": 1, "holder": "\\u00fc \\"x\\" \\u007f\\ud83d\\ude00\\n", "end": "2020-01-01T00:00:00"}');
});

test('strings are ordered by code point', () => {
  const sorted = ['b', 'a', 'ab', '\u{1f600}', '\uff5e', '', 'aa'].sort(compareStrings);
  expect(sorted).toEqual(['', 'a', 'aa', 'ab', 'b', '\uff5e', '\u{1f600}']);
  expect(compareStrings('a', 'a')).toBe(0);
});
