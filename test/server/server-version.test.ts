import { expect, test } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';
import { serverVersion } from '../../src/server/server-version.ts';

test('a line stands for its last release', () => {
  expect(['3.4', '3.9', '3.8.4'].map((version) => serverVersion(version).name)).toEqual(['3.4.14', '3.9.5', '3.8.4']);
});

test('a fix came to each line in its own release', () => {
  const guarded = (version: string): boolean => serverVersion(version).features.readGuardsEvents;
  expect(['3.6.4', '3.7.2', '3.7.3', '3.8.3', '3.8.4', '3.9.1', '3.9.2', '3.10.0'].map(guarded)).toEqual([
    false,
    false,
    true,
    false,
    true,
    false,
    true,
    true,
  ]);
});

test('releases compare by number', () => {
  const version = serverVersion('3.10.0');
  expect([version.atLeast('3.9.5'), version.atLeast('3.10.0'), version.atLeast('3.10.1')]).toEqual([true, true, false]);
});

test.each(['2.0', '3.3', 'nine', '3.9.x', '4.0.0'])('%s is no release that can be imitated', (version) => {
  expect(() => serverVersion(version)).toThrow(ConfigurationError);
  expect(() => serverVersion(version)).toThrow(JSON.stringify(version));
});
