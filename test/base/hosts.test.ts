import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../src/base/errors.ts';
import { collectHosts, formatHost } from '../../src/base/hosts.ts';

const servers = (hosts: string | string[]): string[] => collectHosts(hosts).hosts.map(formatHost);

describe('a connect string', () => {
  test.each<[string | string[], string[], string]>([
    ['host', ['host:2181'], ''],
    ['host:1', ['host:1'], ''],
    ['HOST:65535', ['host:65535'], ''],
    ['10.0.0.1:2182', ['10.0.0.1:2182'], ''],
    ['[::1]:2181', ['[::1]:2181'], ''],
    ['[::1]', ['[::1]:2181'], ''],
    ['::1', ['[::1]:2181'], ''],
    ['fe80::1%lo0', ['[fe80::1%lo0]:2181'], ''],
    ['[fe80::1%lo0]:1', ['[fe80::1%lo0]:1'], ''],
    ['2001:DB8::1', ['[2001:db8::1]:2181'], ''],
    ['::ffff:10.0.0.1', ['[::ffff:10.0.0.1]:2181'], ''],
    ['h1:1,[::1]:2,10.0.0.1,::1/app', ['h1:1', '[::1]:2', '10.0.0.1:2181', '[::1]:2181'], '/app'],
    [' h1:1', ['h1:1'], ''],
    ['h1:0', ['h1:2181'], ''],
    ['h1:1 , h2:2 ', ['h1:1', 'h2:2'], ''],
    ['h1:1,,h2:2,', ['h1:1', 'h2:2'], ''],
    ['h1:1/', ['h1:1'], ''],
    ['h1:1//a//b/', ['h1:1'], '/a/b'],
    ['h1:1,h2:2/a/b ', ['h1:1', 'h2:2'], '/a/b'],
    [['h1:1', 'h2'], ['h1:1', 'h2:2181'], ''],
    [['h1:1', 'h2:2/app'], ['h1:1', 'h2:2'], '/app'],
    [['h1:1', ' /app '], ['h1:1'], '/app'],
    [['h1:1', ''], ['h1:1'], ''],
  ])('%j names %j under %j (pain-points 58, 59)', (given, wanted, chroot) => {
    expect(servers(given)).toEqual(wanted);
    expect(collectHosts(given).chroot).toBe(chroot);
  });

  test.each<[unknown, RegExp]>([
    ['', /name no server/],
    [' , ', /name no server/],
    ['/app', /name no server/],
    [[], /name no server/],
    [['/app'], /name no server/],
    ['h1/a,h2/a', /one chroot belongs at the end/],
    [['h1/a', 'h2/a'], /chroot of its own/],
    [['h1,h2'], /"h1,h2"/],
    ['h1:x', /"h1:x"/],
    ['h1:', /"h1:"/],
    ['h1:-1', /"h1:-1"/],
    ['h1:99999', /99999/],
    ['h1:65536', /65536/],
    ['h1:1:2', /"h1:1:2"/],
    ['a:2181:2181', /host "a:2181:2181" is not "host", "host:port" or "\[IPv6\]:port"/],
    ['1:2:3', /"1:2:3"/],
    ['::1::', /"::1::"/],
    ['[zz]:1', /"\[zz\]:1"/],
    ['[10.0.0.1]:1', /"\[10.0.0.1\]:1"/],
    ['[:::1]', /"\[:::1\]"/],
    [':2181', /":2181"/],
    ['[::1', /"\[::1"/],
    ['[::1]x', /"\[::1\]x"/],
    ['[]:1', /"\[\]:1"/],
    ['a b:1', /"a b:1"/],
    ['http:', /"http:"/],
    ['h1:1/../x', /"\/\.\.\/x"/],
    ['h1:1/a\u0000', /not a path/],
    [5, /5/],
    [null, /null/],
    [{}, /an object/],
    [['h1', 5], /5/],
    [['h1', null], /null/],
    [Object.assign(['h1', 'h2', 'h3'], { length: 4 }), /strings only, not undefined/],
  ])('%j is refused, by name', (given, message) => {
    expect(() => collectHosts(given as string)).toThrow(ConfigurationError);
    expect(() => collectHosts(given as string)).toThrow(message);
  });
});
