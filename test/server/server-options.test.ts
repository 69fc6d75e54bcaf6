import { expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/base/clock.ts';
import { ConfigurationError } from '../../src/base/errors.ts';
import { resolveServerOptions } from '../../src/server/server-options.ts';

test('everything has a default, and sessions last from two ticks to twenty', () => {
  expect(resolveServerOptions({ tickTime: 500 })).toMatchObject({
    port: 0,
    host: '127.0.0.1',
    minSessionTimeout: 1000,
    maxSessionTimeout: 10_000,
    clock: systemClock,
    containerMaxNeverUsedIntervalMs: 0,
  });
  expect(resolveServerOptions({ version: '3.10' }).containerMaxNeverUsedIntervalMs).toBe(300_000);
});

test('however long a tick is, sessions last no longer than can be told', () => {
  const longest = 2 ** 31 - 1;
  expect(resolveServerOptions({ tickTime: longest })).toMatchObject({ minSessionTimeout: longest, maxSessionTimeout: longest });
  expect(() => resolveServerOptions({ tickTime: longest + 1 })).toThrow('"tickTime"');
});

test('an undefined option is as one not given', () => {
  expect(resolveServerOptions({ port: undefined }).port).toBe(0);
});

test.each([
  ['port', 65_536],
  ['host', ''],
  ['tickTime', 0],
  ['version', 3.9],
  ['clock', {}],
  ['superDigest', 1],
  ['enforceQuota', 'yes'],
  ['whitelist', ['*']],
  ['jaasUsers', { bob: 1 }],
  ['tls', 'cert'],
  ['juteMaxbuffer', -1],
])('a wrong %s is named', (name, value) => {
  expect(() => resolveServerOptions({ [name]: value })).toThrow(ConfigurationError);
  expect(() => resolveServerOptions({ [name]: value })).toThrow(`"${name}"`);
});

test('options are an object, and do not contradict each other', () => {
  expect(() => resolveServerOptions(2181 as never)).toThrow('must be an object');
  expect(() => resolveServerOptions({ minSessionTimeout: 10, maxSessionTimeout: 5 })).toThrow('above maxSessionTimeout');
  expect(resolveServerOptions({ clock: new ManualClock() }).clock).toBeInstanceOf(ManualClock);
});
