import { expect, test } from 'vitest';
import { floatRepr, parseFloatText, parseIntText, pythonNumber } from '../../src/recipe/python-number.ts';

test.each([
  [0, '0.0'],
  [-0, '-0.0'],
  [3, '3.0'],
  [-3, '-3.0'],
  [2.1, '2.1'],
  [0.1 + 0.2, '0.30000000000000004'],
  [100, '100.0'],
  [123456.789, '123456.789'],
  [1e15, '1000000000000000.0'],
  [1e16, '1e+16'],
  [1.0000000000000002e16, '1.0000000000000002e+16'],
  [9999999999999998, '9999999999999998.0'],
  [123456789012345680, '1.2345678901234568e+17'],
  [1e21, '1e+21'],
  [1e22, '1e+22'],
  [1e100, '1e+100'],
  [-1.5e300, '-1.5e+300'],
  [0.0001, '0.0001'],
  [0.00012345, '0.00012345'],
  [0.00001, '1e-05'],
  [1e-7, '1e-07'],
  [-1.25e-7, '-1.25e-07'],
  [5e-324, '5e-324'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [Infinity, 'inf'],
  [-Infinity, '-inf'],
  [NaN, 'nan'],
])('%s is printed as Python prints it: %s', (value, text) => {
  expect(floatRepr(value)).toBe(text);
  expect(parseFloatText(text)).toBe(value);
});

test.each([
  ['3', 3],
  [' 3.5\n', 3.5],
  ['+1_000.5_0', 1000.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1_0e1_0', 10e10],
  ['-INF', -Infinity],
  ['+Infinity', Infinity],
  ['NaN', NaN],
])('float(%j) is %s', (text, value) => {
  expect(parseFloatText(text)).toBe(value);
});

test.each(['', ' ', '1__0', '_1', '1_', '0x10', '1e', 'infin', '1 2', '--1', '.', '1._5', "b'1'"])(
  'float(%j) is refused',
  (text) => {
    expect(() => parseFloatText(text)).toThrow(RangeError);
  },
);

test.each([
  ['7', 7n],
  ['-3', -3n],
  ['+5', 5n],
  ['007', 7n],
  [' 1_000 ', 1000n],
  ['1180591620717411303424', 2n ** 70n],
])('int(%j) is %s', (text, value) => {
  expect(parseIntText(text)).toBe(value);
});

test.each(['', '3.0', '1e3', '0x1', '1__0', '- 1', 'nan'])('int(%j) is refused', (text) => {
  expect(() => parseIntText(text)).toThrow(RangeError);
});

test.each<[number | bigint, string]>([
  [3, '3'],
  [-3n, '-3'],
  [1.5, '1.5'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [1.5e-7, '1.5e-07'],
  [1e22, '10000000000000000000000'],
])('str of %s is %s', (value, expected) => {
  expect(pythonNumber(value)).toBe(expected);
});
