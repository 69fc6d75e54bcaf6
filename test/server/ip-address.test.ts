import { expect, test } from 'vitest';
import { isInNetwork, javaAddress, parseAddress } from '../../src/server/ip-address.ts';

test.each([
  ['127.0.0.1', '127.0.0.0/8', true],
  ['127.0.0.1', '126.0.0.0/7', true],
  ['127.0.0.1', '8.8.8.8/0', true],
  ['127.0.0.1', '10.0.0.0/8', false],
  ['127.0.0.1', '127.0.0.1', true],
  ['0:0:0:0:0:0:0:1', '::1', true],
  ['fe80::1', 'fe80::/10', true],
  ['fec0::1', 'fe80::/10', false],
  ['::1', '0.0.0.1', false],
  ['::ffff:1.2.3.4', '::ffff:1.2.3.0/120', true],
  ['nonsense', '0.0.0.0/0', false],
  ['127.0.0.1', 'nonsense', false],
])('%s in %s: %s', (address, network, expected) => {
  expect(isInNetwork(address, network)).toBe(expected);
});

test('addresses are written as Java writes them', () => {
  expect(['::1', '::ffff:10.0.0.1', '1.2.3.4', 'fe80::ab%eth0'].map(javaAddress)).toEqual([
    '0:0:0:0:0:0:0:1',
    '10.0.0.1',
    '1.2.3.4',
    'fe80:0:0:0:0:0:0:ab',
  ]);
});

test('an address is four numbers up to 255, or IPv6', () => {
  expect(['1.2.3.256', '1.2.3', '', '01.2.3.4', '1.2.3.-4'].map(parseAddress)).toEqual([null, null, null, [1, 2, 3, 4], null]);
  expect(parseAddress('2001:db8::')).toHaveLength(16);
});
